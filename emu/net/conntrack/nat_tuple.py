"""Choosing what a connection is translated to (the upper half of nf_nat_core.c): stay as it is if that is free, else an address out of the
range by hash, then a port that makes the answer's tuple unique.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net.conntrack import tuples
from emu.net.conntrack.entry import DYING, FIXED_TIMEOUT, NAT_MASK, SRC_NAT, Entry
from emu.net.conntrack.nat_packet import DST, SRC
from emu.net.conntrack.tcp_states import SYN_SENT, TIME_WAIT

if TYPE_CHECKING:
    from emu.net.conntrack.table import Conntrack
    from emu.net.conntrack.tuples import Tuple
    from emu.sim import Stream

# how a range is to be used: --random, --random-fully, --persistent
RANDOM, RANDOM_FULLY, PERSISTENT = 1, 2, 4
RANDOM_ALL = RANDOM | RANDOM_FULLY

MAX_ATTEMPTS = 128
HARDER_THRESHOLD = MAX_ATTEMPTS // 4
_M = 0xFFFFFFFF


class NatRange:
    """What a rule allows: addresses `min_ip`..`max_ip` (0: the address stays), ports or ICMP identifiers `min_port`..`max_port` (0: none
    given), and how to choose (`flags`). `base_port`: with a port range, the port whose image is `min_port`; 0 for none. Never changed.
    """

    __slots__ = ("base_port", "flags", "max_ip", "max_port", "min_ip", "min_port")

    def __init__(self, flags: int = 0, min_ip: int = 0, max_ip: int = 0, min_port: int = 0, max_port: int = 0, base_port: int = 0) -> None:
        self.flags = flags
        self.min_ip = min_ip
        self.max_ip = max_ip
        self.min_port = min_port
        self.max_port = max_port
        self.base_port = base_port


def unique_tuple(track: Conntrack, ct: Entry, current: Tuple, allowed: NatRange, side: int, stream: Stream) -> Tuple:
    """The tuple that the connection's packets shall have behind this translation (get_unique_tuple). `current`: the one they have now. It may
    fail to be unique; then the connection is refused when it is confirmed.
    """
    flags = allowed.flags
    if side == SRC and not flags & RANDOM_ALL:
        if _in_range(current, allowed):
            if not _used_new(track, current, ct):
                return current
        else:
            # The same source was mapped before: keep its mapping, so that a client looks the same to all servers.
            for other in track.same_source(current[0], current[1], current[3]):
                mapped = tuples.invert(other.reply)
                if mapped is None:
                    continue
                result = (current[0], mapped[1], current[2], mapped[3], current[4])
                if _in_range(result, allowed):
                    if not _used(track, result, ct):
                        return result
                    break
    chosen = _best_address(current, allowed, side)
    if not flags & RANDOM_ALL:
        if allowed.max_port:
            if not allowed.base_port and _port_in_range(chosen, side, allowed) and (allowed.min_port == allowed.max_port or not _used(track, chosen, ct)):
                return chosen
        elif not _used(track, chosen, ct):
            return chosen
    return _unique_port(track, ct, chosen, allowed, side, stream)


def _used(track: Conntrack, tup: Tuple, ct: Entry) -> bool:
    """Whether the answers would be somebody else's (nf_nat_used_tuple)."""
    reply = tuples.invert(tup)
    return reply is None or track.tuple_taken(reply, ct)


def _used_new(track: Conntrack, tup: Tuple, ct: Entry) -> bool:
    """As `_used`; two untranslated first packets that crossed each other are one connection (nf_nat_used_tuple_new)."""
    if not _used(track, tup, ct):
        return False
    if tup[0] not in (17, 47, 136) or ct.status & NAT_MASK:
        return True
    reply = tuples.invert(tup)
    hit = track.find(tup) or (track.find(reply) if reply is not None else None)
    if hit is None:
        return False
    other = hit[0]
    return bool(other.status & NAT_MASK) or other.orig != ct.reply


def _used_harder(track: Conntrack, tup: Tuple, ct: Entry, attempts_left: int) -> bool:
    """As `_used`; on the last attempts a TCP connection in TIME_WAIT gives way to a SYN with higher sequence numbers (nf_nat_used_tuple_harder)."""
    tcp = ct.tcp
    if attempts_left > HARDER_THRESHOLD or tcp is None or tcp.state != SYN_SENT:
        return _used(track, tup, ct)
    reply = tuples.invert(tup)
    hit = track.find(reply) if reply is not None else None
    if hit is None:
        return False
    other, direction = hit
    old = other.tcp
    if direction == 0 or other is ct or old is None or old.state < TIME_WAIT or other.status & (FIXED_TIMEOUT | DYING) or not other.status & SRC_NAT:
        return True
    if not 0 < (tcp.seen[0].td_end - old.seen[0].td_end) & _M <= 0x7FFFFFFF:
        return True
    track.kill(other)
    return False


