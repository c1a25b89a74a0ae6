"""Forwarding (net/ipv4/ip_forward.c): one from the TTL, the MTU, redirects, FORWARD."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net import icmp_send
from emu.net.ip_header import IP_DF
from emu.net.ip_options import forward_options
from emu.net.ip_output import ip_output
from emu.net.skb import PACKET_HOST

if TYPE_CHECKING:
    from emu.net.netns import Namespace
    from emu.net.skb import Skb

FORWARD = 2


def ip_forward(ns: Namespace, skb: Skb) -> None:
    """Send a packet on that is not for this host; `skb.dst` says where."""
    if skb.pkt_type != PACKET_HOST:
        ns.drop(skb, "NOT_SPECIFIED", "not forwarded: it came in a broadcast frame")
        return
    ttl = skb.ttl
    if ttl <= 1:
        icmp_send.send_error(ns, skb, 11, 0)
        ns.drop(skb, "IP_INHDR", "TTL ran out")
        return
    dst = skb.dst
    l3 = skb.l3
    if len(l3) > dst.mtu and skb.frag & IP_DF and (skb.frag_max > dst.mtu or not skb.ignore_df):
        icmp_send.send_error(ns, skb, 3, 4, dst.mtu)
        ns.drop(skb, "PKT_TOO_BIG", f"{len(l3)} bytes and DF, but the MTU of {dst.dev.name} is {dst.mtu}")
        return
    # ip_decrease_ttl: the word TTL-protocol loses 0x0100, so the checksum gains as much (RFC 1624); bytes 8 to 11 are replaced in one go.
    check = (l3[10] << 8 | l3[11]) + 0x100
    if check >= 0xFFFF:
        check -= 0xFFFF
    ttl -= 1
    skb.ttl = ttl
    skb.l3 = b"%b%c%c%c%c%b" % (l3[:8], ttl, skb.proto, check >> 8, check & 0xFF, l3[12:])
    skb.frame = None
    if dst.redirect and skb.ihl == 20:
        icmp_send.send_redirect(ns, skb, dst)
    if skb.ihl > 20:
        forward_options(ns, skb, dst)
    nf = ns.nf
    if nf is not None and not nf.hook(FORWARD, skb, skb.dev, dst.dev):
        return
    ip_output(ns, skb)
