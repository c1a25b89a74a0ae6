"""Frames in words; any bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP

from emu.observe.describe import FrameInfo, describe
from tests.observe.stage import A_IP, A_MAC, ALL, B_IP, B_MAC, ether, icmp, tcp, udp, who_has


def arp(**fields: object) -> bytes:
    return bytes(ether() / ARP(hwsrc=A_MAC, hwdst=B_MAC, **fields))


def test_every_field_of_a_datagram() -> None:
    assert describe(udp(b"hello", ttl=63)) == FrameInfo(
        src_mac=A_MAC, dst_mac=B_MAC, ethertype=0x0800, src=A_IP, dst=B_IP, proto="UDP", sport=40000, dport=53, ttl=63, info="5 bytes", len=47
    )


def vxlan(frame: bytes) -> bytes:
    return bytes(ether() / IP(src=A_IP, dst=B_IP) / UDP(sport=40000, dport=8472) / (b"\x08" + bytes(5) + b"\x07\0" + frame))


@pytest.mark.parametrize(
    ("wire", "proto", "info"),
    [
        (who_has(), "ARP", f"who has {B_IP}? tell {A_IP}"),
        (arp(op=2, psrc=A_IP, pdst=B_IP), "ARP", f"{A_IP} is at {A_MAC}"),
        (arp(op=1, psrc=A_IP, pdst=A_IP), "ARP", f"announces {A_IP}"),
        (arp(op=3, psrc=A_IP, pdst=B_IP), "ARP", "operation 3"),
        (who_has()[:41], "ARP", "not Ethernet/IPv4 ARP"),
        (tcp("S"), "TCP", "SYN"),
        (tcp("SA"), "TCP", "SYN+ACK"),
        (tcp("PA", b"xyz"), "TCP", "PSH+ACK 3 bytes"),
        (tcp("PA", b"GET /hostname HTTP/1.1\r\nHost: x\r\n\r\n"), "TCP", "PSH+ACK 35 bytes: GET /hostname"),
        (tcp("PA", b"HTTP/1.1 200 OK\r\n\r\n"), "TCP", "PSH+ACK 19 bytes: HTTP/1.1 200 OK"),
        (tcp("PA", b"GET /\x1b[31m\xff HTTP/1.1\r\n"), "TCP", "PSH+ACK 22 bytes: GET /?[31m\ufffd"),
        (tcp("", b""), "TCP", "no flags"),
        (icmp(type=8, id=7, seq=2), "ICMP", "echo request id 7 seq 2"),
        (icmp(type=0, id=7, seq=2), "ICMP", "echo reply id 7 seq 2"),
        (icmp(udp()[14:], type=3, code=3), "ICMP", "port unreachable about UDP 10.0.0.1:40000 → 10.0.0.2:53"),
        (icmp(udp()[14:], type=3, code=4, nexthopmtu=1400), "ICMP", "fragmentation needed, MTU 1400 about UDP 10.0.0.1:40000 → 10.0.0.2:53"),
        (icmp(icmp(type=8)[14:], type=5, code=1, gw="10.0.0.9"), "ICMP", "redirect host to 10.0.0.9 about ICMP 10.0.0.1 → 10.0.0.2"),
        (icmp(udp(frag=100)[14:], type=11, code=0), "ICMP", "TTL exceeded about UDP 10.0.0.1 → 10.0.0.2"),
        (icmp(b"short", type=11, code=0), "ICMP", "TTL exceeded"),
        (icmp(type=42, code=9), "ICMP", "type 42 code 9"),
        (udp(flags="MF"), "UDP", "5 bytes, first fragment"),
        (udp(frag=185), "UDP", "fragment at 1480"),
        (udp(flags="MF", frag=185), "UDP", "fragment at 1480, more follow"),
        (bytes(ether() / IP(src=A_IP, dst=B_IP, proto=99) / b"data"), "IP protocol 99", "4 bytes"),
        (udp()[:30], "IPv4", "malformed header"),
        (udp(ihl=4), "IPv4", "malformed header"),
        (vxlan(tcp("S")), "UDP", "VXLAN 7 [10.0.0.1 → 10.0.0.2 ttl 64 TCP 40000 → 80 SYN]"),
        (vxlan(who_has()), "UDP", f"VXLAN 7 [ARP who has {B_IP}? tell {A_IP}]"),
        (vxlan(vxlan(tcp("S"))), "UDP", "VXLAN 7 [10.0.0.1 → 10.0.0.2 ttl 64 UDP 40000 → 8472 62 bytes]"),
        (vxlan(b"short"), "UDP", "13 bytes"),
        (bytes(ether())[:12] + b"\x86\xdd" + bytes(40), "IPv6", "54 bytes"),
        (bytes(ether())[:12] + b"\x88\xb5" + bytes(40), "0x88b5", "54 bytes"),
        (b"abc", "", "3 bytes, no Ethernet header"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isascii() else "",
)
def test_words(wire: bytes, proto: str, info: str) -> None:
    found = describe(wire)
    assert (found.proto, found.info, found.len) == (proto, info, len(wire))


def test_addresses_of_an_announcement() -> None:
    found = describe(who_has())
    assert (found.src_mac, found.dst_mac, found.src, found.dst, found.ttl, found.sport) == (A_MAC, ALL, A_IP, B_IP, None, None)


HEADS = [who_has(), tcp("S"), udp(), icmp(udp()[14:], type=3, code=4), icmp(type=8), vxlan(tcp("S"))]


@given(st.binary(max_size=100) | st.builds(lambda head, cut, tail: head[:cut] + tail, st.sampled_from(HEADS), st.integers(0, 80), st.binary(max_size=60)))
def test_any_bytes_have_a_description(wire: bytes) -> None:
    found = describe(wire)
    assert found.len == len(wire)
    assert found.info.isprintable()
    assert all(isinstance(number, int | None) for number in (found.sport, found.dport, found.ttl))


def test_it_reads_only_what_the_ip_header_says() -> None:
    padded = udp(b"") + b"padding"
    assert describe(padded).info == "0 bytes"
    assert describe(bytes(ether() / IP(src=A_IP, dst=B_IP, len=24) / UDP(sport=1, dport=2))).sport is None
