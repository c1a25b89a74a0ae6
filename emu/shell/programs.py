"""Programs that send and receive: their command lines, and how they run as emulated processes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from emu.aio.process import SIGKILL, Process, spawn
from emu.apps.ping import FOREVER, ping
from emu.apps.traceroute import traceroute
from emu.observe.recorder import Recording
from emu.shell import capturing, connections, curling, fetching, following, listing, lookup, measuring, own_programs, relaying
from emu.shell.options import Usage, parse

if TYPE_CHECKING:
    from emu.net.netns import Namespace
    from emu.shell.call import Call
    from emu.shell.commands import Commands

__all__ = ["Usage", "start"]

TAKES_S = 0.001  # virtual time in which a program ends
Program = Callable[["Call", list[str]], Coroutine[Any, Any, int]]


class Lines(list[str]):
    """A process's output, on its way to the stand-in. Lines that begin with one of `to_stderr` go there."""

    def __init__(self, call: Call, to_stderr: tuple[str, ...]) -> None:
        super().__init__()
        self.call, self.to_stderr = call, to_stderr

    def append(self, line: str) -> None:
        """Print a line."""
        (self.call.error if line.startswith(self.to_stderr) else self.call.write)(f"{line}\n".encode("utf-8", "surrogateescape"))


async def _ping(call: Call, words: list[str]) -> int:
    flags, values, rest = parse("ping", words, "bfqnDvO4A", "ciWwsMtIQpSlm")
    if len(rest) != 1:
        raise Usage("ping: usage error: Destination address required", 1) if not rest else Usage(f"emu: not emulated: ping {rest[1]}", 2)
    for option in "AplS":
        if option in flags or option in values:
            raise Usage(f"emu: not emulated: ping -{option}", 2)
    source = values.text("I", "")
    is_address = source.replace(".", "").isdigit()
    flood = "f" in flags
    result = await ping(
        rest[0],
        values.whole("c", FOREVER),
        values.number("i", 0.01 if flood else 1.0),
        values.whole("s", 56),
        timeout=values.number("W") if "W" in values else None,
        ttl=values.whole("t") if "t" in values else None,
        tos=values.whole("Q", 0),
        df=values.text("M", ""),
        source=source if is_address else "",
        interface="" if is_address else source,
        quiet="q" in flags or flood,
        broadcast="b" in flags,
        mark=values.whole("m", 0),
        deadline=values.number("w") if "w" in values else None,
        on_interrupt=lambda stop: setattr(call, "on_signal", lambda number: stop()),
    )
    return result.status


async def _traceroute(call: Call, words: list[str]) -> int:
    flags, values, rest = parse("traceroute", words, "nI4", "mqwfsN")
    if not rest:
        raise Usage("Specify \"host\" missing argument.", 2)
    if "I" in flags:
        raise Usage("emu: not emulated: traceroute -I", 2)
    result = await traceroute(
        rest[0],
        max_hops=values.whole("m", 30),
        queries=values.whole("q", 3),
        wait=values.number("w", 5.0),
        size=int(rest[1]) if len(rest) > 1 and rest[1].isdigit() else 60,
        first_hop=values.whole("f", 1),
        numeric=True,  # there is no name service to ask for addresses' names
        source=values.text("s", ""),
        simultaneous=values.whole("N", 16),
    )
    return result.status


TABLE: dict[str, tuple[Program, tuple[str, ...]]] = {  # and how lines begin that go to standard error
    "ping": (_ping, ("ping: ", "WARNING: ")),
    "traceroute": (_traceroute, ("connect: ",)),
    "arping": (connections.run_arping, ("arping: ", "Interface ")),
    "tcpdump": (capturing.run_tcpdump, ()),
    "conntrack": (following.run_conntrack, ()),
    "ss": (listing.run_ss, ()),
    "iperf3": (measuring.run_iperf3, ()),
    "hostname": (listing.run_hostname, ()),
    "socat": (relaying.run_socat, ()),
    "wget": (fetching.run_wget, ()),
    "tracepath": (fetching.run_tracepath, ("tracepath: ",)),
    "dig": (lookup.run_dig, ()),
    "host": (lookup.run_host, ()),
    "nslookup": (lookup.run_nslookup, ()),
    "getent": (lookup.run_getent, ()),
    "curl": (curling.run_curl, ()),
    **dict.fromkeys(("nc", "netcat", "nc.openbsd"), (connections.run_nc, ())),
    **dict.fromkeys(("python3", "python"), (connections.run_file_server, ())),
}


def start(commands: Commands, call: Call, netns: Namespace) -> None:
    """Run the program in a process of its own in `netns`."""
    own = own_programs.find(call.argv) if call.name.startswith("python") else None
    if own is None and call.name.startswith("python") and not connections.is_file_server(call.argv):
        call.become(call.real_program())
        return
    if call.name == "getent" and not lookup.is_emulated(call.argv):
        call.become(call.real_program())
        return
    entry = (own, ()) if own is not None else TABLE.get(call.name)
    if entry is None:
        raise Usage(f"emu: not emulated: {call.name}", 1)
    program, to_stderr = entry
    loop = commands.loop

    async def main() -> int:
        lookup.current_call.set(call)
        try:
            return await program(call, call.argv[1:])
        except Usage as error:
            call.error(f"{error}\n".encode())
            return error.status

    lookup.install(loop, netns)
    telling = commands.recorder.begin() if commands.recorder is not None else None
    process = call.process = spawn(loop, netns, main(), name=call.name)
    if call.chain:
        process.pid = call.chain[-1]  # as the script sees it
    loop.sim.cause = 0
    process.output = Lines(call, to_stderr)
    call.on_gone = process.kill
    loop.create_task(watch(commands, call, process, telling))


async def watch(commands: Commands, call: Call, process: Process, telling: Recording | None) -> None:
    """Its end: what it sent last arrives while it ends."""
    status = await process.wait()
    await asyncio.sleep(TAKES_S)
    if telling is not None:
        commands.tell(f"{process.netns.name}: {' '.join(call.argv)}", process.netns, telling)
    if call.status is None and status != 128 + SIGKILL:
        call.exit(status)
