"""Normalised lines: what must be equal stays, what a kernel draws is named by appearance, what is broken is said."""

from __future__ import annotations

import struct

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether

from tests.kernel.cluster import is_fixed_port
from tests.kernel.normalise import Normaliser, conntrack_lines

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
ETHER = Ether(src=A, dst=B)
PACKET = IP(src="10.0.0.1", dst="10.0.0.2", id=7)


@pytest.fixture
def normaliser() -> Normaliser:
    return Normaliser({A: "a.eth0", B: "b.eth0"}, is_fixed_port)


def test_arp_is_said_with_device_names(normaliser: Normaliser) -> None:
    asks = Ether(src=A, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=A, psrc="10.0.0.1", pdst="10.0.0.2")
    answers = Ether(src=B, dst=A) / ARP(op=2, hwsrc=B, psrc="10.0.0.2", hwdst=A, pdst="10.0.0.1")
    assert normaliser.line(bytes(asks)) == "arp who-has 10.0.0.2 tell 10.0.0.1 a.eth0>ff"
    assert normaliser.line(bytes(answers)) == "arp reply 10.0.0.2 is-at b.eth0 to 10.0.0.1 b.eth0>a.eth0"


def test_an_arp_that_lies_about_its_sender_is_told(normaliser: Normaliser) -> None:
    frame = Ether(src=A, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=B, psrc="10.0.0.1", pdst="10.0.0.2")
    assert normaliser.line(bytes(frame)).endswith("a.eth0>ff sha b.eth0")


def test_a_clock_in_a_ping_is_left_out_and_ids_are_numbered(normaliser: Normaliser) -> None:
    lines = [normaliser.line(bytes(ETHER / PACKET / ICMP(id=ident, seq=1) / (bytes([clock]) * 16 + b"rest"))) for ident, clock in ((500, 1), (500, 2), (9, 3))]
    assert lines[0] == lines[1]
    assert lines[0].endswith("icmp echo request id i1 seq 1 data 20 'rest'")
    assert " id i2 " in lines[2]


def test_ephemeral_ports_are_numbered_and_others_kept(normaliser: Normaliser) -> None:
    lines = [normaliser.line(bytes(ETHER / PACKET / UDP(sport=port, dport=53) / b"q")) for port in (40000, 50000, 40000, 80)]
    assert [line.split(" | ")[1] for line in lines] == [f"udp {port}>53 data 1 'q'" for port in ("p1", "p2", "p1", "80")]


def test_a_frame_in_a_tunnel_is_told_whole_and_the_tunnels_port_is_a_hash(normaliser: Normaliser) -> None:
    inner = Ether(src=B, dst=A) / IP(src="10.9.0.1", dst="10.9.0.2") / UDP(sport=80, dport=53) / b"q"
    frame = ETHER / PACKET / UDP(sport=40000, dport=8472) / (b"\x08\0\0\0\0\0\x2a\0" + bytes(inner))
    said = normaliser.line(bytes(frame)).split(" | ", 1)[1]
    assert said == "udp hash>8472 vxlan 42 [b.eth0>a.eth0 ip 10.9.0.1>10.9.0.2 ttl 64 id x | udp 80>53 data 1 'q']"


def test_tcp_counts_from_its_own_beginning(normaliser: Normaliser) -> None:
    there = IP(src="10.0.0.2", dst="10.0.0.1", id=0, flags="DF")
    options = [("Timestamp", (1000, 0))]
    frames = [
        ETHER / PACKET / TCP(sport=40000, dport=80, flags="S", seq=4_000_000_000, options=[("Timestamp", (77, 0))]),
        ETHER / there / TCP(sport=80, dport=40000, flags="SA", seq=123, ack=4_000_000_001, options=[("Timestamp", (1000, 77))]),
        ETHER / PACKET / TCP(sport=40000, dport=80, flags="PA", seq=4_000_000_001, ack=124, window=502) / b"hello",
        ETHER / there / TCP(sport=80, dport=40000, flags="A", seq=124, ack=4_000_000_006, options=options),
    ]
    syn, syn_ack, data, ack = (normaliser.line(bytes(frame)).split("ip ")[1] for frame in frames)
    assert syn == "10.0.0.1>10.0.0.2 ttl 64 id x | tcp p1>80 S seq 0 win 8192 [ts ecr 0,eol,eol]"
    assert syn_ack == "10.0.0.2>10.0.0.1 ttl 64 df id 0 | tcp 80>p1 SA seq 0 ack 1 win 8192 [ts,eol,eol]"
    assert data == "10.0.0.1>10.0.0.2 ttl 64 id x | tcp p1>80 PA seq 1 ack 1 win 502 data 5 'hello'"
    assert " A seq 1 ack 6 " in ack


