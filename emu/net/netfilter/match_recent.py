"""`-m recent` (xt_recent): lists of addresses with the times they were last seen, shared by name within a namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net.netfilter.expression import Part, call
from emu.net.netfilter.rule import Match

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netfilter.netfilter import Netfilter
    from emu.net.skb import Skb

MAX_ADDRESSES = 100  # ip_list_tot
SET, CHECK, UPDATE, REMOVE = "set", "rcheck", "update", "remove"


class Entry:
    """One address. `stamps`: when it was seen (ns), a ring whose next place is `index`."""

    __slots__ = ("index", "stamps", "ttl")

    def __init__(self, now: int, ttl: int) -> None:
        self.stamps = [now]
        self.index = 1
        self.ttl = ttl

    def seen(self, now: int, size: int) -> None:
        """Note one more packet (recent_entry_update)."""
        self.index %= size
        if self.index == len(self.stamps):
            self.stamps.append(now)
        else:
            self.stamps[self.index] = now
        self.index += 1


class RecentList:
    """`entries`: address -> Entry, the least recently seen first. `size`: stamps kept of each address."""

    __slots__ = ("entries", "size")

    def __init__(self, size: int) -> None:
        self.entries: dict[int, Entry] = {}
        self.size = size

    def touch(self, address: int, entry: Entry, now: int) -> None:
        """Seen again: to the end of the list."""
        entry.seen(now, self.size)
        del self.entries[address]
        self.entries[address] = entry

    def add(self, address: int, now: int, ttl: int) -> None:
        """A new address; the one not seen for longest makes room."""
        entries = self.entries
        if len(entries) >= MAX_ADDRESSES:
            del entries[next(iter(entries))]
        entries[address] = Entry(now, ttl)


def keep_lists(lists: dict[str, RecentList], sizes: dict[str, int]) -> None:
    """After a change of rules: a list without a rule goes, one that has to hold more stamps than before begins again (recent_mt_check)."""
    for name in list(lists):
        size = sizes.get(name)
        if size is None:
            del lists[name]
        elif size > lists[name].size:
            lists[name] = RecentList(size)


class Recent(Match):
    """`what`: set, rcheck, update or remove. `seconds`, `hitcount`: 0 for not asked. `destination`: the address is the packet's destination."""

    name = "recent"
    pure = False
    cacheable = False
    __slots__ = ("destination", "hitcount", "invert", "list_name", "mask", "reap", "rttl", "seconds", "what")

    def __init__(self, what: str, list_name: str) -> None:
        self.what = what
        self.list_name = list_name
        self.seconds = 0
        self.hitcount = 0
        self.reap = False
        self.rttl = False
        self.mask = 0xFFFFFFFF
        self.destination = False
        self.invert = False

    @property
    def size(self) -> int:
        """Stamps kept of an address: enough for the hit count, in powers of two."""
        return 1 << (self.hitcount - 1).bit_length() if self.hitcount else 32

    def part(self) -> Part:
        return call(self._run)

    def _list(self, nf: Netfilter) -> RecentList:
        table: RecentList | None = nf.recent.get(self.list_name)
        if table is None:
            table = nf.recent[self.list_name] = RecentList(max(self.size, nf.recent_sizes().get(self.list_name, 0)))
        return table

    def _run(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter) -> bool:
        table = self._list(nf)
        now = nf.ns.sim.now
        invert = self.invert
        # The TTL as it was before this node took one.
        ttl = skb.ttl + 1 if outdev is not None and skb.sk is None else skb.ttl
        address = (skb.daddr if self.destination else skb.saddr) & self.mask
        entry = table.entries.get(address)
        if entry is not None and self.rttl and ttl and entry.ttl and entry.ttl != ttl:
            entry = None
        what = self.what
        if entry is None:
            if what != SET:
                return invert
            table.entries.pop(address, None)
            table.add(address, now, ttl)
            return not invert
        result = invert
        if what == SET:
            result = not invert
        elif what == REMOVE:
            del table.entries[address]
            return not invert
        else:
            since = now - self.seconds * 1_000_000_000
            hits = 0
            for stamp in entry.stamps:
                if self.seconds and since > stamp:
                    continue
                hits += 1
                if hits >= self.hitcount:
                    result = not invert
                    break
            if self.reap:
                self._reap(table, since, address if what == UPDATE and result else -1)
        if what == SET or (what == UPDATE and result):
            table.touch(address, entry, now)
            entry.ttl = ttl
        return result

    def _reap(self, table: RecentList, since: int, keep: int) -> None:
        """Forget the address at the head of the list if it was last seen too long ago (recent_entry_reap)."""
        oldest = next(iter(table.entries))
        entry = table.entries[oldest]
        if oldest != keep and since > entry.stamps[entry.index - 1]:
            del table.entries[oldest]