def _in_range(tup: Tuple, allowed: NatRange) -> bool:
    if allowed.min_ip and not allowed.min_ip <= tup[1] <= allowed.max_ip:
        return False
    return not allowed.max_port or _port_in_range(tup, SRC, allowed)


def _port_in_range(tup: Tuple, side: int, allowed: NatRange) -> bool:
    proto = tup[0]
    if proto == 1:
        return allowed.min_port <= tup[3] <= allowed.max_port
    if proto in (6, 17, 47, 132):
        return allowed.min_port <= tup[3 + side] <= allowed.max_port
    return True


def _best_address(tup: Tuple, allowed: NatRange, side: int) -> Tuple:
    """One address of the range by hash of the client's (and, unless persistent, the server's) address (find_best_ips_proto): the kernel's
    own hash, so that the choice is the kernel's too.
    """
    if not allowed.min_ip:
        return tup
    ip = allowed.min_ip
    if ip != allowed.max_ip:
        seed = 0 if allowed.flags & PERSISTENT else _swap(tup[2])
        ip += jhash2((_swap(tup[1]), 0, 0, 0), seed) * (allowed.max_ip - ip + 1) >> 32
    if side == SRC:
        return (tup[0], ip, tup[2], tup[3], tup[4])
    return (tup[0], tup[1], ip, tup[3], tup[4])


def _unique_port(track: Conntrack, ct: Entry, tup: Tuple, allowed: NatRange, side: int, stream: Stream) -> Tuple:
    """Try ports from a random offset (DNAT: from the first) on, in rounds that get shorter (nf_nat_l4proto_unique_tuple)."""
    proto, saddr, daddr, sport, dport = tup
    flags = allowed.flags
    at_source = side == SRC or proto == 1
    port = sport if at_source else dport
    if proto == 1:
        low, size = (allowed.min_port, allowed.max_port - allowed.min_port + 1) if allowed.max_port else (0, 65536)
    elif proto not in (6, 17):
        return tup
    elif allowed.max_port:
        low, high = sorted((allowed.min_port, allowed.max_port))
        size = high - low + 1
    elif side == DST:
        return tup
    elif port < 512:  # ports that mean "root said so" are replaced by such
        low, size = 1, 511
    elif port < 1024:
        low, size = 600, 424
    else:
        low, size = 1024, 64512
    if size <= 0:
        return tup
    if allowed.base_port:
        offset = (port - allowed.base_port) & 0xFFFF
    elif flags & RANDOM_ALL or side != DST:
        offset = stream.pick(low, size) - low
    else:
        offset = 0
    attempts = min(size, MAX_ATTEMPTS)
    while True:
        for i in range(attempts):
            port = low + offset % size & 0xFFFF
            tup = (proto, saddr, daddr, port, dport) if at_source else (proto, saddr, daddr, sport, port)
            if not _used_harder(track, tup, ct, attempts - i):
                return tup
            offset = (offset + 1) & 0xFFFF
        if attempts >= size or attempts < 16:
            return tup
        attempts //= 2
        offset = stream.pick(low, size) - low


def _swap(ip: int) -> int:
    """The address as the little-endian word that the kernel hashes."""
    return int.from_bytes(ip.to_bytes(4, "big"), "little")


def _rol(word: int, shift: int) -> int:
    return (word << shift | word >> (32 - shift)) & _M


def jhash2(words: tuple[int, ...], seed: int) -> int:
    """Bob Jenkins' lookup3 hash of 32-bit words (include/linux/jhash.h)."""
    length = len(words)
    a = b = c = (0xDEADBEEF + (length << 2) + seed) & _M
    at = 0
    while length > 3:
        a = a + words[at] & _M
        b = b + words[at + 1] & _M
        c = c + words[at + 2] & _M
        a = (a - c & _M) ^ _rol(c, 4)
        c = c + b & _M
        b = (b - a & _M) ^ _rol(a, 6)
        a = a + c & _M
        c = (c - b & _M) ^ _rol(b, 8)
        b = b + a & _M
        a = (a - c & _M) ^ _rol(c, 16)
        c = c + b & _M
        b = (b - a & _M) ^ _rol(a, 19)
        a = a + c & _M
        c = (c - b & _M) ^ _rol(b, 4)
        b = b + a & _M
        length -= 3
        at += 3
    if length == 3:
        c = c + words[at + 2] & _M
    if length >= 2:
        b = b + words[at + 1] & _M
    if length >= 1:
        a = a + words[at] & _M
        c = (c ^ b) - _rol(b, 14) & _M
        a = (a ^ c) - _rol(c, 11) & _M
        b = (b ^ a) - _rol(a, 25) & _M
        c = (c ^ b) - _rol(b, 16) & _M
        a = (a ^ c) - _rol(c, 4) & _M
        b = (b ^ a) - _rol(a, 14) & _M
        c = (c ^ b) - _rol(b, 24) & _M
    return c
