"""The identification field of packets without an id of their own (__ip_select_ident, ip_idents_reserve in net/ipv4/route.c).

A machine has counters that all its namespaces share, chosen by a hash of destination, source, protocol and namespace. Between two uses a counter
also jumps by a random number up to the ticks that went by, so that nobody can count a host's packets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from emu.net.netns import Namespace

TICK_NS = 1_000_000  # HZ = 1000
BUCKETS = 2048


def select_ident(ns: Namespace, saddr: int, daddr: int, proto: int, segments: int = 1) -> int:
    """The next identification for this pair of addresses and protocol; `segments` of them are taken."""
    idents: Idents | None = ns.ip_id
    if idents is None:
        idents = ns.ip_id = Idents(ns)
    return idents.reserve(saddr, daddr, proto, segments)


class Idents:
    """A namespace's counters by hash bucket: [last used value, tick of that]. Made with the first packet that needs one."""

    __slots__ = ("_buckets", "_key", "_ns", "_random")

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns
        self._random = ns.sim.stream(f"{ns.kernel.name}/ip_id").getrandbits
        self._key = crc32(ns.name.encode()) | 1
        self._buckets: dict[int, list[int]] = {}

    def reserve(self, saddr: int, daddr: int, proto: int, segments: int) -> int:
        """ip_idents_reserve."""
        bucket = ((daddr * 0x9E3779B1 ^ saddr * 0x85EBCA6B ^ proto * self._key) >> 5) % BUCKETS
        now = self._ns.sim.now // TICK_NS
        entry = self._buckets.get(bucket)
        if entry is None:
            entry = self._buckets[bucket] = [self._random(16), now]
        jump = 0
        if entry[1] != now:
            jump = self._random(32) * (now - entry[1]) >> 32
            entry[1] = now
        entry[0] = (entry[0] + segments + jump) & 0xFFFF
        return (entry[0] - segments) & 0xFFFF
