"""The machine that runs compiled filters, and libpcap's compiler for it."""

from __future__ import annotations

import pytest

from emu.apps import libpcap
from emu.apps.bpf import ProgramError, run
from emu.apps.capture_filter import FilterError, NotEmulated, compile_filter

TCP_SYN = bytes.fromhex(
    "020000000002 020000000001 0800"
    "4500 0028 0001 4000 4006 0000 0a000001 0a000002"
    "9c40 0050 00000001 00000000 5002 0100 0000 0000"
)
ARP = bytes.fromhex("ffffffffffff02000000000108060001080006040001") + bytes(20)
UDP = TCP_SYN[:23] + b"\x11" + TCP_SYN[24:34] + bytes.fromhex("0035d431000c0000") + b"abcd"

needs_libpcap = pytest.mark.skipif(libpcap.library() is None, reason="libpcap is not installed")


def test_loads_arithmetic_and_jumps() -> None:
    program = [(0x30, 0, 0, 1), (0x14, 0, 0, 2), (0x35, 0, 1, 3), (0x06, 0, 0, 9), (0x06, 0, 0, 0)]  # ldb [1]; sub #2; jge #3
    assert run(program, b"\x00\x05") == 9
    assert run(program, b"\x00\x04") == 0
    assert run(program, b"\x00") == 0  # beyond the end


def test_a_division_by_zero_is_no() -> None:
    assert run([(0x01, 0, 0, 0), (0x3C, 0, 0, 0), (0x06, 0, 0, 1)], b"") == 0


def test_what_it_does_not_know_is_an_error() -> None:
    with pytest.raises(ProgramError):
        run([(0x20, 0, 0, 0xFFFFF000 + 52), (0x06, 0, 0, 1)], bytes(60))


@needs_libpcap
@pytest.mark.parametrize(
    ("expression", "frames"),
    [
        ("tcp", "T"), ("udp", "U"), ("arp", "A"), ("ip", "TU"), ("not ip", "A"), ("tcp[tcpflags] & tcp-syn != 0", "T"), ("tcp[13] = 2", "T"),
        ("port 80", "T"), ("port domain", "U"), ("tcp port http or arp", "TA"), ("src host 10.0.0.1", "TU"), ("dst 10.0.0.1", ""), ("net 10.0.0.0/8", "TU"),
        ("ether host 02:00:00:00:00:01", "TUA"), ("ether broadcast", "A"), ("udp[8:2] = 0x6162", "U"), ("portrange 50-90", "TU"), ("len > 50", "T"),
        ("ip proto \\tcp and (dst port 80 or dst port 443)", "T"), ("outbound", ""), ("inbound", "TUA"), ("ip[8] > 63", "TU"),
    ],
)  # fmt: skip
def test_expressions(expression: str, frames: str) -> None:
    test = compile_filter(expression.split())
    assert "".join(name for name, frame in (("T", TCP_SYN), ("U", UDP), ("A", ARP)) if test(frame, False)) == frames


@needs_libpcap
def test_names_are_not_looked_up_on_this_machine() -> None:
    for expression in ("host web", "src web or dst 10.0.0.1", "net loopback"):
        with pytest.raises(NotEmulated, match="names of hosts"):
            compile_filter(expression.split())


@needs_libpcap
def test_libpcaps_own_words_for_what_is_wrong() -> None:
    with pytest.raises(FilterError, match="syntax error"):
        compile_filter(["tcp", "and", "("])
    with pytest.raises(FilterError, match="unknown port 'nosuch'"):
        compile_filter(["port", "nosuch"])


def test_without_libpcap_the_common_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libpcap, "library", lambda: None)
    test = compile_filter(["tcp", "port", "80"])
    assert test(TCP_SYN, False)
    assert not test(UDP, False)
    with pytest.raises(NotEmulated, match="without libpcap"):
        compile_filter(["tcp[13]", "=", "2"])
