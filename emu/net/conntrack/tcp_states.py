"""The states of a TCP connection as somebody in the middle sees it, and their transitions as data (tcp_conntracks of nf_conntrack_proto_tcp.c).

All packets go through us but may be lost afterwards; a segment we have not seen was not received either. A state names what was seen last:
SYN_SENT a SYN, SYN_SENT2 a SYN from both (simultaneous open), SYN_RECV a SYN-ACK, ESTABLISHED an ACK, FIN_WAIT a FIN, CLOSE_WAIT an ACK after
it, LAST_ACK a FIN after it, TIME_WAIT the last ACK, CLOSE a RST.
"""

from __future__ import annotations

NONE, SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, CLOSE_WAIT, LAST_ACK, TIME_WAIT, CLOSE, SYN_SENT2, MAX, IGNORE = range(12)
STATE_NAMES = ("NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2")

# enum tcp_bit_set: what kind of segment it is
SYN_SET, SYNACK_SET, FIN_SET, ACK_SET, RST_SET, NONE_SET = range(6)
SEGMENT_NAMES = ("SYN", "SYN-ACK", "FIN", "ACK", "RST", "no flags")

_NAMES = {
    "NO": NONE, "SS": SYN_SENT, "SR": SYN_RECV, "ES": ESTABLISHED, "FW": FIN_WAIT, "CW": CLOSE_WAIT, "LA": LAST_ACK, "TW": TIME_WAIT,
    "CL": CLOSE, "S2": SYN_SENT2,
    "--": MAX,  # invalid
    "..": IGNORE,  # in doubt: may be valid at the receiver, whose answer tells
}  # fmt: skip


def _row(text: str) -> tuple[int, ...]:
    return tuple(_NAMES[name] for name in text.split())


# TRANSITIONS[direction][segment][old state] -> new state
TRANSITIONS: tuple[tuple[tuple[int, ...], ...], ...] = (
    (  # original     NO SS SR ES FW CW LA TW CL S2
        _row("        SS SS .. .. .. .. .. SS SS S2"),  # SYN; reopens from TIME_WAIT (RFC 1122) and CLOSE
        _row("        -- -- SR -- -- -- -- -- -- SR"),  # SYN-ACK, in a simultaneous open only
        _row("        -- -- FW FW LA LA LA TW CL --"),  # FIN
        _row("        ES -- ES ES CW CW TW TW CL --"),  # ACK; from NONE: a connection picked up in its middle (tcp_loose)
        _row("        -- CL CL CL CL CL CL CL CL CL"),  # RST
        _row("        -- -- -- -- -- -- -- -- -- --"),
    ),
    (  # reply        NO SS SR ES FW CW LA TW CL S2
        _row("        -- S2 -- -- -- -- -- SS -- S2"),  # SYN: simultaneous open
        _row("        -- SR .. .. .. .. .. .. .. SR"),  # SYN-ACK; when late, it may answer a SYN we let through
        _row("        -- -- FW FW LA LA LA TW CL --"),  # FIN
        _row("        -- .. SR ES CW CW TW TW CL .."),  # ACK; to a SYN it is a challenge ACK (RFC 5961) or a half-open connection
        _row("        -- CL CL CL CL CL CL CL CL CL"),  # RST
        _row("        -- -- -- -- -- -- -- -- -- --"),
    ),
)

FIN, SYN, RST, PSH, ACK, URG = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_VALID = {SYN, SYN | URG, SYN | ACK, RST, RST | ACK, FIN | ACK, FIN | ACK | URG, ACK, ACK | URG}  # PSH, ECE and CWR are always valid


def _kind(flags: int) -> int:
    if flags & (FIN | SYN | RST | ACK | URG) not in _VALID:
        return -1
    if flags & RST:
        return RST_SET
    if flags & SYN:
        return SYNACK_SET if flags & ACK else SYN_SET
    if flags & FIN:
        return FIN_SET
    return ACK_SET if flags & ACK else NONE_SET


SEGMENT_KIND: tuple[int, ...] = tuple(_kind(flags) for flags in range(256))
"""Flags byte -> kind of segment, -1 where the combination is never valid (tcp_valid_flags)."""
