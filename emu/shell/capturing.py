"""The command line of tcpdump."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.aio.context import netns
from emu.apps import tcpdump
from emu.apps.capture_filter import FilterError, NotEmulated, compile_filter, everything
from emu.apps.libpcap import NETMASK_UNKNOWN
from emu.apps.tcpdump_text import Style
from emu.pcap.file import SNAPLEN
from emu.shell.options import Usage, parse

if TYPE_CHECKING:
    from emu.shell.call import Call

LONG = {
    "interface": "i", "count": "0", "direction": "Q", "no-promiscuous-mode": "p", "list-interfaces": "D", "number": "#", "snapshot-length": "s",
    "absolute-tcp-sequence-numbers": "S", "immediate-mode": "m", "packet-buffered": "U", "print": "P",
}  # fmt: skip
DIRECTIONS = {"": "", "in": "in", "out": "out", "inout": ""}


async def run_tcpdump(call: Call, words: list[str]) -> int:
    """tcpdump [OPTIONS] [FILTER]."""
    flags, values, rest = parse("tcpdump", words, "nUlpeqtvKNSxXADL#mHIfub", "iwcQsZBr", LONG, None)
    if "D" in flags:
        call.write("".join(f"{line}\n" for line in tcpdump.list_devices(netns())).encode())
        return 0
    for option, letter in (("count", "0"), ("print", "P")):
        if letter in flags:
            raise Usage(f"emu: not emulated: tcpdump --{option}", 1)
    if (direction := values.text("Q", "")) not in DIRECTIONS:
        raise Usage(f"tcpdump: unknown capture direction `{direction}'", 1)
    style = Style(
        flags.count("t"), "e" in flags, "q" in flags, "S" in flags, flags.count("v"), _hexdump(flags), flags.count("x") > 1 or flags.count("X") > 1,
        "n" in flags, "#" in flags,
    )  # fmt: skip
    snaplen, promiscuous = values.whole("s") or SNAPLEN, "p" not in flags
    options = tcpdump.Options(values.text("i", ""), values.text("w", ""), _count(values.get("c")), DIRECTIONS[direction], snaplen, promiscuous, style)
    capture = tcpdump.Tcpdump(call, options)
    try:
        if "r" in values:
            name = values["r"]
            if name == "-":
                raise Usage("emu: not emulated: tcpdump -r - (write to a file and read that)", 1)
            return capture.read(name, call.path(name), rest)
        if (name := capture.device_name()) != "any" and name not in netns().devices:
            return await capture.run(everything)
        wanted = compile_filter(rest, capture.link_type, _netmask(name))
    except FilterError as error:
        raise Usage(f"tcpdump: {error}", 1) from None
    except NotEmulated as error:
        raise Usage(f"emu: not emulated: {error}", 1) from None
    call.on_signal = lambda number: capture.stop()
    return await capture.run(wanted)


def _hexdump(flags: list[str]) -> str:
    return next((letter for letter in "XxA" if letter in flags), "")


def _count(text: str | None) -> int:
    if text is None:
        return 0
    if not text.isdigit() or not int(text):
        raise Usage(f"tcpdump: invalid packet count {text}", 1)
    return int(text)


def _netmask(name: str) -> int:
    """Of the device's first address, in the byte order that libpcap wants."""
    device = netns().devices.get(name)
    address = next(iter(device.addresses), None) if device is not None else None
    if address is None:
        return NETMASK_UNKNOWN
    return int.from_bytes((0xFFFFFFFF << (32 - address.length) & 0xFFFFFFFF).to_bytes(4, "big"), "little")
