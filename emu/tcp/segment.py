"""A TCP segment: header fields, options and payload, to wire bytes and back (RFC 9293 section 3.1)."""
from __future__ import annotations

from struct import Struct

from emu.tcp import options

FIN = 0x01
SYN = 0x02
RST = 0x04
PSH = 0x08
ACK = 0x10
URG = 0x20
ECE = 0x40
CWR = 0x80

_HEADER = Struct("!HHIIHHHH")
_HEADER_TS = Struct("!HHIIHHHHIII")
_NOP_NOP_TS = 0x0101080A
_NO_SACK: tuple[tuple[int, int], ...] = ()


class Segment:
    """One segment. Sequence numbers and timestamps are unsigned 32-bit ints; `window` is the 16-bit value on the wire, not scaled.

    `mss`, `wscale` and `ts_val` are None where the option is absent. `sack` holds (left, right) edges as they stand in the option.
    """

    __slots__ = ("ack", "flags", "dport", "mss", "payload", "sack", "sack_permitted", "seq", "sport", "ts_ecr", "ts_val", "urgent", "window", "wscale")

    def __init__(
        self, sport: int, dport: int, seq: int, ack: int, flags: int, window: int = 0, payload: bytes = b"", ts_val: int | None = None, ts_ecr: int = 0,
        sack: tuple[tuple[int, int], ...] = _NO_SACK, mss: int | None = None, wscale: int | None = None, sack_permitted: bool = False, urgent: int = 0,
    ) -> None:
        self.sport = sport
        self.dport = dport
        self.seq = seq
        self.ack = ack
        self.flags = flags
        self.window = window
        self.payload = payload
        self.ts_val = ts_val
        self.ts_ecr = ts_ecr
        self.sack = sack
        self.mss = mss
        self.wscale = wscale
        self.sack_permitted = sack_permitted
        self.urgent = urgent

    @property
    def seq_len(self) -> int:
        """How much sequence space it takes: payload, plus one each for SYN and FIN."""
        flags = self.flags
        return len(self.payload) + (flags & FIN) + (1 if flags & SYN else 0)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Segment) and all(getattr(self, name) == getattr(other, name) for name in Segment.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """As tcpdump -S would print it."""
        letters = "".join(letter for bit, letter in _LETTERS if self.flags & bit)
        text = f"{self.sport} > {self.dport} [{letters}] seq {self.seq}"
        if self.payload:
            text += f":{(self.seq + len(self.payload)) & 0xFFFFFFFF}"
        if self.flags & ACK:
            text += f" ack {self.ack}"
        text += f" win {self.window}"
        if self.mss is not None:
            text += f" mss {self.mss}"
        if self.sack_permitted:
            text += " sackOK"
        if self.ts_val is not None:
            text += f" TS {self.ts_val}/{self.ts_ecr}"
        if self.wscale is not None:
            text += f" wscale {self.wscale}"
        for left, right in self.sack:
            text += f" sack {{{left}:{right}}}"
        return f"{text} length {len(self.payload)}"


_LETTERS = ((SYN, "S"), (FIN, "F"), (RST, "R"), (PSH, "P"), (URG, "U"), (ECE, "E"), (CWR, "W"), (ACK, "."))


def encode(segment: Segment) -> bytes:
    """Header (checksum 0: the caller knows the addresses it covers), options laid out as Linux does, payload."""
    if segment.ts_val is not None and not segment.sack and not segment.flags & SYN:
        return _HEADER_TS.pack(
            segment.sport, segment.dport, segment.seq, segment.ack, 0x8000 | segment.flags, segment.window, 0, segment.urgent,
            _NOP_NOP_TS, segment.ts_val, segment.ts_ecr,
        ) + segment.payload
    opts = options.write(segment.mss, segment.sack_permitted, segment.ts_val, segment.ts_ecr, segment.wscale, segment.sack)
    return _HEADER.pack(
        segment.sport, segment.dport, segment.seq, segment.ack, (20 + len(opts)) << 10 | segment.flags, segment.window, 0, segment.urgent,
    ) + opts + segment.payload


def decode(data: bytes | memoryview) -> Segment | None:
    """A segment from wire bytes (without the IP header), or None when the header does not fit them.

    Options that make no sense end the parsing of options, as in tcp_parse_options; they do not make the segment bad. The checksum is not looked at.
    """
    size = len(data)
    if size < 20:
        return None
    sport, dport, seq, ack, offset_flags, window, _, urgent = _HEADER.unpack_from(data)
    header = offset_flags >> 10 & 0x3C
    flags = offset_flags & 0xFF
    if header == 32 and size >= 32:
        kind, ts_val, ts_ecr = options.TS_WORDS.unpack_from(data, 20)
        if kind == _NOP_NOP_TS:
            return Segment(sport, dport, seq, ack, flags, window, bytes(data[32:]), ts_val, ts_ecr, urgent=urgent)
    if header < 20 or header > size:
        return None
    segment = Segment(sport, dport, seq, ack, flags, window, bytes(data[header:]), urgent=urgent)
    if header > 20:
        found = options.parse(bytes(data[20:header]), flags & SYN != 0)
        segment.mss, segment.sack_permitted, segment.ts_val, segment.ts_ecr, segment.wscale, segment.sack = found
    return segment


def reset_for(segment: Segment) -> Segment | None:
    """What a host answers to a segment that no socket wants (tcp_v4_send_reset): no options, window 0; None for a RST."""
    flags = segment.flags
    if flags & RST:
        return None
    if flags & ACK:
        return Segment(segment.dport, segment.sport, segment.ack, 0, RST)
    return Segment(segment.dport, segment.sport, 0, (segment.seq + segment.seq_len) & 0xFFFFFFFF, RST | ACK)
