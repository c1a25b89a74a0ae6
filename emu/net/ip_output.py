"""IPv4 output (net/ipv4/ip_output.c): build, OUTPUT, POSTROUTING, fragment, hand to the neighbour layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.net.fib import RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST
from emu.net.ip_header import IP_DF, header, set_ports
from emu.net.ip_ident import select_ident
from emu.net.netns import ETH_P_IP
from emu.net.route import Dst, addr_type, is_member, lookup_output
from emu.net.skb import CT_IS_REPLY, CT_RELATED, PACKET_LOOPBACK
from emu.trace.points import COPIED
from emu.wire.addr import ip_text

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netns import Namespace
    from emu.net.skb import Skb

OUTPUT, POSTROUTING = 3, 4
EPERM, EMSGSIZE, ENOBUFS = 1, 90, 105
_GROUP = (RTN_BROADCAST, RTN_MULTICAST)


def send(
    ns: Namespace, proto: int, payload: bytes, daddr: int, saddr: int = 0, *, ttl: int = 64, tos: int = 0, df: bool = False, ip_id: int | None = None,
    dst: Dst | None = None, oif: NetDevice | None = None, mark: int = 0, sk: Any = None, options: bytes = b"", about: Skb | None = None,
) -> int:  # fmt: skip
    """Make and send a packet. `df`: set DF and refuse what does not fit the path MTU (EMSGSIZE); without it, large packets are fragmented.
    `ip_id`: None takes one from the counters of this pair of addresses. `options`: padded to a multiple of four. `about`: the packet that this
    ICMP error is about; the error belongs to its connection (nf_ct_attach), confirmed or not. Returns 0 or an errno;
    ENOBUFS where the device lost it though it has a carrier (the noop qdisc of one without says NET_XMIT_CN).
    """
    if dst is None:
        found = lookup_output(ns, daddr, saddr, oif, tos, mark)
        if isinstance(found, int):
            return found
        dst = found
    length = 20 + len(options) + len(payload)
    if length > 0xFFFF or (df and length > dst.mtu):
        return EMSGSIZE
    source = saddr or dst.prefsrc
    if ip_id is None:
        ip_id = select_ident(ns, source, daddr, proto)
    frag = IP_DF if df else 0
    skb = ns.born(ETH_P_IP, header(proto, length, source, daddr, ttl, tos, ip_id, frag, options) + payload)
    skb.saddr, skb.daddr, skb.proto, skb.ttl, skb.tos, skb.ip_id, skb.frag = source, daddr, proto, ttl, tos, ip_id, frag
    if options:
        skb.ihl = skb.l4 = 20 + len(options)
    set_ports(skb)
    skb.dst = dst
    skb.mark = mark
    skb.sk = sk
    if about is not None and about.ct is not None:
        skb.ct = about.ct
        skb.ctinfo = CT_RELATED + CT_IS_REPLY if about.ctinfo < CT_IS_REPLY else CT_RELATED
    dev = dst.dev
    lost = dev.tx_dropped
    return ip_local_out(ns, skb) or (ENOBUFS if dev.tx_dropped != lost and dev.running else 0)


def ip_local_out(ns: Namespace, skb: Skb) -> int:
    """A packet made here, its route in `skb.dst`: OUTPUT hooks, then out. Returns 0, or EPERM if netfilter dropped it."""
    tp = ns.tp
    dst = skb.dst
    if tp.step:
        tp.on_step(ns, skb.id, "route", f"{ip_text(skb.daddr)} is local" if dst.type == RTN_LOCAL else dst.text)
    nf = ns.nf
    if nf is not None and not nf.hook(OUTPUT, skb, None, dst.dev):
        return EPERM
    ip_output(ns, skb)
    return 0


def ip_output(ns: Namespace, skb: Skb) -> None:
    """POSTROUTING, then fragment if need be, then the neighbour (ip_output, ip_mc_output)."""
    dst = skb.dst
    dev = dst.dev
    indev = skb.dev
    skb.dev = dev
    kind = dst.type
    if kind in _GROUP and not _loop_back(ns, skb, kind):
        return
    nf = ns.nf
    if nf is not None and not nf.hook(POSTROUTING, skb, indev, dev):
        return
    if len(skb.l3) > dst.mtu or skb.frag_max:
        fragment(ns, skb, dst)
        return
    ns.neigh.output(skb, dev, dst.gateway or skb.daddr)


def _loop_back(ns: Namespace, skb: Skb, kind: int) -> bool:
    """Broadcasts come back to the sender itself, multicast where it is a member (ip_mc_output). Returns whether the packet goes out too."""
    dev = skb.dev
    assert dev is not None
    if dev is not ns.lo and (kind == RTN_BROADCAST or is_member(ns, dev, skb.daddr)):
        copy = skb.clone()
        if ns.tp.life:
            ns.tp.on_life(COPIED, skb.id)
        nf = ns.nf
        if nf is None or nf.hook(POSTROUTING, copy, None, dev):
            copy.pkt_type = PACKET_LOOPBACK
            copy.iif = None
            ns.sim.post_soon(_receive_own, copy)
    if kind == RTN_MULTICAST and skb.ttl == 0:
        ns.drop(skb, "NOT_SPECIFIED", "multicast with TTL 0 stays on this host")
        return False
    return True


def _receive_own(skb: Skb) -> None:
    """dev_loopback_xmit: a copy of a broadcast arrives at its own device; no capture sees it."""
    dev = skb.dev
    assert dev is not None
    ns = dev.netns
    ns.sim.cause = skb.id
    skb.sk = None
    ns.netif_receive(skb)


def fragment(ns: Namespace, skb: Skb, dst: Dst) -> None:
    """ip_fragment: in pieces if that is allowed, else an ICMP error to the sender."""
    from emu.net import icmp_send, ip_fragment

    mtu = dst.mtu
    if skb.frag & IP_DF and len(skb.l3) > mtu and (not skb.ignore_df or skb.frag_max > mtu):
        icmp_send.send_error(ns, skb, 3, 4, mtu)
        ns.drop(skb, "PKT_TOO_BIG", f"{len(skb.l3)} bytes and DF, but the MTU of {dst.dev.name} is {mtu}")
        return
    if skb.frag_max and skb.frag_max < mtu:
        mtu = skb.frag_max
    output = ns.neigh.output
    nexthop = dst.gateway or skb.daddr
    if len(skb.l3) <= mtu:
        output(skb, dst.dev, nexthop)
        return
    dev = dst.dev
    lost = dev.tx_dropped
    for piece in ip_fragment.pieces(ns, skb, mtu):
        if dev.tx_dropped == lost:
            output(piece, dev, nexthop)
        else:  # ip_do_fragment: the first that the device does not take ends it
            ns.drop(piece, "NOT_SPECIFIED", f"a fragment before it did not leave by {dev.name}")


def route_me_harder(ns: Namespace, skb: Skb) -> bool:
    """A hook changed what routing depends on: decide again (ip_route_me_harder). False: there is no route now; the caller drops."""
    kind = addr_type(ns, skb.saddr)
    ours = kind in (RTN_LOCAL, RTN_UNICAST)
    oif = getattr(skb.sk, "bound_dev", None)
    found = lookup_output(ns, skb.daddr, skb.saddr if ours else 0, oif, skb.tos, skb.mark, anysrc=ours)
    if isinstance(found, int):
        return False
    skb.dst = found
    if ns.tp.step:
        ns.tp.on_step(ns, skb.id, "route", f"again: {found.text}")
    return True


def link_failure(ns: Namespace, skb: Skb) -> None:
    """The next hop does not answer ARP: tell the sender that the host is unreachable (ipv4_link_failure). The caller drops the packet."""
    from emu.net import icmp_send

    icmp_send.send_error(ns, skb, 3, 1)
