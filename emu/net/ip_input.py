"""IPv4 input (net/ipv4/ip_input.c): from the device to routing, to the transport protocols, or on to forwarding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net import icmp_send, sockets
from emu.net.fib import EACCES, EHOSTUNREACH, ENETUNREACH, RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST, RTN_UNREACHABLE
from emu.net.ip_forward import ip_forward
from emu.net.ip_fragment import DEFRAG_LOCAL_DELIVER, defrag
from emu.net.ip_header import parse
from emu.net.ip_options import rcv_options
from emu.net.route import lookup_input
from emu.net.skb import PACKET_BROADCAST, PACKET_MULTICAST, PACKET_OTHERHOST
from emu.wire.addr import ip_text

if TYPE_CHECKING:
    from emu.net.netns import Namespace
    from emu.net.skb import Skb

PREROUTING, INPUT = 0, 1
_L2_GROUP = (PACKET_BROADCAST, PACKET_MULTICAST)
_GROUP = (RTN_BROADCAST, RTN_MULTICAST)

_WHY = {
    "IP_INHDR": "bad IP header",
    "IP_CSUM": "bad IP header checksum",
    "PKT_TOO_SMALL": "shorter than its IP header says",
}


def ip_rcv(ns: Namespace, skb: Skb) -> None:
    """Take an IPv4 packet from a device (ip_rcv). br_netfilter may have run PREROUTING already (`skb.nf_done`)."""
    if skb.pkt_type == PACKET_OTHERHOST:
        ns.drop(skb, "OTHERHOST", f"not for {skb.dev.name}'s MAC" if skb.dev is not None else "")
        return
    reason = parse(skb)
    if reason is not None:
        ns.drop(skb, reason, _WHY[reason])
        return
    dev = skb.dev
    skb.iif = dev
    nf = ns.nf
    if nf is not None:
        if skb.nf_done:
            skb.nf_done = False
        elif not nf.hook(PREROUTING, skb, dev, None):
            return
    ip_rcv_finish(ns, skb)


def ip_rcv_finish(ns: Namespace, skb: Skb) -> None:
    """Route it and go on (ip_rcv_finish). A packet that came by lo still has its route."""
    dst = skb.dst
    if dst is None:
        dst = skb.dst = lookup_input(ns, skb)
    kind = dst.type
    if skb.ihl > 20 and kind and not rcv_options(ns, skb):
        return
    tp = ns.tp
    if kind == RTN_UNICAST:
        if skb.pkt_type in _L2_GROUP and _refuses_l2_multicast(ns, skb):
            return
        if tp.step:
            tp.on_step(ns, skb.id, "route", dst.text)
        ip_forward(ns, skb)
    elif kind == RTN_LOCAL:
        if skb.pkt_type in _L2_GROUP and _refuses_l2_multicast(ns, skb):
            return
        if tp.step:
            tp.on_step(ns, skb.id, "route", f"{ip_text(skb.daddr)} is local")
        ip_local_deliver(ns, skb)
    elif kind in _GROUP:
        ip_local_deliver(ns, skb)
    elif kind == RTN_UNREACHABLE:
        ip_error(ns, skb)
    else:
        ns.drop(skb, dst.reason, dst.text)


def _refuses_l2_multicast(ns: Namespace, skb: Skb) -> bool:
    dev = skb.dev
    if dev is None or not ns.sysctl.conf_or(dev, "drop_unicast_in_l2_multicast"):
        return False
    ns.drop(skb, "UNICAST_IN_L2_MULTICAST", f"unicast destination in a broadcast frame, refused on {dev.name}")
    return True


def ip_error(ns: Namespace, skb: Skb) -> None:
    """No way to the destination: say so to the sender if this is a router (ip_error)."""
    dst = skb.dst
    dev = skb.dev
    assert dev is not None
    error = dst.error
    if not ns.sysctl.conf(dev).forwarding:
        ns.drop(skb, "IP_INADDRERRORS" if error == EHOSTUNREACH else "IP_INNOROUTES" if error == ENETUNREACH else "NOT_SPECIFIED", dst.text)
        return
    code = {EHOSTUNREACH: 1, ENETUNREACH: 0, EACCES: 13}.get(error)
    reason = "IP_INNOROUTES" if error == ENETUNREACH else "NOT_SPECIFIED"
    if code is not None and icmp_send.allow_route_error(ns, skb.saddr):
        icmp_send.send_error(ns, skb, 3, code)
    ns.drop(skb, reason, dst.text)


def ip_local_deliver(ns: Namespace, skb: Skb) -> None:
    """For this host: reassemble, INPUT, protocol (ip_local_deliver)."""
    if skb.frag & 0x3FFF:
        whole = defrag(ns, skb, DEFRAG_LOCAL_DELIVER)
        if whole is None:
            return
        skb = whole
    nf = ns.nf
    if nf is not None and not nf.hook(INPUT, skb, skb.dev, None):
        return
    ip_local_deliver_finish(ns, skb)


def ip_local_deliver_finish(ns: Namespace, skb: Skb) -> None:
    """Copies for raw sockets, then the protocol's own handler (ip_protocol_deliver_rcu)."""
    raw = ns.sockets is not None and sockets.raw_deliver(ns, skb)
    handler = ns.protocols.get(skb.proto)
    if handler is not None:
        handler(ns, skb)
    elif raw:
        ns.delivered(skb, f"to raw sockets of protocol {skb.proto}")
    else:
        icmp_send.send_error(ns, skb, 3, 2)
        ns.drop(skb, "IP_NOPROTO", f"no handler for IP protocol {skb.proto}")
