"""DNAT, SNAT, MASQUERADE, REDIRECT, NETMAP: which addresses and ports a new connection gets; conntrack's NAT does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net.conntrack.nat_tuple import PERSISTENT, RANDOM, RANDOM_FULLY, NatRange
from emu.net.netfilter.rule import ACCEPT, DROP, Rule, Target
from emu.net.netfilter.table import INPUT, OUTPUT, POSTROUTING, PREROUTING
from emu.wire.addr import ip_int

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netfilter.netfilter import Netfilter
    from emu.net.skb import Skb


class Nat(Target):
    """`low`, `high`: addresses as ints, 0 for none given; `min_port`, `max_port`: 0 for none given; `flags`: RANDOM, RANDOM_FULLY, PERSISTENT.
    `base_port`: where `--to-destination a:1000-2000/3000` begins to map from, 0 for none.
    """

    tables = ("nat",)
    needs_ct = True
    cacheable = False
    destination = True
    __slots__ = ("base_port", "flags", "high", "low", "max_port", "min_port")

    def __init__(self, low: int = 0, high: int = 0, min_port: int = 0, max_port: int = 0, flags: int = 0) -> None:
        self.low = low
        self.high = high
        self.min_port = min_port
        self.max_port = max_port
        self.flags = flags
        self.base_port = 0

    def setup(self, nf: Netfilter, skb: Skb, low: int, high: int) -> int:
        """Give the connection this range; a connection that has its NAT already goes on as it is."""
        from emu.net.conntrack import nat

        allowed = NatRange(self.flags, low, high, self.min_port, self.max_port, self.base_port)
        return ACCEPT if nat.setup(nf.ns, skb, allowed, nat.DST if self.destination else nat.SRC, nf.where[0]) else DROP


class Dnat(Nat):
    """DNAT --to-destination."""

    name = "DNAT"
    hooks = 1 << PREROUTING | 1 << OUTPUT
    __slots__ = ()

    def run(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter, rule: Rule) -> int:
        return self.setup(nf, skb, self.low, self.high)


class Snat(Nat):
    """SNAT --to-source."""

    name = "SNAT"
    hooks = 1 << POSTROUTING | 1 << INPUT
    destination = False
    __slots__ = ()

    def run(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter, rule: Rule) -> int:
        return self.setup(nf, skb, self.low, self.high)


class Masquerade(Nat):
    """MASQUERADE: SNAT to the outgoing device's address towards the next hop (nf_nat_masquerade_ipv4)."""

    name = "MASQUERADE"
    hooks = 1 << POSTROUTING
    destination = False
    __slots__ = ()

    def run(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter, rule: Rule) -> int:
        from emu.net import addr

        ct = skb.ct
        if ct is not None and ct.orig[1] == 0:
            return ACCEPT  # DHCP's client has no address yet
        gateway = skb.dst.gateway if skb.dst is not None and skb.dst.gateway else skb.daddr
        source = addr.select_source(nf.ns, outdev, gateway, 0)
        if not source:
            return DROP
        verdict = self.setup(nf, skb, source, source)
        if verdict == ACCEPT and ct is not None and outdev is not None:
            ct.masq_index = outdev.ifindex
        return verdict


class Redirect(Nat):
    """REDIRECT: DNAT to this host, 127.0.0.1 for local output, else the first address of the incoming device (nf_nat_redirect_ipv4)."""

    name = "REDIRECT"
    hooks = 1 << PREROUTING | 1 << OUTPUT
    __slots__ = ()

    def run(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter, rule: Rule) -> int:
        if nf.hook_now == OUTPUT:
            new = ip_int("127.0.0.1")
        else:
            first = indev.addresses[0] if indev is not None and indev.addresses else None
            if first is None:
                return DROP
            new = first.local
        return self.setup(nf, skb, new, new)


class Netmap(Nat):
    """NETMAP: the network part is replaced, the host part stays. `low`: network, `high`: its last address."""

    name = "NETMAP"
    hooks = 1 << PREROUTING | 1 << OUTPUT | 1 << POSTROUTING | 1 << INPUT
    __slots__ = ()

    @property
    def netmask(self) -> int:
        """Bits of the network part."""
        return ~(self.low ^ self.high) & 0xFFFFFFFF

    def run(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter, rule: Rule) -> int:
        from emu.net.conntrack import nat

        before = nf.hook_now in (PREROUTING, OUTPUT)
        mask = self.netmask
        new = ((skb.daddr if before else skb.saddr) & ~mask) | (self.low & mask)
        return ACCEPT if nat.setup(nf.ns, skb, NatRange(self.flags, new, new), nat.DST if before else nat.SRC, nf.where[0]) else DROP

__all__ = ["PERSISTENT", "RANDOM", "RANDOM_FULLY", "Dnat", "Masquerade", "Nat", "Netmap", "Redirect", "Snat"]
