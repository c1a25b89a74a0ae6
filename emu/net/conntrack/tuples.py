"""What identifies one direction of a connection (struct nf_conntrack_tuple), and how to turn it round.

A tuple is `(proto, saddr, daddr, sport, dport)`, plain integers, so that it is a dictionary key as it stands. For ICMP `sport` is the
identifier and `dport` is type << 8 | code; protocols that conntrack does not know have ports 0.
"""

from __future__ import annotations

from emu.wire.addr import ip_text

Tuple = tuple[int, int, int, int, int]

IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP = 1, 6, 17
PROTO_NAMES = {1: "icmp", 2: "igmp", 4: "ipencap", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 51: "ah", 89: "ospf", 132: "sctp", 136: "udplite"}

# ICMP request <-> reply (invmap of nf_conntrack_proto_icmp.c): echo, timestamp, information, address mask. Other types have no inverse.
ICMP_INVERSE = {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17}
# Only a request may begin a connection (valid_new of the same file).
ICMP_REQUESTS = frozenset({8, 13, 15, 17})


def invert(tup: Tuple) -> Tuple | None:
    """The tuple that the other side's packets have (nf_ct_invert_tuple); None for an ICMP type that is never answered."""
    proto, saddr, daddr, sport, dport = tup
    if proto != IPPROTO_ICMP:
        return (proto, daddr, saddr, dport, sport)
    kind = ICMP_INVERSE.get(dport >> 8)
    if kind is None:
        return None
    return (proto, daddr, saddr, sport, kind << 8 | dport & 0xFF)


def of_quoted(l3: bytes, start: int) -> Tuple | None:
    """The tuple of a packet quoted inside an ICMP error, at offset `start` of `l3` (nf_ct_get_tuplepr); None where it cannot be told."""
    if len(l3) < start + 20:
        return None
    if (l3[start + 6] & 0x1F) or l3[start + 7]:
        return None  # a later fragment has no ports
    at = start + (l3[start] & 0x0F) * 4
    room = len(l3) - at
    if room < 0:
        return None
    proto = l3[start + 9]
    saddr = int.from_bytes(l3[start + 12 : start + 16], "big")
    daddr = int.from_bytes(l3[start + 16 : start + 20], "big")
    if proto in (6, 17, 132, 136):
        if room < 4:
            return None
        return (proto, saddr, daddr, l3[at] << 8 | l3[at + 1], l3[at + 2] << 8 | l3[at + 3])
    if proto == IPPROTO_ICMP:
        if room < 8:
            return None
        return (proto, saddr, daddr, l3[at + 4] << 8 | l3[at + 5], l3[at] << 8 | l3[at + 1])
    return (proto, saddr, daddr, 0, 0)


def text(tup: Tuple) -> str:
    """For a person: `tcp 10.0.0.1:40000 → 10.0.0.2:80`, `icmp 10.0.0.1 → 10.0.0.2 id 7`."""
    proto, saddr, daddr, sport, dport = tup
    name = PROTO_NAMES.get(proto, str(proto))
    if proto in (6, 17):
        return f"{name} {ip_text(saddr)}:{sport} → {ip_text(daddr)}:{dport}"
    if proto == IPPROTO_ICMP:
        return f"{name} {ip_text(saddr)} → {ip_text(daddr)} id {sport}"
    return f"{name} {ip_text(saddr)} → {ip_text(daddr)}"
