"""Capture filters: by libpcap's compiler where the machine has it, else the part of pcap-filter(7) that tcpdump_filter understands."""

from __future__ import annotations

from collections.abc import Callable

from emu.apps import libpcap, tcpdump_filter
from emu.apps.bpf import PKTTYPE, ProgramError, run

Test = Callable[[bytes, bool], bool]  # of a packet as the link type has it, and whether it goes out


class FilterError(ValueError):
    """The expression is wrong; the text is what tcpdump says of it."""


class NotEmulated(ValueError):
    """It is right, and not understood here; the text says what."""


def everything(packet: bytes, outgoing: bool) -> bool:
    """No filter."""
    return True


def compile_filter(words: list[str], link_type: int = libpcap.EN10MB, netmask: int = libpcap.NETMASK_UNKNOWN) -> Test:
    """A test of packets. Raises FilterError, NotEmulated."""
    expression = " ".join(words)
    if not expression.strip():
        return everything
    if libpcap.library() is None:
        return _without_libpcap(words)
    if names := libpcap.hosts_in(expression):
        raise NotEmulated(f"names of hosts and networks in a capture filter: {names[0]!r}")
    try:
        program = libpcap.compile_expression(expression, link_type, netmask)
    except libpcap.FilterError as error:
        raise FilterError(str(error)) from None
    outgoing, incoming = {PKTTYPE: 4}, {PKTTYPE: 0}
    try:
        run(program, bytes(64), outgoing)
    except ProgramError as error:
        raise NotEmulated(f"this capture filter ({error})") from None

    def test(packet: bytes, out: bool) -> bool:
        return run(program, packet, outgoing if out else incoming) != 0

    return test


def _without_libpcap(words: list[str]) -> Test:
    try:
        wanted = tcpdump_filter.compile_filter(words)
    except tcpdump_filter.FilterError as error:
        raise NotEmulated(f"the capture filter {' '.join(words)!r}, at {error}, on a machine without libpcap") from None
    return lambda packet, out: wanted(packet)
