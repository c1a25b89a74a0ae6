"""Addresses: IPv4 as int, MAC as six bytes on the inside; text at the edges."""

from __future__ import annotations

from functools import lru_cache
from string import hexdigits

BROADCAST_MAC = b"\xff\xff\xff\xff\xff\xff"
ZERO_MAC = b"\x00\x00\x00\x00\x00\x00"
_HEX = frozenset(hexdigits)


@lru_cache(maxsize=65536)
def ip_text(ip: int) -> str:
    """`0x0a000001` -> `10.0.0.1`."""
    return f"{ip >> 24 & 255}.{ip >> 16 & 255}.{ip >> 8 & 255}.{ip & 255}"


def ip_int(text: str) -> int:
    """`10.0.0.1` -> int. Raises ValueError naming the text unless it is four decimal octets without leading zeros."""
    parts = text.split(".")
    if len(parts) != 4:
        raise ValueError(f"{text!r} is not an IPv4 address")
    value = 0
    for part in parts:
        if not (part.isascii() and part.isdigit()) or len(part) > 3 or int(part) > 255 or (len(part) > 1 and part[0] == "0"):
            raise ValueError(f"{text!r} is not an IPv4 address")
        value = value << 8 | int(part)
    return value


def prefix_mask(length: int) -> int:
    """Prefix length 0..32 -> netmask as int."""
    return (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF


def cidr_parse(text: str, default_len: int = 32) -> tuple[int, int]:
    """`10.0.0.5/24` -> (address, prefix length); host bits are kept. Raises ValueError naming the text."""
    ip, slash, length = text.partition("/")
    if not slash:
        return ip_int(ip), default_len
    if not (length.isascii() and length.isdigit()) or len(length) > 2 or int(length) > 32:
        raise ValueError(f"{text!r} is not an IPv4 prefix")
    return ip_int(ip), int(length)


def cidr_text(network: int, length: int) -> str:
    """(network, prefix length) -> `10.0.0.0/24`."""
    return f"{ip_text(network)}/{length}"


@lru_cache(maxsize=65536)
def mac_text(mac: bytes) -> str:
    """Six bytes -> `02:00:00:00:00:01`."""
    return ":".join(f"{octet:02x}" for octet in mac)


def mac_bytes(text: str) -> bytes:
    """`02:00:00:00:00:01` -> six bytes. Raises ValueError naming the text."""
    parts = text.split(":")
    if len(parts) != 6 or not all(1 <= len(part) <= 2 and _HEX.issuperset(part) for part in parts):
        raise ValueError(f"{text!r} is not a MAC address")
    return bytes([int(part, 16) for part in parts])


def is_multicast_ip(ip: int) -> bool:
    """224.0.0.0/4."""
    return ip >> 28 == 14


def is_loopback_ip(ip: int) -> bool:
    """127.0.0.0/8."""
    return ip >> 24 == 127
