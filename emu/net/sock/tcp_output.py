"""TCP's way out (__tcp_transmit_skb, ip_queue_xmit, tcp_v4_send_reset): segments of the machine become IP packets."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

from emu.net import ip_output
from emu.tcp.segment import Segment, encode

if TYPE_CHECKING:
    from emu.net.netns import Namespace

ETH_P_IP, IPPROTO_TCP = 0x0800, 6
DF = 0x4000
_IP = Struct("!BBHHHBBHII")
_CHECKSUM = Struct("!H")


def transmit(
    ns: Namespace, segment: Segment, saddr: int, daddr: int, dst: Any, *, ip_id: int, ttl: int, tos: int = 0, df: bool = True, mark: int = 0, sk: Any = None,
    confirm: bool = False,
) -> int:  # fmt: skip
    """One segment along the route `dst`; 0 or the errno of local output. A lost segment is the machine's to send again.

    `confirm`: an answer from above showed that the next hop is alive (skb_set_dst_pending_confirm).
    """
    data = encode(segment)
    length = len(data)
    total_sum = saddr + daddr + IPPROTO_TCP + length + int.from_bytes(data if not length & 1 else data + b"\0", "big")
    data = data[:16] + _CHECKSUM.pack((0xFFFF - total_sum % 0xFFFF) & 0xFFFF) + data[18:]
    flags = DF if df else 0
    total = length + 20
    ip_sum = 0x4500 + tos + total + ip_id + flags + (ttl << 8) + IPPROTO_TCP + saddr + daddr
    skb = ns.born(ETH_P_IP, _IP.pack(0x45, tos, total, ip_id, flags, ttl, IPPROTO_TCP, (0xFFFF - ip_sum % 0xFFFF) & 0xFFFF, saddr, daddr) + data)
    skb.saddr, skb.daddr, skb.sport, skb.dport = saddr, daddr, segment.sport, segment.dport
    skb.proto = IPPROTO_TCP
    skb.tos, skb.ttl, skb.ip_id, skb.frag = tos, ttl, ip_id, flags
    skb.mark = mark
    skb.sk = sk
    if dst is None:
        ns.drop(skb, "IP_OUTNOROUTES", "no route")
        return 113
    skb.dst = dst
    skb.dev = dst.dev
    error = ip_output.ip_local_out(ns, skb)
    if confirm and not error:
        dst = skb.dst  # NAT may have chosen another
        if dst.dev is not ns.lo:
            ns.neigh.confirm(dst.dev, dst.gateway or skb.daddr)
    return error
