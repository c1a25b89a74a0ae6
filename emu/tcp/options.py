"""TCP options as Linux lays them out and reads them (tcp_options_write, tcp_parse_options; RFC 9293, 7323, 2018)."""
from __future__ import annotations

from struct import Struct

EOL = 0
NOP = 1
MSS = 2
WINDOW = 3
SACK_PERM = 4
SACK = 5
TIMESTAMP = 8

MAX_WSCALE = 14
TIMESTAMP_ALIGNED = 12

TS_WORDS = Struct("!III")
_WORD = Struct("!I")
_PAIR = Struct("!II")
_HALF = Struct("!H")

Blocks = tuple[tuple[int, int], ...]


def write(mss: int | None, sack_permitted: bool, ts_val: int | None, ts_ecr: int, wscale: int | None, sack: Blocks) -> bytes:
    """MSS; SACK-permitted with timestamps; window scale; SACK blocks. Every group fills whole words."""
    out = b""
    if mss is not None:
        out = _WORD.pack(MSS << 24 | 4 << 16 | mss)
    if ts_val is not None:
        lead = SACK_PERM << 24 | 2 << 16 if sack_permitted else NOP << 24 | NOP << 16
        out += TS_WORDS.pack(lead | TIMESTAMP << 8 | 10, ts_val, ts_ecr)
    elif sack_permitted:
        out += bytes((NOP, NOP, SACK_PERM, 2))
    if wscale is not None:
        out += bytes((NOP, WINDOW, 3, wscale))
    if sack:
        out += bytes((NOP, NOP, SACK, 2 + 8 * len(sack))) + b"".join(_PAIR.pack(left, right) for left, right in sack)
    return out


def parse(data: bytes, syn: bool) -> tuple[int | None, bool, int | None, int, int | None, Blocks]:
    """(mss, sack_permitted, ts_val, ts_ecr, wscale, sack). MSS, window scale and SACK-permitted count only on a SYN."""
    mss: int | None = None
    sack_permitted = False
    ts_val: int | None = None
    ts_ecr = 0
    wscale: int | None = None
    sack: Blocks = ()
    at = 0
    end = len(data)
    while at < end:
        kind = data[at]
        if kind == EOL:
            break
        if kind == NOP:
            at += 1
            continue
        if at + 2 > end:
            break
        length = data[at + 1]
        if length < 2 or at + length > end:  # "silly options", or one that runs past the header: Linux stops reading here
            break
        if kind == TIMESTAMP and length == 10:
            ts_val, ts_ecr = _PAIR.unpack_from(data, at + 2)
        elif kind == SACK and length >= 10 and (length - 2) % 8 == 0:
            sack = tuple(_PAIR.unpack_from(data, i) for i in range(at + 2, at + length, 8))
        elif syn:
            if kind == MSS and length == 4:
                mss = _HALF.unpack_from(data, at + 2)[0] or None
            elif kind == WINDOW and length == 3:
                wscale = min(data[at + 2], MAX_WSCALE)
            elif kind == SACK_PERM and length == 2:
                sack_permitted = True
        at += length
    return mss, sack_permitted, ts_val, ts_ecr, wscale, sack
