"""What conntrack remembers of a TCP connection, and the options it reads (struct ip_ct_tcp, tcp_options, tcp_sack)."""

from __future__ import annotations

from emu.net.conntrack.tcp_states import NONE, NONE_SET

# Flags of one side (include/uapi/linux/netfilter/nf_conntrack_tcp.h)
WINDOW_SCALE, SACK_PERM, CLOSE_INIT, BE_LIBERAL, DATA_UNACKNOWLEDGED, MAXACK_SET, EXP_CHALLENGE_ACK, SIMULTANEOUS_OPEN = (1 << bit for bit in range(8))

TCP_MAX_WSCALE = 14
M = 0xFFFFFFFF
HALF = 0x7FFFFFFF
_TIMESTAMP_ONLY = b"\x01\x01\x08\x0a"


class Side:
    """What one end has sent (struct ip_ct_tcp_state)."""

    __slots__ = ("flags", "td_end", "td_maxack", "td_maxend", "td_maxwin", "td_scale")

    def __init__(self) -> None:
        self.td_end = self.td_maxend = self.td_maxwin = self.td_maxack = self.td_scale = self.flags = 0


class TcpTrack:
    """The connection (struct ip_ct_tcp). `last_*`: the last segment noted."""

    __slots__ = (
        "last_ack", "last_dir", "last_end", "last_flags", "last_index", "last_seq", "last_win", "last_wscale", "retrans", "seen", "state",
    )  # fmt: skip

    def __init__(self) -> None:
        self.seen = (Side(), Side())
        self.state = NONE
        self.last_dir = 0
        self.last_index = NONE_SET
        self.retrans = 0
        self.last_seq = self.last_ack = self.last_end = self.last_win = self.last_wscale = self.last_flags = 0


def parse_options(l3: bytes, start: int, end: int, side: Side) -> None:
    """Window scale and SACK-permitted of a SYN (tcp_options); without any option the side keeps what it had."""
    if start >= end:
        return
    side.td_scale = 0
    side.flags &= BE_LIBERAL
    while start < end:
        kind = l3[start]
        if kind == 0:
            return
        if kind == 1:
            start += 1
            continue
        if end - start < 2:
            return
        size = l3[start + 1]
        if size < 2 or size > end - start:
            return
        if kind == 4 and size == 2:
            side.flags |= SACK_PERM
        elif kind == 3 and size == 3:
            side.td_scale = min(l3[start + 2], TCP_MAX_WSCALE)
            side.flags |= WINDOW_SCALE
        start += size


def highest_sack(l3: bytes, start: int, end: int, ack: int) -> int:
    """The right edge of the rightmost SACK block, or `ack` (tcp_sack)."""
    if end - start == 12 and l3[start : start + 4] == _TIMESTAMP_ONLY:
        return ack
    while start < end:
        kind = l3[start]
        if kind == 0:
            return ack
        if kind == 1:
            start += 1
            continue
        if end - start < 2:
            return ack
        size = l3[start + 1]
        if size < 2 or size > end - start:
            return ack
        if kind == 5 and size >= 10 and (size - 2) % 8 == 0:
            for block in range(start + 2, start + size, 8):
                edge = int.from_bytes(l3[block + 4 : block + 8], "big")
                if (ack - edge) & M > HALF:
                    ack = edge
            return ack
        start += size
    return ack
