"""`conntrack -E`: prints what becomes of connections until a signal comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from emu.aio.context import netns
from emu.iproute import conntrack
from emu.iproute.cmd.conntrack import PROGRAM, Request
from emu.iproute.cmd.invocation import Stop
from emu.net.conntrack import get
from emu.net.conntrack.events import listen
from emu.shell.options import Usage

if TYPE_CHECKING:
    from emu.net.conntrack import Entry
    from emu.shell.call import Call


def wanted(argv: list[str]) -> bool:
    """Whether a command line is one that follows connections."""
    return argv[0] == "conntrack" and any(word in ("-E", "--event") for word in argv[1:])


async def run_conntrack(call: Call, words: list[str]) -> int:
    """conntrack -E [-e EVENTS] [FILTERS]."""
    try:
        request = Request(words)
    except Stop as error:
        raise Usage(str(error).rstrip("\n"), error.status) from None
    if request.stamped:
        raise Usage("emu: not emulated: conntrack -E -o timestamp", 1)
    ns, ended, shown = netns(), asyncio.Event(), 0
    chosen = conntrack.chosen(**request.filters)

    def tell(kind: str, ct: Entry, by_user: bool) -> None:
        nonlocal shown
        if kind in request.events and chosen(ct) and request.wanted(ct):
            shown += 1
            line = conntrack.event_line(kind, ct, ns.sim.now, by_user)
            call.write(f"{line[:10]}{'ipv4     2 ' if request.extended else ''}{line[10:]}\n".encode())

    end = listen(get(ns), tell)
    call.on_signal = lambda number: ended.set()
    try:
        await ended.wait()
    finally:
        end()
    call.error(f"{PROGRAM}: {shown} flow events have been shown.\n".encode())
    return 0
