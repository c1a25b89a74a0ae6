"""The IPv4 header (RFC 791): parsing with the kernel's checks in its order, building, patching."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from emu.wire.checksum import checksum

if TYPE_CHECKING:
    from emu.net.skb import Skb

IP_DF, IP_MF, IP_OFFSET = 0x4000, 0x2000, 0x1FFF
IPPROTO_ICMP, IPPROTO_IGMP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_DCCP, IPPROTO_SCTP, IPPROTO_UDPLITE = 1, 2, 6, 17, 33, 132, 136
WITH_PORTS = frozenset((IPPROTO_TCP, IPPROTO_UDP, IPPROTO_DCCP, IPPROTO_SCTP, IPPROTO_UDPLITE))

_HEADER = Struct("!BBHHHBBHII")
_unpack = _HEADER.unpack_from
_pack = _HEADER.pack
_ports = Struct("!HH").unpack_from
_icmp = Struct("!HHH").unpack_from
_from_bytes = int.from_bytes


def parse(skb: Skb) -> str | None:
    """Check and read the header of `skb.l3` (ip_rcv_core). Returns a drop reason, or None: the Skb's IPv4 fields are filled, padding is trimmed."""
    l3 = skb.l3
    size = len(l3)
    if size < 20:
        return "IP_INHDR"
    first, tos, length, ip_id, frag, ttl, proto, _, saddr, daddr = _unpack(l3)
    if first == 0x45:
        ihl = 20
    else:
        ihl = (first & 15) << 2
        if first >> 4 != 4 or ihl < 20 or size < ihl:
            return "IP_INHDR"
    if _from_bytes(l3[:ihl], "big") % 0xFFFF:
        return "IP_CSUM"
    if size != length:
        if size < length:
            return "PKT_TOO_SMALL"
        if length < ihl:
            return "IP_INHDR"
        skb.l3 = l3 = l3[:length]
    skb.ihl = skb.l4 = ihl
    skb.tos = tos
    skb.ip_id = ip_id
    skb.frag = frag
    skb.ttl = ttl
    skb.proto = proto
    skb.saddr = saddr
    skb.daddr = daddr
    if not frag & 0x1FFF:
        if (proto == 17 or proto == 6) and length >= ihl + 4:
            skb.sport, skb.dport = _ports(l3, ihl)
        else:
            set_ports(skb)
    else:
        skb.sport = skb.dport = 0
    return None


def set_ports(skb: Skb) -> None:
    """Fill `sport`/`dport` from the transport header: ports, or for ICMP identifier and type << 8 | code; 0 where there are none."""
    l3 = skb.l3
    l4 = skb.l4
    skb.sport = skb.dport = 0
    if skb.frag & IP_OFFSET:
        return
    if skb.proto in WITH_PORTS:
        if len(l3) >= l4 + 4:
            skb.sport, skb.dport = _ports(l3, l4)
    elif skb.proto == IPPROTO_ICMP and len(l3) >= l4 + 8:
        skb.dport, _, skb.sport = _icmp(l3, l4)


def header(proto: int, length: int, saddr: int, daddr: int, ttl: int = 64, tos: int = 0, ip_id: int = 0, frag: int = 0, options: bytes = b"") -> bytes:
    """A header with its checksum. `length`: of the whole packet in bytes. `options`: already padded to a multiple of four."""
    first = 0x45 + (len(options) >> 2)
    if options:
        zero = _pack(first, tos, length, ip_id, frag, ttl, proto, 0, saddr, daddr) + options
        return zero[:10] + checksum(zero).to_bytes(2, "big") + options_tail(zero)
    total = (first << 8 | tos) + length + ip_id + frag + (ttl << 8 | proto) + (saddr >> 16) + (saddr & 0xFFFF) + (daddr >> 16) + (daddr & 0xFFFF)
    # The sum of a header is never 0, so that a sum of 0 modulo 0xffff stands for 0xffff, whose complement is 0.
    return _pack(first, tos, length, ip_id, frag, ttl, proto, (0xFFFF - total % 0xFFFF) % 0xFFFF, saddr, daddr)


def options_tail(zero: bytes) -> bytes:
    """Everything behind the checksum field."""
    return zero[12:]


def rechecksum(l3: bytes, ihl: int) -> bytes:
    """The packet with its header checksum computed anew (ip_send_check)."""
    zero = l3[:10] + b"\x00\x00" + l3[12:ihl]
    return l3[:10] + checksum(zero).to_bytes(2, "big") + l3[12:]
