"""What becomes of connections, told as it happens (nf_conntrack_ecache.c): NEW when one is entered, UPDATE when a packet has changed its state, its
status or its mark, DESTROY when it is taken out.

As in the kernel, what a packet changes is told once, when the packet has come through. Whoever listens makes expired connections go at their time
(the kernel's gc worker comes round later, within a minute or so); nobody pays for it while nobody listens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emu.net.conntrack.entry import ASSURED, SEEN_REPLY

if TYPE_CHECKING:
    from emu.net.conntrack.entry import Entry
    from emu.net.conntrack.table import Conntrack
    from emu.sim import Timer

Tell = Callable[[str, "Entry", bool], None]  # NEW, UPDATE or DESTROY; the connection; whether a user's command did it


class Events:
    """Of one namespace, `track.events`; there while somebody listens."""

    def __init__(self, track: Conntrack) -> None:
        self.track = track
        self.listeners: list[Tell] = []
        self._known: dict[Entry, tuple[int, int, int]] = {ct: _look(ct) for ct in track}
        self._timer: Timer | None = None
        self._wait()

    def new(self, ct: Entry) -> None:
        """It has been entered."""
        self._known[ct] = _look(ct)
        self._tell("NEW", ct, False)
        self._wait()

    def seen(self, ct: Entry) -> None:
        """A packet of it has come through."""
        look = _look(ct)
        if self._known.get(ct) != look:
            self._known[ct] = look
            self._tell("UPDATE", ct, False)

    def gone(self, ct: Entry, by_user: bool) -> None:
        """It has been taken out."""
        self._known.pop(ct, None)
        self._tell("DESTROY", ct, by_user)

    def stop(self) -> None:
        """Nobody listens any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self, kind: str, ct: Entry, by_user: bool) -> None:
        for tell in list(self.listeners):
            tell(kind, ct, by_user)

    def _wait(self) -> None:
        """Until the first of them expires."""
        self.stop()
        times = [ct.timeout for ct in self.track]
        if times:
            self._timer = self.track.sim.call_at(min(times), self._expire)

    def _expire(self) -> None:
        now = self.track.sim.now
        self._timer = None
        self.track.remove_if(lambda ct: ct.timeout <= now)
        self._wait()


def listen(track: Conntrack, tell: Tell) -> Callable[[], None]:
    """Tell of every connection's fate from now on; returns what ends it."""
    events = track.events
    if events is None:
        events = track.events = Events(track)
        track.ns.generation += 1
    events.listeners.append(tell)

    def end() -> None:
        if tell in events.listeners:
            events.listeners.remove(tell)
        if not events.listeners and track.events is events:
            events.stop()
            track.events = None
            track.ns.generation += 1

    return end


def _look(ct: Entry) -> tuple[int, int, int]:
    return ct.status & (SEEN_REPLY | ASSURED), ct.tcp.state if ct.tcp is not None else 0, ct.mark
