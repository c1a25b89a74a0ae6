"""The forwarding database of a bridge: which port a MAC was last seen behind (net/bridge/br_fdb.c).

One dictionary keyed by the six bytes. Refreshing an entry is one store of a timestamp. One timer a bridge, set to the earliest moment at which
an entry can end and only while there is an entry that can, removes what has aged: until it does, an entry is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from emu.sim import NS_PER_MS, NS_PER_S
from emu.wire.addr import ZERO_MAC

if TYPE_CHECKING:
    from emu.sim import Sim, Timer

P = TypeVar("P")  # a port of a bridge, or of a switch

AGEING_TIME_NS = 300 * NS_PER_S
_MIN_SWEEP_NS = 10 * NS_PER_MS  # br_fdb_cleanup: "Cleanup minimum 10 milliseconds apart"


class FdbEntry(Generic[P]):
    """`port`: where frames for `mac` go, None for the bridge itself. `local`: ours, frames go up. `static`: does not age. `updated`: ns, last
    seen as a source. `sticky`: does not move to another port. `added_by_user`: by configuration, so it is not lost when learning is off."""

    __slots__ = ("added_by_user", "local", "mac", "port", "static", "sticky", "updated")

    def __init__(self, mac: bytes, port: P | None, now: int, *, local: bool = False, static: bool = False) -> None:
        self.mac = mac
        self.port = port
        self.updated = now
        self.local = local
        self.static = static
        self.sticky = False
        self.added_by_user = False


class Fdb(Generic[P]):
    """The table of one bridge. `changed` is called when an entry comes, moves or goes (not when it is refreshed)."""

    __slots__ = ("_changed", "_sim", "_sweep", "ageing_ns", "entries", "learned", "max_learned")

    def __init__(self, sim: Sim, changed: Callable[[], None]) -> None:
        self._sim = sim
        self._changed = changed
        self._sweep: Timer | None = None
        self.entries: dict[bytes, FdbEntry[P]] = {}
        self.ageing_ns = AGEING_TIME_NS
        self.learned = 0  # entries that were learned (fdb_n_learned)
        self.max_learned = 0  # 0: no limit (fdb_max_learned)

    # -- learning -----------------------------------------------------------------------------------------------------------------

    def learn(self, mac: bytes, port: P) -> FdbEntry[P] | None:
        """A new source MAC (fdb_create for a learned address). None if the table may not grow or nothing is to be remembered."""
        if self.ageing_ns == 0 or (self.max_learned and self.learned >= self.max_learned):
            return None
        entry = self.entries[mac] = FdbEntry(mac, port, self._sim.now)
        self.learned += 1
        self._changed()
        if self._sweep is None:
            self._schedule(self._sim.now + self.ageing_ns)
        return entry

    def move(self, entry: FdbEntry[P], port: P) -> None:
        """The MAC was seen behind another port (roaming)."""
        entry.port = port
        self._changed()

    # -- local and user's entries -------------------------------------------------------------------------------------------------

    def add_local(self, mac: bytes, port: P | None) -> None:
        """The MAC of a port or of the bridge (fdb_add_local); one that is local already stays as it is. No MAC, no entry."""
        if mac == ZERO_MAC:
            return
        old = self.entries.get(mac)
        if old is not None:
            if old.local or old.added_by_user:
                return
            self.delete(old)
        self.entries[mac] = FdbEntry(mac, port, self._sim.now, local=True, static=True)
        self._changed()

    def add(self, entry: FdbEntry[P]) -> None:
        """An entry that a user made; it takes the place of what was there."""
        old = self.entries.get(entry.mac)
        if old is not None and not old.added_by_user and not old.local:
            self.learned -= 1
        entry.added_by_user = True
        self.entries[entry.mac] = entry
        self._changed()
        if not entry.static and self._sweep is None:
            self._schedule(entry.updated + self.ageing_ns)

    def delete(self, entry: FdbEntry[P]) -> None:
        """Remove an entry."""
        if self.entries.get(entry.mac) is entry:
            del self.entries[entry.mac]
            if not entry.added_by_user and not entry.local:
                self.learned -= 1
            self._changed()

    def flush_port(self, port: P) -> None:
        """Forget what ages behind a port (br_fdb_delete_by_port)."""
        for entry in list(self.entries.values()):
            if entry.port is port and not entry.static:
                self.delete(entry)

    # -- ageing -------------------------------------------------------------------------------------------------------------------

    def set_ageing(self, ageing_ns: int) -> None:
        """Change the time after which an entry ends; 0: nothing is learned, all is flooded."""
        self.ageing_ns = ageing_ns
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        self._cleanup()

    def stop(self) -> None:
        """The bridge is gone."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        self.entries.clear()

    def _schedule(self, when: int) -> None:
        sim = self._sim
        cause, sim.cause = sim.cause, 0  # nobody's packet causes an entry to end
        self._sweep = sim.call_at(when, self._cleanup)
        sim.cause = cause

    def _cleanup(self) -> None:
        """Remove what has aged and come back when the next can (br_fdb_cleanup)."""
        self._sweep = None
        now = self._sim.now
        ageing = self.ageing_ns
        earliest: int | None = None
        for entry in list(self.entries.values()):
            if entry.static:
                continue
            ends = entry.updated + ageing
            if ends <= now:
                self.delete(entry)
            elif earliest is None or ends < earliest:
                earliest = ends
        if earliest is not None:
            self._schedule(max(earliest, now + _MIN_SWEEP_NS))
