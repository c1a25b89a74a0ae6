"""Matches on other fields of the packet: comment, length, ttl, tos and dscp, pkttype, mac, iprange, addrtype, physdev."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net.netfilter.expression import Part, call
from emu.net.netfilter.rule import Match
from emu.net.netfilter.table import FORWARD, INPUT, OUTPUT, POSTROUTING, PREROUTING

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netfilter.netfilter import Netfilter
    from emu.net.skb import Skb


class Comment(Match):
    """Says something, and is always true."""

    name = "comment"
    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def part(self) -> Part:
        return ("True", ())


class Length(Match):
    """Bytes of the whole IP packet, `low`..`high`."""

    name = "length"
    cacheable = False
    __slots__ = ("high", "invert", "low")

    def __init__(self, low: int, high: int, invert: bool) -> None:
        self.low = low
        self.high = high
        self.invert = invert

    def part(self) -> Part:
        return (f"({'not ' if self.invert else ''}{{}} <= len(skb.l3) <= {{}})", (self.low, self.high))


class Ttl(Match):
    """`compare`: "==", "!=", "<" or ">"."""

    name = "ttl"
    cacheable = False
    __slots__ = ("compare", "value")

    def __init__(self, compare: str, value: int) -> None:
        if compare not in ("==", "!=", "<", ">"):
            raise ValueError(compare)
        self.compare = compare
        self.value = value

    def part(self) -> Part:
        return (f"skb.ttl {self.compare} {{}}", (self.value,))


class Tos(Match):
    """`tos & mask == value`."""

    name = "tos"
    __slots__ = ("invert", "mask", "value")

    def __init__(self, value: int, mask: int, invert: bool) -> None:
        self.value = value
        self.mask = mask
        self.invert = invert

    def part(self) -> Part:
        return (f"(skb.tos & {{}}) {'!=' if self.invert else '=='} {{}}", (self.mask, self.value))


class Dscp(Match):
    """The upper six bits of the TOS byte."""

    name = "dscp"
    __slots__ = ("invert", "value")

    def __init__(self, value: int, invert: bool) -> None:
        self.value = value
        self.invert = invert

    def part(self) -> Part:
        return (f"(skb.tos >> 2) {'!=' if self.invert else '=='} {{}}", (self.value,))


class Pkttype(Match):
    """`kind`: PACKET_* of how the frame was addressed."""

    name = "pkttype"
    __slots__ = ("invert", "kind")

    def __init__(self, kind: int, invert: bool) -> None:
        self.kind = kind
        self.invert = invert

    def part(self) -> Part:
        return (f"skb.pkt_type {'!=' if self.invert else '=='} {{}}", (self.kind,))


class Mac(Match):
    """Source MAC of a frame from an Ethernet device; false for any other, lo's too, inverted or not (mac_mt)."""

    name = "mac"
    hooks = 1 << PREROUTING | 1 << INPUT | 1 << FORWARD
    __slots__ = ("address", "invert")

    def __init__(self, address: bytes, invert: bool) -> None:
        self.address = address
        self.invert = invert

    def part(self) -> Part:
        return (f"(indev is not None and indev.needs_neighbour and len(skb.eth) == 14 and skb.eth[6:12] {'!=' if self.invert else '=='} {{}})", (self.address,))


class Iprange(Match):
    """`source`, `destination`: (low, high, inverted) or None."""

    name = "iprange"
    __slots__ = ("destination", "source")

    def __init__(self) -> None:
        self.source: tuple[int, int, bool] | None = None
        self.destination: tuple[int, int, bool] | None = None

    def part(self) -> Part:
        codes: list[str] = []
        values: list[int] = []
        for field, span in (("saddr", self.source), ("daddr", self.destination)):
            if span is not None:
                codes.append(f"{'not ' if span[2] else ''}{{}} <= skb.{field} <= {{}}")
                values += span[:2]
        return (f"({' and '.join(codes)})", tuple(values))


class Addrtype(Match):
    """`sources`, `destinations`: bit per RTN_* type, 0 for not asked; `limit`: "", "in" or "out", the device that the address must belong to."""

    name = "addrtype"
    __slots__ = ("destinations", "invert_destination", "invert_source", "limit", "sources")

    def __init__(self) -> None:
        self.sources = self.destinations = 0
        self.invert_source = self.invert_destination = False
        self.limit = ""

    @property
    def base_hooks(self) -> int:  # type: ignore[override]
        """A device that the address must belong to must be there."""
        if self.limit == "in":
            return 0x1F & ~(1 << OUTPUT | 1 << POSTROUTING)
        return 0x1F & ~(1 << PREROUTING | 1 << INPUT) if self.limit else 0x1F

    def part(self) -> Part:
        from emu.net.route import addr_type  # routing calls the hooks

        device = {"": "None", "in": "indev", "out": "outdev"}[self.limit]
        codes = []
        values: list[object] = []
        for field, types, inverted in (("saddr", self.sources, self.invert_source), ("daddr", self.destinations, self.invert_destination)):
            if types:
                codes.append(f"{'not ' if inverted else ''}{{}} >> {{}}(nf.ns, skb.{field}, {device}) & 1")
                values += [types, addr_type]
        return (f"({' and '.join(codes)})" if codes else "True", tuple(values))


class Physdev(Match):
    """The bridge ports of a bridged packet (xt_physdev). `indev`, `outdev`: names (`+` at the end) or ""; `is_in`, `is_out`, `is_bridged`:
    True, False (inverted) or None (not asked).
    """

    name = "physdev"
    __slots__ = ("indev", "invert_in", "invert_out", "is_bridged", "is_in", "is_out", "outdev")

    def __init__(self) -> None:
        self.indev = self.outdev = ""
        self.invert_in = self.invert_out = False
        self.is_in: bool | None = None
        self.is_out: bool | None = None
        self.is_bridged: bool | None = None

    @property
    def base_hooks(self) -> int:  # type: ignore[override]
        """Of what is sent here the outgoing port is not known."""
        return 0x1F & ~(1 << OUTPUT) if (self.outdev or self.is_out is not None) and not self.is_bridged else 0x1F

    def part(self) -> Part:
        return call(self._run)

    def _run(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter) -> bool:
        bridge = skb.nf_bridge
        if bridge is None:
            # Not bridged: true only if everything that is asked is asked inverted.
            return not (self.is_bridged or self.is_in or self.is_out or (self.indev and not self.invert_in) or (self.outdev and not self.invert_out))
        physin, physout = bridge.physindev, bridge.physoutdev
        if self.is_bridged is not None and (physout is not None) != self.is_bridged:
            return False
        if self.is_in is not None and (physin is not None) != self.is_in:
            return False
        if self.is_out is not None and (physout is not None) != self.is_out:
            return False
        if self.indev and physin is not None and _matches(physin.name, self.indev) == self.invert_in:
            return False
        if not self.outdev:
            return True
        return physout is not None and _matches(physout.name, self.outdev) != self.invert_out


def _matches(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("+") else name == pattern
