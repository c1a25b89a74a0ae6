"""The IPv4 header: read back as written, checksums right, ports where there are any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.net.ip_header import header, parse, rechecksum, set_ports
from emu.net.skb import Skb
from emu.wire.checksum import verify
from tests.net.router import echo, ip, udp

u16, u32 = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)


@given(u32, u32, st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), u16, u16, st.binary(max_size=40))
def test_a_header_reads_back(saddr: int, daddr: int, proto: int, ttl: int, tos: int, ident: int, frag: int, options: bytes) -> None:
    options += bytes(-len(options) % 4)
    packet = header(proto, 20 + len(options) + 5, saddr, daddr, ttl, tos, ident, frag, options) + b"hello"
    skb = Skb(1, 0x0800, packet)
    assert parse(skb) is None
    assert verify(packet[: skb.ihl])
    assert (skb.saddr, skb.daddr, skb.proto, skb.ttl, skb.tos, skb.ip_id, skb.frag) == (saddr, daddr, proto, ttl, tos, ident, frag)
    assert packet[20 : skb.ihl] == options
    assert rechecksum(packet, skb.ihl) == packet


@pytest.mark.parametrize(
    ("packet", "ports"),
    [
        (udp("10.0.0.1", "10.0.0.2"), (1000, 2000)),
        (udp("10.0.0.1", "10.0.0.2", frag=0x2000), (1000, 2000)),
        (udp("10.0.0.1", "10.0.0.2", frag=0x2001), (0, 0)),
        (ip("10.0.0.1", "10.0.0.2", 6, b"\x12\x34\x00\x50" + bytes(16)), (0x1234, 80)),
        (ip("10.0.0.1", "10.0.0.2", 132, b"\x12\x34\x00\x50"), (0x1234, 80)),
        (ip("10.0.0.1", "10.0.0.2", 17, b"\x12\x34"), (0, 0)),
        (echo("10.0.0.1", "10.0.0.2"), (1, 8 << 8)),
        (ip("10.0.0.1", "10.0.0.2", 47, b"\x12\x34\x00\x50"), (0, 0)),
    ],
)
def test_ports(packet: bytes, ports: tuple[int, int]) -> None:
    skb = Skb(1, 0x0800, packet)
    skb.sport = skb.dport = 9
    assert parse(skb) is None
    assert (skb.sport, skb.dport) == ports
    set_ports(skb)
    assert (skb.sport, skb.dport) == ports


def test_a_clone_is_equal_in_every_slot() -> None:
    skb = Skb(1, 0x0800, b"packet", b"ethernet", None)
    for number, slot in enumerate(Skb.__slots__):
        setattr(skb, slot, number)
    copy = skb.clone()
    assert [getattr(copy, slot) for slot in Skb.__slots__] == list(range(len(Skb.__slots__)))
