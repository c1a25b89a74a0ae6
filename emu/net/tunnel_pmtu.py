"""What a tunnel answers to a frame that does not fit it and may not be cut (net/ipv4/ip_tunnel_core.c, iptunnel_pmtud_build_icmp)."""

from __future__ import annotations

from struct import Struct

from emu.net.ip_header import header
from emu.net.skb import Skb
from emu.wire.addr import is_loopback_ip, is_multicast_ip
from emu.wire.checksum import checksum

IPPROTO_ICMP, IP_DF = 1, 0x4000
ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED = 3, 4
ERRORS = (b"\3", b"\4", b"\5", b"\x0b", b"\x0c")  # unreachable, source quench, redirect, time exceeded, parameter problem
SMALLEST = 576  # an error is at most this long, and there is none for a smaller path
LIMITED_BROADCAST = 0xFFFFFFFF
_ICMP = Struct("!BBHHH")


def too_big(skb: Skb, mtu: int) -> tuple[bytes, bytes] | None:
    """Ethernet header and packet of the "fragmentation needed" that goes back to the sender as if the destination had sent it; None where there is none.

    Only for a frame that is bridged into the tunnel: its sender is in the same network, so no router can tell it. `skb`: an IPv4 packet.
    """
    l3 = skb.l3
    if mtu < SMALLEST or len(l3) < 20 or (l3[6] << 8 | l3[7]) != IP_DF:
        return None
    saddr, daddr = int.from_bytes(l3[12:16], "big"), int.from_bytes(l3[16:20], "big")
    if any(ip == LIMITED_BROADCAST or is_multicast_ip(ip) for ip in (saddr, daddr)) or saddr >> 24 == 0 or is_loopback_ip(saddr):
        return None
    at = (l3[0] & 15) * 4
    if l3[9] == IPPROTO_ICMP and l3[at : at + 1] in ERRORS:
        return None
    quote = l3[: SMALLEST - 20 - 8]
    icmp = _ICMP.pack(ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, 0, 0, mtu) + quote
    icmp = icmp[:2] + checksum(icmp).to_bytes(2, "big") + icmp[4:]
    eth = skb.eth[6:12] + skb.eth[:6] + skb.eth[12:14]
    return eth, header(IPPROTO_ICMP, len(icmp) + 20, daddr, saddr, l3[8], 0, 0, IP_DF) + icmp
