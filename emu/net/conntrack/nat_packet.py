"""Rewriting packets as the connection says (nf_nat_proto.c): address, port or identifier, and the checksums over them.

What a direction's rewrite changes never changes itself, so that it is worked out once per entry, direction and side; an established packet
costs a comparison and one concatenation. Checksums are adjusted (RFC 1624), never computed anew: a wrong one stays wrong.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from emu.net.conntrack import tuples
from emu.net.conntrack.entry import NAT_DONE_MASK, NAT_MASK, SRC_NAT, Entry
from emu.wire.checksum import checksum, verify

if TYPE_CHECKING:
    from emu.net.conntrack.tuples import Tuple
    from emu.net.skb import Skb

SRC, DST = 0, 1  # enum nf_nat_manip_type

_H = Struct(">H").pack
_H4 = Struct(">H4s").pack
_ECHOES = frozenset({0, 8, 13, 14, 15, 16, 17, 18})  # ICMP messages with an identifier

Rewrite = tuple[int, int, int, int, bytes, bytes, int, int]
"""old address, old port, new address, new port, the new two as bytes, what to add to the IP and to the transport checksum"""


def _rewrite(ct: Entry, direction: int, side: int) -> Rewrite:
    """The packet must come to look like the inverse of what the other direction sends (nf_nat_manip_pkt)."""
    before = ct.reply if direction else ct.orig
    after = tuples.invert(ct.orig if direction else ct.reply) or before
    old_ip, new_ip = before[1 + side], after[1 + side]
    if before[0] == tuples.IPPROTO_ICMP:
        old_port, new_port = before[3], after[3]  # the identifier, on either side
    else:
        old_port, new_port = before[3 + side], after[3 + side]
    ip_delta = (old_ip >> 16) + (old_ip & 0xFFFF) - (new_ip >> 16) - (new_ip & 0xFFFF)
    port_delta = old_port - new_port
    l4_delta = port_delta if before[0] == tuples.IPPROTO_ICMP else ip_delta + port_delta
    return old_ip, old_port, new_ip, new_port, new_ip.to_bytes(4, "big"), _H(new_port), ip_delta, l4_delta


def nat_packet(skb: Skb, ct: Entry, direction: int, side: int) -> bool | None:
    """Do to the packet what the connection's NAT does on this `side` (SRC or DST) in this direction (nf_nat_packet). True: it was rewritten;
    None: nothing to do; False: too short, to be dropped.
    """
    status = SRC_NAT << side  # SRC_NAT or DST_NAT
    if direction:
        status ^= NAT_MASK
    if not ct.status & status:
        return None
    nat = ct.nat
    if nat is None:
        nat = ct.nat = [None, None, None, None]
    rewrite = nat[direction * 2 + side]
    if rewrite is None:
        rewrite = nat[direction * 2 + side] = _rewrite(ct, direction, side)
    old_ip, old_port, new_ip, new_port, ip_bytes, port_bytes, ip_delta, l4_delta = rewrite
    proto = skb.proto
    if proto == 6:
        check = 16
    elif proto == 17:
        check = 6
    else:
        return _manip_skb(skb, new_ip, new_port, side)
    l3 = skb.l3
    l4 = skb.l4
    at = l4 + check
    if side:
        if skb.daddr != old_ip or skb.dport != old_port or len(l3) < at + 2:
            return _manip_skb(skb, new_ip, new_port, side)
        head = l3[:10] + _H(((l3[10] << 8 | l3[11]) + ip_delta) % 0xFFFF) + l3[12:16] + ip_bytes + l3[20 : l4 + 2] + port_bytes + l3[l4 + 4 : at]
        skb.daddr = new_ip
        skb.dport = new_port
    else:
        if skb.saddr != old_ip or skb.sport != old_port or len(l3) < at + 2:
            return _manip_skb(skb, new_ip, new_port, side)
        head = l3[:10] + _H4(((l3[10] << 8 | l3[11]) + ip_delta) % 0xFFFF, ip_bytes) + l3[16:l4] + port_bytes + l3[l4 + 2 : at]
        skb.saddr = new_ip
        skb.sport = new_port
    checksum = l3[at] << 8 | l3[at + 1]
    if proto == 6:
        skb.l3 = head + _H((checksum + l4_delta) % 0xFFFF) + l3[at + 2 :]
    elif checksum:  # UDP without a checksum stays without
        skb.l3 = head + _H((checksum + l4_delta) % 0xFFFF or 0xFFFF) + l3[at + 2 :]
    else:
        skb.l3 = head + l3[at:]
    skb.frame = None
    return True


def _manip_skb(skb: Skb, new_ip: int, new_port: int, side: int) -> bool:
    """The same for any packet, from what it has in it."""
    packet = bytearray(skb.l3)
    if not manip(packet, 0, skb.proto, new_ip, new_port, side):
        return False
    skb.set_l3(bytes(packet))
    l4 = skb.l4
    if side:
        skb.daddr = new_ip
    else:
        skb.saddr = new_ip
    if skb.proto == 6 or skb.proto == 17:
        if side:
            skb.dport = new_port
        else:
            skb.sport = new_port
    elif skb.proto == 1 and len(packet) >= l4 + 8:
        skb.sport = packet[l4 + 4] << 8 | packet[l4 + 5]
    return True


def _add(packet: bytearray, at: int, delta: int) -> int:
    value = ((packet[at] << 8 | packet[at + 1]) + delta) % 0xFFFF
    packet[at : at + 2] = _H(value)
    return value


def manip(packet: bytearray, start: int, proto: int, new_ip: int, new_port: int, side: int) -> bool:
    """Rewrite the IP packet at offset `start` of `packet` in place (nf_nat_ipv4_manip_pkt). `proto`: the protocol that the tuple has, by which
    the transport header is read. False: too short to be rewritten, to be dropped.
    """
    if len(packet) < start + 20:
        return False
    ip_at = start + 16 if side else start + 12
    old_ip = int.from_bytes(packet[ip_at : ip_at + 4], "big")
    ip_delta = (old_ip >> 16) + (old_ip & 0xFFFF) - (new_ip >> 16) - (new_ip & 0xFFFF)
    l4 = start + (packet[start] & 0x0F) * 4
    room = len(packet) - l4
    if proto == 6 or proto == 17:
        if room < 8:
            return False
        port_at = l4 + 2 if side else l4
        port_delta = (packet[port_at] << 8 | packet[port_at + 1]) - new_port
        packet[port_at : port_at + 2] = _H(new_port)
        if proto == 6:
            if room >= 20:  # inside an ICMP error there may be 8 bytes only, and the checksum is further behind
                _add(packet, l4 + 16, ip_delta + port_delta)
        elif packet[l4 + 6] or packet[l4 + 7]:
            if _add(packet, l4 + 6, ip_delta + port_delta) == 0:
                packet[l4 + 6 : l4 + 8] = b"\xff\xff"
    elif proto == 1:
        if room < 8:
            return False
        if packet[l4] in _ECHOES:
            _add(packet, l4 + 2, (packet[l4 + 4] << 8 | packet[l4 + 5]) - new_port)
            packet[l4 + 4 : l4 + 6] = _H(new_port)
    _add(packet, start + 10, ip_delta)
    packet[ip_at : ip_at + 4] = new_ip.to_bytes(4, "big")
    return True


def icmp_error(skb: Skb, ct: Entry, direction: int, side: int) -> bool | None:
    """An ICMP error about a translated connection (nf_nat_icmp_reply_translation): the quoted packet goes back to what its sender sent, and
    the outer address is translated like any packet of that direction. True: rewritten; None: not concerned; False: to be dropped.
    """
    l3 = skb.l3
    l4 = skb.l4
    if len(l3) < l4 + 28 or not verify(l3[l4:]):
        return False
    if l3[l4] == 5 and (ct.status & NAT_MASK or ct.status & NAT_DONE_MASK != NAT_DONE_MASK):
        return False  # a redirect for a translated connection would mislead
    status = SRC_NAT << side
    if direction:
        status ^= NAT_MASK
    if not ct.status & status:
        return None
    packet = bytearray(l3)
    other: Tuple = ct.orig if direction else ct.reply
    inner_side = 1 - side
    inner_port = other[3] if other[0] == tuples.IPPROTO_ICMP else other[3 + inner_side]
    if not manip(packet, l4 + 8, other[0], other[1 + inner_side], inner_port, inner_side):
        return False
    packet[l4 + 2 : l4 + 4] = b"\x00\x00"
    packet[l4 + 2 : l4 + 4] = _H(checksum(bytes(packet[l4:])))
    target = tuples.invert(other) or other
    manip(packet, 0, 0, target[1 + side], 0, side)
    skb.set_l3(bytes(packet))
    if side:
        skb.daddr = target[2]
    else:
        skb.saddr = target[1]
    return True
