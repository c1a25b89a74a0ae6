"""The command line of iperf3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.aio.context import netns
from emu.apps.iperf3 import PORT, TCP_LENGTH, UDP_LENGTH, UDP_RATE, Options, client, server
from emu.apps.iperf3_text import size
from emu.shell.options import Usage, Values, parse

if TYPE_CHECKING:
    from emu.shell.call import Call

LONG = {
    "port": "p", "interval": "i", "bind": "B", "server": "s", "one-off": "1", "client": "c", "udp": "u", "bitrate": "b", "bandwidth": "b", "time": "t",
    "bytes": "n", "length": "l", "reverse": "R", "version4": "4", "forceflush": "#", "no-delay": "N", "version": "v",
}  # fmt: skip
MAX_LENGTH, MAX_SECONDS = 1 << 20, 86400
HELP = "Usage: iperf3 [-s|-c host] [options]\nTry `iperf3 --help' for more information."


async def run_iperf3(call: Call, words: list[str]) -> int:
    """iperf3 -s [OPTIONS] or iperf3 -c HOST [OPTIONS]."""
    flags, values, rest = parse("iperf3", words, "s1uR4#Nv", "pciBbtnl", LONG)
    if "v" in flags:
        call.write(b"iperf 3.12 (emu)\n")
        return 0
    if rest:
        raise Usage(f"emu: not emulated: iperf3 {rest[0]}", 1)
    if "s" in flags and "c" in values:
        raise _parameter("cannot be both server and client")
    if "s" not in flags and "c" not in values:
        raise _parameter("must either be a client (-c) or server (-s)")
    if "t" in values and "n" in values:
        raise _parameter("only one test end condition (-t, -n, -k) may be specified")
    who = "server" if "s" in flags else "client"

    def end(number: int) -> None:
        call.error(f"iperf3: interrupt - the {who} has terminated\n".encode())
        call.exit(1)  # it catches the signal and exits
        if call.process is not None:
            call.process.kill()

    call.on_signal = end
    options = _options(flags, values)
    if "s" in flags:
        return await server(call, options)
    return await client(call, values["c"], options, netns().sim.stream(f"iperf3 {netns().name}"))


def _parameter(text: str) -> Usage:
    return Usage(f"iperf3: parameter error - {text}\n\n{HELP}", 1)


def _options(flags: list[str], values: Values) -> Options:
    udp = "u" in flags
    rate = _size(values, "b", 1000) if "b" in values else UDP_RATE if udp else 0
    length = _size(values, "l", 1024) or (UDP_LENGTH if udp else TCP_LENGTH)
    seconds = values.whole("t", 10)
    if length > MAX_LENGTH:
        raise _parameter("block size too large (maximum = 1048576 bytes)")
    if seconds > MAX_SECONDS:
        raise _parameter("test duration too long (maximum = 86400 seconds)")
    every = values.number("i", 1.0)
    if every and not 0.1 <= every <= 60:
        raise _parameter("invalid report interval (min = 0.1, max = 60 seconds)")
    octets = _size(values, "n", 1024)
    if not seconds and not octets:
        raise Usage("emu: not emulated: iperf3 -t 0 (a test without an end)", 1)
    return Options(values.whole("p", PORT), udp, "R" in flags, seconds, octets, rate, length, every, values.text("B", ""), "1" in flags)


def _size(values: Values, option: str, thousand: int) -> int:
    text = values.text(option, "0")
    try:
        return size(text, thousand)
    except ValueError:
        raise Usage(f"emu: not emulated: iperf3 -{option} {text}", 1) from None
