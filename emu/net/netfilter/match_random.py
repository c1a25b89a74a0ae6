"""`-m statistic`, `limit`, `hashlimit`: matches that are true for some of the packets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net.netfilter.expression import Part, call
from emu.net.netfilter.rule import Match

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netfilter.netfilter import Netfilter
    from emu.net.skb import Skb


class Random(Match):
    """`probability`: of 0x80000000; the kernel compares 31 random bits with it (statistic_mt)."""

    name = "statistic"
    pure = False
    cacheable = False
    __slots__ = ("invert", "probability")

    def __init__(self, probability: int, invert: bool) -> None:
        self.probability = probability
        self.invert = invert

    def part(self) -> Part:
        return (f"(nf.statistic.getrandbits(31) < {{}}) is {not self.invert}", (self.probability,))


class Nth(Match):
    """Every `every`th packet, counted from `packet`; each rule counts for itself."""

    name = "statistic"
    pure = False
    cacheable = False
    counting = True
    __slots__ = ("_count", "every", "invert", "packet")

    def __init__(self, every: int, packet: int, invert: bool) -> None:
        self.every = every
        self.packet = packet
        self.invert = invert
        self._count = every - 1 - packet

    def own_copy(self) -> Nth:
        return Nth(self.every, self.packet, self.invert)

    def part(self) -> Part:
        return call(self._hit)

    def _hit(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter) -> bool:
        self._count = 0 if self._count == self.every - 1 else self._count + 1
        return (self._count == 0) != self.invert


class Bucket:
    """A token bucket in nanoseconds of credit. `cost` of one packet, `burst` packets at most."""

    __slots__ = ("cap", "cost", "credit", "when")

    def __init__(self, cost: int, burst: int, now: int) -> None:
        self.cost = cost
        self.cap = self.credit = cost * burst
        self.when = now

    def take(self, now: int) -> bool:
        """Whether a packet fits now; if so it is taken."""
        self.credit = min(self.cap, self.credit + now - self.when)
        self.when = now
        if self.credit >= self.cost:
            self.credit -= self.cost
            return True
        return False


class Limit(Match):
    """`average`: tenths of a millisecond between packets, as the kernel keeps it; `burst`: packets."""

    name = "limit"
    pure = False
    cacheable = False
    counting = True
    __slots__ = ("_bucket", "average", "burst")

    def __init__(self, average: int, burst: int) -> None:
        self.average = average
        self.burst = burst
        self._bucket: Bucket | None = None

    def own_copy(self) -> Limit:
        return Limit(self.average, self.burst)

    def part(self) -> Part:
        return call(self._hit)

    def _hit(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter) -> bool:
        now = nf.ns.sim.now
        bucket = self._bucket
        if bucket is None:
            bucket = self._bucket = Bucket(self.average * 100_000, self.burst, now)
        return bucket.take(now)


class Hashlimit(Match):
    """A bucket for each source, destination, port (`mode`, a tuple of srcip, dstip, srcport, dstport). `average`: microseconds between packets.
    `above`: true for what does not fit. Rules with one `list_name` share the buckets. `table_options`: as given, (name, number) pairs.
    """

    name = "hashlimit"
    pure = False
    cacheable = False
    __slots__ = ("above", "average", "burst", "dstmask", "expire", "list_name", "maximum", "mode", "srcmask", "table_options")

    def __init__(self, list_name: str, average: int, burst: int, above: bool) -> None:
        self.list_name = list_name
        self.average = average
        self.burst = burst
        self.above = above
        self.mode: tuple[str, ...] = ()
        self.srcmask = self.dstmask = 32
        self.expire = 10_000  # ms
        self.maximum = 65_536
        self.table_options: tuple[tuple[str, int], ...] = ()

    def part(self) -> Part:
        return call(self._hit)

    def _hit(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter) -> bool:
        buckets: dict[tuple[int, ...], Bucket] = nf.hashlimit.setdefault(self.list_name, {})
        mode = self.mode
        key = (
            skb.saddr >> (32 - self.srcmask) if "srcip" in mode else 0, skb.daddr >> (32 - self.dstmask) if "dstip" in mode else 0,
            skb.sport if "srcport" in mode else 0, skb.dport if "dstport" in mode else 0, skb.proto if "srcport" in mode or "dstport" in mode else 0,
        )  # fmt: skip
        now = nf.ns.sim.now
        bucket = buckets.get(key)
        if bucket is None or now - bucket.when > self.expire * 1_000_000:
            if bucket is None and len(buckets) >= self.maximum:
                return False
            bucket = buckets[key] = Bucket(self.average * 1000, self.burst, now)
        return bucket.take(now) != self.above