def test_fragments_of_one_packet_share_a_number(normaliser: Normaliser) -> None:
    first = normaliser.line(bytes(ETHER / IP(src="10.0.0.1", dst="10.0.0.2", id=99, flags="MF", proto=17) / (struct.pack("!4H", 53, 53, 24, 0) + b"x" * 8)))
    last = normaliser.line(bytes(ETHER / IP(src="10.0.0.1", dst="10.0.0.2", id=99, frag=2, proto=17) / (b"x" * 8)))
    assert " id f1 frag 0+ | udp 53>53 no-checksum length 24 of 16" in first
    assert " id f1 frag 16 | proto 17 data 8" in last


def test_an_error_shows_what_it_quotes(normaliser: Normaliser) -> None:
    quoted = bytes(PACKET / UDP(sport=40000, dport=9) / b"x")
    frame = ETHER / IP(src="10.0.0.2", dst="10.0.0.1", id=1, tos=0xC0) / ICMP(type=3, code=3) / quoted
    assert normaliser.line(bytes(frame)).endswith(
        "ip 10.0.0.2>10.0.0.1 ttl 64 tos c0 id x | icmp 3/3 port unreachable quote 29 [ip 10.0.0.1>10.0.0.2 ttl 64 id x | udp p1>9 data 1 'x']"
    )


@pytest.mark.parametrize(
    ("layers", "word"),
    [
        (IP(src="10.0.0.1", dst="10.0.0.2", chksum=1) / UDP(sport=1, dport=2), "BAD-IP-CHECKSUM"),
        (PACKET / UDP(sport=1, dport=2, chksum=1) / b"x", "BAD-CHECKSUM"),
        (PACKET / TCP(sport=1, dport=2, chksum=1), "BAD-CHECKSUM"),
        (PACKET / ICMP(chksum=1), "BAD-CHECKSUM"),
        (IP(src="10.0.0.1", dst="10.0.0.2", len=30) / UDP(sport=1, dport=2, chksum=0), "length 30 of 28"),
    ],
)
def test_what_is_wrong_is_written_out(normaliser: Normaliser, layers: IP, word: str) -> None:
    assert word in normaliser.line(bytes(ETHER / layers))


def test_a_checksum_that_was_never_filled_in_is_not_judged(normaliser: Normaliser) -> None:
    assert "BAD" not in normaliser.line(bytes(ETHER / PACKET / TCP(sport=1, dport=2, chksum=1)), partial=True)


@pytest.mark.parametrize("size", [0, 13, 14, 20, 33, 34, 41])
def test_cut_frames_still_have_a_line(normaliser: Normaliser, size: int) -> None:
    whole = bytes(ETHER / PACKET / TCP(sport=40000, dport=80))
    assert normaliser.line(whole[:size])


def test_two_connections_that_drew_the_same_port_have_two_names_and_one_has_one_wherever_it_is_seen(normaliser: Normaliser) -> None:
    def syn(src: str, dst: str, sport: int, seq: int) -> str:
        return normaliser.line(bytes(ETHER / IP(src=src, dst=dst, id=1) / TCP(sport=sport, dport=80, flags="S", seq=seq))).split("tcp ")[1].split(">")[0]

    assert [syn("10.0.0.1", "10.0.0.2", 40000, 77), syn("10.0.0.9", "10.0.0.2", 40000, 88), syn("10.0.0.1", "10.0.0.2", 40000, 77)] == ["p1", "p2", "p1"]
    assert syn("10.9.0.1", "10.0.0.7", 40000, 77) == "p1"  # translated, port kept
    assert syn("10.9.0.1", "10.0.0.7", 40001, 77) == "p3"  # port changed
    answer = IP(src="10.0.0.2", dst="10.0.0.9", id=0) / TCP(sport=80, dport=40000, flags="SA", seq=5, ack=89)
    assert "tcp 80>p2 SA" in normaliser.line(bytes(ETHER / answer))
    listed = "tcp      6 119 SYN_SENT src=10.0.0.9 dst=10.0.0.2 sport=40000 dport=80 [UNREPLIED] src=10.0.0.2 dst=10.0.0.9 sport=80 dport=40000 mark=0 use=1\n"
    assert conntrack_lines(listed, normaliser) == (
        "tcp      6 - SYN_SENT src=10.0.0.9 dst=10.0.0.2 sport=p2 dport=80 [UNREPLIED] src=10.0.0.2 dst=10.0.0.9 sport=80 dport=p2 mark=0"
    )
