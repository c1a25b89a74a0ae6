"""REJECT: drop and say so (nf_reject_ipv4). An ICMP error goes the way of all ICMP errors; a reset is made from the segment it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net.device import ETH_P_IP
from emu.net.netfilter.rule import DROP, Rule, Target
from emu.net.netfilter.table import FORWARD, INPUT, OUTPUT
from emu.wire.checksum import checksum, l4_checksum, verify

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netfilter.netfilter import Netfilter
    from emu.net.netns import Namespace
    from emu.net.skb import Skb

TCP_RESET = -1
ICMP_DEST_UNREACH = 3
IPPROTO_TCP = 6
RTN_BROADCAST, RTN_MULTICAST = 3, 5
OTHER_CHECKS = frozenset((50, 51, 132, 136, 33))  # ESP, AH, SCTP, UDP-Lite, DCCP: integrity of another kind
ACK, RST, SYN, FIN = 0x10, 0x04, 0x02, 0x01


class Reject(Target):
    """`code`: of the ICMP destination unreachable, or TCP_RESET."""

    name = "REJECT"
    tables = ("filter",)
    hooks = 1 << INPUT | 1 << FORWARD | 1 << OUTPUT
    __slots__ = ("code",)

    def __init__(self, code: int) -> None:
        self.code = code

    def run(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter, rule: Rule) -> int:
        # The answer passes the hooks itself; what is noted about this packet is put back after it.
        noted = nf.table, nf.where, nf.hook_now
        if self.code == TCP_RESET:
            send_reset(nf.ns, skb)
        else:
            send_unreachable(nf.ns, skb, self.code)
        nf.table, nf.where, nf.hook_now = noted
        return DROP


def send_unreachable(ns: Namespace, skb: Skb, code: int) -> None:
    """nf_send_unreach: not about a later fragment, nor about a packet whose checksum is wrong."""
    if skb.frag & 0x1FFF or not _transport_intact(skb):
        return
    from emu.net import icmp_send  # ICMP is sent through the hooks

    icmp_send.send_error(ns, skb, ICMP_DEST_UNREACH, code)


def _transport_intact(skb: Skb) -> bool:
    """nf_reject_verify_csum and nf_ip_checksum. Protocols that nothing is known of must sum to zero over their payload, as the kernel has it."""
    proto = skb.proto
    segment = skb.l3[skb.l4 :]
    if proto in OTHER_CHECKS or (proto == 17 and segment[6:8] == b"\x00\x00") or (proto == 47 and not (segment and segment[0] & 0x80)):
        return True
    if proto in (6, 17):
        segment = skb.l3[12:20] + bytes((0, proto)) + len(segment).to_bytes(2, "big") + segment
    return verify(segment)


def send_reset(ns: Namespace, skb: Skb) -> None:
    """nf_send_reset: RST to a TCP segment that is not a fragment, not itself a reset, intact and not to all; routed back to the sender."""
    from emu.net import ip_output

    segment = skb.l3[skb.l4 :]
    if skb.frag & 0x1FFF or skb.proto != IPPROTO_TCP or len(segment) < 20 or segment[13] & RST or not _transport_intact(skb):
        return
    if skb.dst is not None and skb.dst.type in (RTN_BROADCAST, RTN_MULTICAST):
        return
    sequence, acknowledged, flags = int.from_bytes(segment[4:8], "big"), int.from_bytes(segment[8:12], "big"), segment[13]
    if flags & ACK:
        sequence, acknowledged, flags = acknowledged, 0, RST
    else:
        length = bool(flags & SYN) + bool(flags & FIN) + len(segment) - (segment[12] >> 4) * 4
        sequence, acknowledged, flags = 0, (sequence + length) & 0xFFFFFFFF, RST | ACK
    reset = segment[2:4] + segment[:2] + sequence.to_bytes(4, "big") + acknowledged.to_bytes(4, "big") + bytes((0x50, flags, 0, 0, 0, 0, 0, 0))
    reset = reset[:16] + l4_checksum(skb.daddr, skb.saddr, IPPROTO_TCP, reset).to_bytes(2, "big") + reset[18:]
    header = bytes((0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, IPPROTO_TCP, 0, 0)) + skb.daddr.to_bytes(4, "big") + skb.saddr.to_bytes(4, "big")
    header = header[:10] + checksum(header).to_bytes(2, "big") + header[12:]
    answer = ns.born(ETH_P_IP, header + reset)
    answer.saddr, answer.daddr, answer.proto, answer.ttl, answer.frag = skb.daddr, skb.saddr, IPPROTO_TCP, 64, 0x4000
    answer.sport, answer.dport = skb.dport, skb.sport
    answer.mark = skb.mark if ns.sysctl.fwmark_reflect else 0
    answer.dst = skb.dst  # where the error is found on the way: routing again replaces it
    attach(answer, skb)
    if not ip_output.route_me_harder(ns, answer):
        return
    if answer.dst.mtu and len(answer.l3) > answer.dst.mtu:
        ns.drop(answer, "NETFILTER_DROP", "the reset is bigger than the MTU")
        return
    ip_output.ip_local_out(ns, answer)


def attach(answer: Skb, skb: Skb) -> None:
    """The answer belongs to the connection of what it answers (nf_ct_attach), so that NAT finds its way back; in the other direction."""
    if skb.ct is not None:
        answer.ct = skb.ct
        answer.ctinfo = 4 if skb.ctinfo < 3 else 1  # RELATED, or RELATED in reply
