"""The neighbours of a whole machine: Linux has one ARP table for all namespaces, with one limit (net/core/neighbour.c, neigh_alloc, neigh_forced_gc).

Below gc_thresh1 entries nothing is collected. From there on a periodic look removes entries that were not used for gc_stale_time. From gc_thresh2
on a new entry makes room by force, and with gc_thresh3 entries that cannot go there is no new one: "neighbor table overflow".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net.neigh_entry import FAILED, IN_TIMER, NOARP, PERMANENT
from emu.sim import NS_PER_MS, NS_PER_S

if TYPE_CHECKING:
    from emu.net.neigh import NeighTable
    from emu.net.neigh_entry import Neigh
    from emu.net.netns import Kernel



class ArpTable:
    """All entries of the machine that may be collected, oldest first (gc_list); PERMANENT ones are exempt."""

    __slots__ = ("_last_flush", "_work", "entries", "kernel")

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.entries: dict[Neigh, NeighTable] = {}
        self._last_flush = -5 * NS_PER_S
        self._work = False

    def make_room(self) -> bool:
        """Whether one entry more is allowed, after collecting what the thresholds demand (neigh_alloc)."""
        kernel = self.kernel
        count = len(self.entries)
        if count >= kernel.gc_thresh3 or (count >= kernel.gc_thresh2 and kernel.sim.now > self._last_flush + 5 * NS_PER_S):
            if not self._forced_gc() and count >= kernel.gc_thresh3:
                return False
        return True

    def add(self, entry: Neigh, table: NeighTable) -> None:
        """Count a new entry."""
        self.entries[entry] = table
        self.kernel.neigh_entries = len(self.entries)
        if not self._work and len(self.entries) >= self.kernel.gc_thresh1:
            self._work = True
            self._schedule(table)

    def note(self, entry: Neigh, table: NeighTable) -> None:
        """Its state was set by a user: PERMANENT is exempt (neigh_update_gc_list)."""
        if entry.state == PERMANENT:
            self.forget(entry)
        elif entry not in self.entries:
            self.add(entry, table)

    def forget(self, entry: Neigh) -> None:
        """The entry is removed, or exempt."""
        self.entries.pop(entry, None)
        self.kernel.neigh_entries = len(self.entries)

    def _forced_gc(self) -> int:
        """Remove entries that nobody waits for and that are 5 s old, down to gc_thresh2. Returns how many went."""
        now = self.kernel.sim.now
        wanted = len(self.entries) + 1 - self.kernel.gc_thresh2
        gone = 0
        for entry, table in list(self.entries.items()):
            if entry.state & IN_TIMER:  # its timer holds a reference
                continue
            if entry.state & (FAILED | NOARP) or now - entry.updated > 5 * NS_PER_S:
                table.remove(entry)
                gone += 1
                if gone >= wanted:
                    break
        self._last_flush = now
        return gone

    def _schedule(self, table: NeighTable) -> None:
        sim = self.kernel.sim
        cause, sim.cause = sim.cause, 0
        # Half of base_reachable_time of the table's own parameters, which is 30 s.
        sim.call_later(15 * NS_PER_S, self._periodic, table)
        sim.cause = cause

    def _periodic(self, table: NeighTable) -> None:
        """neigh_periodic_work; it rests while there are few entries."""
        now = self.kernel.sim.now
        if len(self.entries) < self.kernel.gc_thresh1:
            self._work = False
            return
        for entry, owner in list(self.entries.items()):
            if entry.state & IN_TIMER:
                continue
            entry.used = max(entry.used, entry.confirmed)
            stale_ns: int = owner.ns.sysctl.neigh(entry.dev).gc_stale_time * 1000 * NS_PER_MS
            if entry.state == FAILED or now - entry.used >= stale_ns:
                owner.remove(entry)
        self._schedule(table)
