"""IPv4 packets as bytes, quickly made: addresses as text, everything with good checksums."""

from __future__ import annotations

import struct

from emu.wire.addr import ip_int
from emu.wire.checksum import checksum, l4_checksum

FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32}


def ip(src: str, dst: str, proto: int, payload: bytes, ttl: int = 64, frag: int = 0, ip_id: int = 1) -> bytes:
    header = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(payload), ip_id, frag, ttl, proto, 0, ip_int(src), ip_int(dst))
    return header[:10] + checksum(header).to_bytes(2, "big") + header[12:] + payload


def udp(src: str, sport: int, dst: str, dport: int, data: bytes = b"data", check: bool = True) -> bytes:
    segment = struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data
    if check:
        segment = segment[:6] + (l4_checksum(ip_int(src), ip_int(dst), 17, segment) or 0xFFFF).to_bytes(2, "big") + segment[8:]
    return ip(src, dst, 17, segment)


def tcp(
    src: str, sport: int, dst: str, dport: int, flags: str, seq: int = 0, ack: int = 0, win: int = 64240, data: bytes = b"", options: bytes = b""
) -> bytes:  # fmt: skip
    options += b"\x01" * (-len(options) % 4)
    bits = sum(FLAGS[flag] for flag in flags)
    segment = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, (5 + len(options) // 4) << 4, bits, win, 0, 0) + options + data
    segment = segment[:16] + l4_checksum(ip_int(src), ip_int(dst), 6, segment).to_bytes(2, "big") + segment[18:]
    return ip(src, dst, 6, segment)


def icmp(src: str, dst: str, kind: int, code: int, rest: int, data: bytes = b"") -> bytes:
    message = struct.pack(">BBHI", kind, code, 0, rest) + data
    return ip(src, dst, 1, message[:2] + checksum(message).to_bytes(2, "big") + message[4:])


def echo(src: str, dst: str, ident: int, seq: int = 1, reply: bool = False, data: bytes = b"ping") -> bytes:
    return icmp(src, dst, 0 if reply else 8, 0, ident << 16 | seq, data)


def error(src: str, dst: str, quoted: bytes, kind: int = 3, code: int = 3, rest: int = 0) -> bytes:
    return icmp(src, dst, kind, code, rest, quoted)
