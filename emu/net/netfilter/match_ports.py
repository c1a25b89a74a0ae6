"""`-m tcp`, `udp`, `sctp`, `multiport`, `icmp`: conditions on the transport header.

A header that is cut short matches nothing, inverted or not. Its ports are 0 in the Skb, so only tests that port 0 could pass must ask for it.
`-m tcp` and `-m udp` are nf_tables' own conditions, which read what a later fragment has where the ports would be (see walk.py); the other
matches are xtables', which leave later fragments alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emu.net.netfilter.expression import Part
from emu.net.netfilter.rule import Match

if TYPE_CHECKING:
    from emu.net.skb import Skb

PORT_HEADER = "len(skb.l3) >= skb.l4 + 4"
FIRST = "not skb.frag & 0x1fff"
ANY_PORT = (0, 65535)


def port_part(field: str, ports: tuple[int, int], inverted: bool) -> Part | None:
    """Condition on skb.sport or skb.dport; None if every port passes."""
    low, high = ports
    if ports == ANY_PORT and not inverted:
        return None
    if inverted:
        return (f"({PORT_HEADER} and not {{}} <= skb.{field} <= {{}})", (low, high))
    if low == 0:
        return (f"({PORT_HEADER} and skb.{field} <= {{}})", (high,))
    if low == high:
        return (f"skb.{field} == {{}}", (low,))
    return (f"{{}} <= skb.{field} <= {{}}", (low, high))


class Ports(Match):
    """Source and destination ports of TCP, UDP or SCTP. `sports`, `dports`: (low, high); `invert`: bit 1 source, 2 destination, 4 flags,
    8 option. TCP: `flags`: (mask, set bits) or None; `option`: number that must be present, or 0. The rule has `-p` already.
    """

    SRC, DST, FLAGS, OPTION = 1, 2, 4, 8
    __slots__ = ("dports", "flags", "invert", "name", "option", "sports")

    def __init__(self, name: str) -> None:
        self.name = name
        self.sports = self.dports = ANY_PORT
        self.flags: tuple[int, int] | None = None
        self.option = 0
        self.invert = 0

    @property
    def exact_dport(self) -> int | None:
        """The one destination port this is about."""
        low, high = self.dports
        return low if low == high and not self.invert & Ports.DST else None

    def absorb(self, other: Ports) -> bool:
        """Take over what `other` says; False if both speak of the same."""
        if (
            (self.sports != ANY_PORT and other.sports != ANY_PORT)
            or (self.dports != ANY_PORT and other.dports != ANY_PORT)
            or (self.flags is not None and other.flags is not None)
            or (self.option and other.option)
        ):
            return False
        self.sports = other.sports if self.sports == ANY_PORT else self.sports
        self.dports = other.dports if self.dports == ANY_PORT else self.dports
        self.flags = self.flags or other.flags
        self.option = self.option or other.option
        self.invert |= other.invert
        return True

    def part(self) -> Part:
        parts = [
            part
            for part in (port_part("sport", self.sports, bool(self.invert & Ports.SRC)), port_part("dport", self.dports, bool(self.invert & Ports.DST)))
            if part is not None
        ]
        if self.flags is not None:
            compare = "!=" if self.invert & Ports.FLAGS else "=="
            parts.append((f"len(skb.l3) >= skb.l4 + 14 and (skb.l3[skb.l4 + 13] & {{}}) {compare} {{}}", self.flags))
        if self.option:
            parts.append(("{}(skb) is {}", (_option_finder(self.option), not self.invert & Ports.OPTION)))
        if self.option or self.name == "sctp":
            parts.insert(0, (FIRST, ()))
        if not parts:
            return ("True", ())
        return " and ".join(code for code, _ in parts), tuple(constant for _, constants in parts for constant in constants)


def _option_finder(number: int) -> Callable[[Skb], bool | None]:
    """Function telling whether a TCP header has that option; None when the header is cut short (then neither form matches)."""

    def find(skb: Skb) -> bool | None:
        segment = skb.l3[skb.l4 :]
        if skb.frag & 0x1FFF or len(segment) < 20:
            return None
        end = (segment[12] >> 4) * 4
        if end < 20 or end > len(segment):
            return None
        at = 20
        while at < end:
            if segment[at] == number:
                return True
            at += 1 if segment[at] < 2 or at + 1 >= end else segment[at + 1] or 1
        return False

    return find


class Multiport(Match):
    """`ports`: (low, high) pairs; `which`: "sports", "dports" or "ports" (either)."""

    name = "multiport"
    __slots__ = ("invert", "ports", "which")

    def __init__(self, which: str, ports: tuple[tuple[int, int], ...], invert: bool) -> None:
        self.which = which
        self.ports = ports
        self.invert = invert

    def part(self) -> Part:
        wanted = frozenset(port for low, high in self.ports if high - low < 1024 for port in range(low, high + 1))
        wide = tuple((low, high) for low, high in self.ports if high - low >= 1024)

        def test(port: int) -> bool:
            return port in wanted or any(low <= port <= high for low, high in wide)

        sport, dport = "{}(skb.sport)", "{}(skb.dport)"
        code = {"sports": sport, "dports": dport, "ports": f"({sport} or {dport})"}[self.which]
        return (f"{FIRST} and {PORT_HEADER} and {'not ' if self.invert else ''}{code}", (test,) * (2 if self.which == "ports" else 1))


class Icmp(Match):
    """`type` (255: any) and the range of codes `low`..`high`."""

    name = "icmp"
    __slots__ = ("high", "invert", "low", "type")

    def __init__(self, kind: int, low: int, high: int, invert: bool) -> None:
        self.type = kind
        self.low = low
        self.high = high
        self.invert = invert

    def part(self) -> Part:
        header = f"{FIRST} and len(skb.l3) >= skb.l4 + 8"
        if self.type == 255:
            return (f"({header} and False)" if self.invert else f"({header})", ())
        low, high = self.type << 8 | self.low, self.type << 8 | self.high
        return (f"({header} and {'not ' if self.invert else ''}{{}} <= skb.dport <= {{}})", (low, high))
