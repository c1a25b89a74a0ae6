"""The answer of a bridged tunnel to what does not fit. The bytes are those of Linux 6.18."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether

from emu.net.skb import Skb
from emu.net.tunnel_pmtu import too_big

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


def skb(packet: Ether) -> Skb:
    raw = bytes(packet)
    return Skb(1, 0x0800, raw[14:], raw[:14])


def datagram(src: str = "10.0.0.1", dst: str = "10.0.0.2", flags: str = "DF", size: int = 1472) -> Ether:
    return Ether(src=A, dst=B) / IP(src=src, dst=dst, flags=flags, ttl=61, tos=0x20) / UDP(sport=1, dport=2) / bytes(size)


def test_the_sender_is_told_in_the_name_of_the_destination() -> None:
    packet = skb(datagram())
    answer = too_big(packet, 1450)
    assert answer is not None
    frame = Ether(b"".join(answer))
    assert (frame.src, frame.dst) == (B, A)
    assert (frame[IP].src, frame[IP].dst, frame[IP].ttl, frame[IP].tos, frame[IP].id, frame[IP].flags) == ("10.0.0.2", "10.0.0.1", 61, 0, 0, "DF")
    assert (frame[ICMP].type, frame[ICMP].code, frame[ICMP].nexthopmtu) == (3, 4, 1450)
    assert len(frame[IP]) == 576
    assert answer[1][28:] == packet.l3[:548]
    built = frame.copy()
    del built[IP].chksum, built[ICMP].chksum
    assert bytes(built) == bytes(frame)


@pytest.mark.parametrize(
    ("packet", "mtu"),
    [
        (datagram(flags=""), 1450),
        (datagram(), 575),
        (datagram(dst="255.255.255.255"), 1450),
        (datagram(dst="239.0.0.1"), 1450),
        (datagram(src="0.0.0.0"), 1450),
        (datagram(src="127.0.0.1"), 1450),
        (datagram(src="224.0.0.1"), 1450),
        (Ether(src=A, dst=B) / IP(src="10.0.0.1", dst="10.0.0.2", flags="DF") / ICMP(type=3, code=4) / bytes(1472), 1450),
    ],
)
def test_who_is_not_told(packet: Ether, mtu: int) -> None:
    assert too_big(skb(packet), mtu) is None


@given(st.binary(max_size=80), st.integers(0, 2000))
def test_any_bytes(l3: bytes, mtu: int) -> None:
    answer = too_big(Skb(1, 0x0800, l3, bytes(14)), mtu)
    assert answer is None or len(answer[1]) == min(len(l3), 548) + 28
