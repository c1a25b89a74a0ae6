"""`-m mark`, `connmark`, `conntrack`, `state`: what netfilter itself keeps about a packet and its connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net.netfilter.expression import Part, call
from emu.net.netfilter.rule import Match
from emu.net.skb import CT_ESTABLISHED, CT_INVALID, CT_IS_REPLY, CT_NEW, CT_RELATED, CT_UNTRACKED

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netfilter.netfilter import Netfilter
    from emu.net.skb import Skb

# xt_conntrack's state bits (XT_CONNTRACK_STATE_*).
INVALID, ESTABLISHED, RELATED, NEW, SNAT, DNAT, UNTRACKED = 1, 2, 4, 8, 16, 32, 64
# Bits of nf_conn.status.
IPS_CONFIRMED, IPS_SRC_NAT, IPS_DST_NAT = 1 << 3, 1 << 4, 1 << 5

_STATE_OF = {
    CT_ESTABLISHED: ESTABLISHED, CT_RELATED: RELATED, CT_NEW: NEW, CT_ESTABLISHED + CT_IS_REPLY: ESTABLISHED, CT_RELATED + CT_IS_REPLY: RELATED,
    CT_UNTRACKED: UNTRACKED, CT_INVALID: INVALID,
}  # fmt: skip


class Mark(Match):
    """`skb.mark & mask == value`."""

    name = "mark"
    __slots__ = ("invert", "mask", "value")

    def __init__(self, value: int, mask: int, invert: bool) -> None:
        self.value = value
        self.mask = mask
        self.invert = invert

    def part(self) -> Part:
        return (f"(skb.mark & {{}}) {'!=' if self.invert else '=='} {{}}", (self.mask, self.value))


class Connmark(Match):
    """`ct.mark & mask == value`; a packet without a connection matches neither way (connmark_mt)."""

    name = "connmark"
    needs_ct = True
    cacheable = False
    __slots__ = ("invert", "mask", "value")

    def __init__(self, value: int, mask: int, invert: bool) -> None:
        self.value = value
        self.mask = mask
        self.invert = invert

    def part(self) -> Part:
        return (f"(skb.ct is not None and (skb.ct.mark & {{}}) {'!=' if self.invert else '=='} {{}})", (self.mask, self.value))


def states_part(states: int, invert: bool) -> Part:
    """Condition on the state bits; a table by ctinfo answers (its last entry is for -1, a packet that conntrack never saw: INVALID)."""
    table = tuple(bool(_STATE_OF.get(info, INVALID) & states) != invert for info in range(10))
    status = (IPS_SRC_NAT if states & SNAT else 0) | (IPS_DST_NAT if states & DNAT else 0)
    if not status:
        return ("{}[skb.ctinfo]", (table,))
    if invert:
        return ("({}[skb.ctinfo] and (skb.ct is None or not skb.ct.status & {}))", (table, status))
    return ("({}[skb.ctinfo] or (skb.ct is not None and skb.ct.status & {} != 0))", (table, status))


class State(Match):
    """The old `-m state`: the same bits without NAT."""

    name = "state"
    needs_ct = True
    __slots__ = ("invert", "states")

    def __init__(self, states: int, invert: bool) -> None:
        self.states = states
        self.invert = invert

    def part(self) -> Part:
        return states_part(self.states, self.invert)


class Conntrack(Match):
    """`-m conntrack`. Each of the tests is (value..., inverted) or None: `state` and `status`: bits; `proto`: number; `addresses`: from which
    of orig/reply tuple -> (address, mask, inverted); `ports`: the same -> (low, high, inverted); `expires`: seconds (low, high, inverted);
    `direction`: 0 original, 1 reply. Order of the keys: origsrc, origdst, replsrc, repldst.
    """

    name = "conntrack"
    needs_ct = True
    __slots__ = ("addresses", "direction", "expires", "ports", "proto", "state", "status")

    def __init__(self) -> None:
        self.state: tuple[int, bool] | None = None
        self.proto: tuple[int, bool] | None = None
        self.addresses: dict[int, tuple[int, int, bool]] = {}
        self.ports: dict[int, tuple[int, int, bool]] = {}
        self.status: tuple[int, bool] | None = None
        self.expires: tuple[int, int, bool] | None = None
        self.direction: int | None = None

    @property
    def cacheable(self) -> bool:  # type: ignore[override]
        """The status of a connection and its time to live change without a change of tables."""
        return self.status is None and self.expires is None

    def part(self) -> Part:
        state = self.state
        if self.proto is None and not self.addresses and not self.ports and self.status is None and self.expires is None and self.direction is None:
            return states_part(*state) if state is not None else ("skb.ct is not None", ())
        code, constants = call(self._rest)
        if state is None:
            return code, constants
        first, values = states_part(*state)
        return f"({first} and {code})", values + constants

    def _rest(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter) -> bool:
        ct = skb.ct
        if ct is None:
            # conntrack_mt: without a connection only the state can be asked for, and it was.
            return self.state is not None
        if self.direction is not None and (skb.ctinfo >= CT_IS_REPLY) != bool(self.direction):
            return False
        orig, reply = ct.orig, ct.reply
        if self.proto is not None and (orig[0] == self.proto[0]) == self.proto[1]:
            return False
        # Tuples are (proto, saddr, daddr, sport, dport).
        for key, (address, mask, inverted) in self.addresses.items():
            if (((orig, reply)[key >> 1][1 + (key & 1)] ^ address) & mask == 0) == inverted:
                return False
        for key, (low, high, inverted) in self.ports.items():
            if (low <= (orig, reply)[key >> 1][3 + (key & 1)] <= high) == inverted:
                return False
        if self.status is not None and bool(ct.status & self.status[0]) == self.status[1]:
            return False
        if self.expires is not None:
            # Before it is confirmed a connection's time does not run.
            left = max(0, ct.timeout - nf.ns.sim.now) // 1_000_000_000 if ct.status & IPS_CONFIRMED else 0
            low, high, inverted = self.expires
            if (low <= left <= high) == inverted:
                return False
        return True
