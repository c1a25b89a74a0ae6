"""The connection table: which packets belong together, when an entry is made, kept, refused and forgotten."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.iproute.conntrack import show
from emu.net.conntrack import entry as bits
from emu.net.conntrack import nat
from emu.net.conntrack.tuples import invert, of_quoted
from emu.net.skb import CT_INVALID
from emu.wire.addr import ip_int
from tests.net.conntrack.box import ESTABLISHED, INVALID, NEW, RELATED, Box, to_ip
from tests.net.conntrack.packets import echo, error, icmp, ip, tcp, udp

A, B, C = "10.0.1.2", "10.0.2.2", "10.0.2.3"


@pytest.fixture
def box() -> Box:
    return Box()


def tos(packet: bytes | None) -> int:
    assert packet is not None
    return packet[1]


def test_a_connection_is_new_until_it_is_answered(box: Box) -> None:
    assert tos(box.send(udp(A, 1000, B, 53))) == NEW
    assert tos(box.send(udp(A, 1000, B, 53))) == NEW
    assert tos(box.send(udp(B, 53, A, 1000))) == ESTABLISHED
    assert tos(box.send(udp(A, 1000, B, 53))) == ESTABLISHED
    assert box.ct.count == 1


def test_a_dropped_first_packet_leaves_nothing_behind(box: Box) -> None:
    box.filter = lambda skb: False
    assert box.send(udp(A, 1000, B, 53)) is None
    assert box.ct.count == 0
    assert box.ct.entries() == []


def test_udp_lives_30_s_and_120_s_once_it_has_gone_both_ways_for_two(box: Box) -> None:
    box.send(udp(A, 1000, B, 53))
    box.send(udp(B, 53, A, 1000))
    (ct,) = box.ct.entries()
    assert not ct.status & bits.ASSURED
    box.wait(1.9)
    box.send(udp(A, 1000, B, 53))
    assert not ct.status & bits.ASSURED
    assert show(box.ns).split()[2] == "30"
    box.wait(0.2)
    box.send(udp(A, 1000, B, 53))
    assert ct.status & bits.ASSURED
    assert show(box.ns).split()[2] == "120"
    box.wait(119.9)
    assert box.ct.entries() == [ct]
    box.wait(0.1)
    assert box.ct.entries() == []
    assert tos(box.send(udp(A, 1000, B, 53))) == NEW


def test_each_packet_refreshes_an_entry(box: Box) -> None:
    for _ in range(5):
        box.send(udp(A, 1000, B, 53))
        box.wait(29)
    assert len(box.ct.entries()) == 1
    box.wait(1)
    assert box.ct.entries() == []


def test_a_changed_timeout_counts_from_the_next_packet(box: Box) -> None:
    box.ns.sysctl.nf_conntrack_udp_timeout = 5
    box.send(udp(A, 1000, B, 53))
    box.wait(5)
    assert box.ct.entries() == []


def test_expired_entries_go_when_new_ones_come(box: Box) -> None:
    for port in range(1000, 1100):
        box.send(udp(A, port, B, 53))
    box.wait(61)
    assert box.ct.count == 100
    box.send(udp(A, 1, B, 53))
    assert box.ct.count == 1


def test_ping_is_a_connection_by_its_identifier(box: Box) -> None:
    assert tos(box.send(echo(A, B, 7))) == NEW
    assert tos(box.send(echo(B, A, 7, reply=True))) == ESTABLISHED
    assert tos(box.send(echo(B, A, 8, reply=True))) == INVALID
    assert box.ct.count == 1


def test_other_protocols_go_by_addresses_alone(box: Box) -> None:
    assert tos(box.send(ip(A, B, 99, b"abc"))) == NEW
    assert tos(box.send(ip(B, A, 99, b"xyz"))) == ESTABLISHED
    assert show(box.ns) == "unknown  99 600 src=10.0.1.2 dst=10.0.2.2 src=10.0.2.2 dst=10.0.1.2 mark=0 use=1\n"


def test_an_icmp_error_is_related_to_the_connection_it_quotes(box: Box) -> None:
    sent = box.send(udp(A, 1000, B, 53))
    assert sent is not None
    assert tos(box.send(error(B, A, sent[:28]))) == RELATED
    assert tos(box.send(error("10.0.2.9", A, sent, kind=11, code=0))) == RELATED  # from a router on the way
    assert not box.ct.entries()[0].status & bits.SEEN_REPLY


@pytest.mark.parametrize(
    "packet",
    [
        error(B, A, udp(A, 1, B, 2)),
        error(B, "10.0.1.9", udp(A, 1000, B, 53)),
        error(B, A, udp(A, 1000, B, 53)[:23]),
        icmp(B, A, 3, 3, 0),
        icmp(B, A, 9, 0, 0),
        icmp(B, A, 19, 0, 0),
        icmp(B, A, 0, 0, 5),
        icmp(B, A, 8, 0, 5)[:-1],
        ip(B, A, 1, b"\x03\x03\x00"),
        ip(B, A, 17, b"\x00\x35\x03"),
        ip(B, A, 17, b"\x00\x35\x03\xe8\x00\x09\x00\x00"),
        ip(B, A, 17, b"\x00\x35\x03\xe8\x00\x07\x00\x00"),
        udp(B, 53, A, 1000)[:-1] + b"!",
        ip(B, A, 6, tcp(B, 1, A, 2, "S")[20:-1]),
        tcp(B, 1, A, 2, "SF"),
        tcp(B, 1, A, 2, ""),
        tcp(B, 1, A, 2, "R"),
        tcp(B, 1, A, 2, "SA"),
        tcp(B, 1, A, 2, "S")[:-1] + b"!",
    ],
    ids=[
        "error about nothing", "error to somebody else", "error cut short", "error without a quote", "router advertisement", "unknown type",
        "unasked reply", "bad ICMP checksum", "short ICMP", "short UDP", "UDP longer than it is", "UDP length 7", "bad UDP checksum",
        "short TCP", "SYN and FIN", "no flags", "RST first", "SYN-ACK first", "bad TCP checksum",
    ],
)  # fmt: skip
def test_what_fits_nowhere_is_invalid_and_passes(box: Box, packet: bytes) -> None:
    box.send(udp(A, 1000, B, 53))
    if packet == icmp(B, A, 8, 0, 5)[:-1]:
        packet = ip(B, A, 1, icmp(B, A, 8, 0, 5)[20:-1] + b"!")
    assert tos(box.send(packet)) == INVALID
    assert box.ct.count == 1
    assert box.ct.stats["invalid"] == 1
    assert any(step.startswith("ct: INVALID: ") for step in box.steps)


def test_checksums_are_looked_at_only_on_the_way_in_and_only_if_asked(box: Box) -> None:
    bad = udp(A, 1000, B, 53)[:-1] + b"!"
    skb = box.skb(bad)
    assert skb is not None
    box.ct.packet_in(3, skb)
    assert skb.ct is not None
    box.end(skb)
    box.ns.sysctl.nf_conntrack_checksum = 0
    assert tos(box.send(bad)) == NEW


def test_fragments_have_no_connection(box: Box) -> None:
    assert tos(box.send(ip(A, B, 17, bytes(16), frag=0x0010))) == INVALID
    skb = box.skb(ip(A, B, 17, bytes(16), frag=0x2000))
    assert skb is not None
    assert box.ct.packet_in(3, skb)  # a program's own fragments are not looked at
    assert (skb.ct, skb.ctinfo) == (None, -1)
    box.end(skb)


def test_what_was_seen_on_loopback_is_not_tracked_twice(box: Box) -> None:
    skb = box.arrive(udp(A, 1000, B, 53))
    assert skb is not None
    ct, ctinfo = skb.ct, skb.ctinfo
    assert box.ct.packet_in(0, skb)
    assert (skb.ct, skb.ctinfo) == (ct, ctinfo)
    box.end(skb)


def test_a_full_table_drops_new_connections_and_says_so(box: Box) -> None:
    box.kernel.conntrack_max = 3
    for port in range(1, 4):
        assert box.send(udp(A, port, B, 53)) is not None
    assert box.send(udp(A, 4, B, 53)) is None
    assert box.drops == ["NETFILTER_DROP: nf_conntrack: table full (3 of 3), dropping packet"]
    assert tos(box.send(udp(A, 3, B, 53))) == NEW  # known ones go on
    box.wait(31)
    assert box.send(udp(A, 4, B, 53)) is None  # gone by time, but nobody has looked yet
    box.wait(30)
    assert box.send(udp(A, 4, B, 53)) is not None
    assert box.ct.count == 1


def test_a_full_table_gives_up_neighbours_in_the_hash_table_that_were_never_assured(box: Box) -> None:
    box.ns.sysctl.nf_conntrack_buckets = 4
    box.kernel.conntrack_max = 3
    for port in range(1, 4):
        box.send(udp(A, port, B, 53))
    assert box.send(udp(A, 4, B, 53)) is not None
    assert box.ct.count <= 3
    assert box.ct.stats["early_drop"] >= 1
    for ct in box.ct.entries():
        ct.status |= bits.ASSURED
    for port in range(10, 13):
        box.send(udp(A, port, B, 53))
        for ct in box.ct.entries():
            ct.status |= bits.ASSURED
    assert box.ct.count == 3
    assert box.send(udp(A, 20, B, 53)) is None


def test_of_two_first_packets_at_once_udp_loses_none(box: Box) -> None:
    one, two = box.arrive(udp(A, 1000, B, 53)), box.arrive(udp(A, 1000, B, 53))
    assert one is not None
    assert two is not None
    assert one.ct is not two.ct
    assert box.leave(one) is not None
    assert box.leave(two) is not None
    assert two.ct is one.ct
    assert box.ct.stats["clash_resolve"] == 1
    assert box.ct.count == 1


def test_of_two_first_packets_to_different_backends_both_are_answered(box: Box) -> None:
    """A and AAAA queries from one socket through a Service: each drew its own backend before either was known."""
    backends = iter([B, C])
    box.dnat_rules[:] = [lambda ns, skb: skb.daddr != ip_int("10.96.0.10") or nat.setup(ns, skb, to_ip(next(backends)), nat.DST)]
    one, two = box.arrive(udp(A, 1000, "10.96.0.10", 53)), box.arrive(udp(A, 1000, "10.96.0.10", 53))
    assert one is not None
    assert two is not None
    assert box.leave(one) is not None
    assert box.leave(two) is not None
    assert len(box.ct.entries()) == 1  # the second is hidden
    assert box.ct.count == 2
    for backend in (B, C):
        back = box.send(udp(backend, 53, A, 1000))
        assert back is not None
        assert back[12:16] == bytes([10, 96, 0, 10])
    box.wait(1)
    again = box.send(udp(C, 53, A, 1000))
    assert again is not None
    assert again[12:16] == bytes([10, 0, 2, 3])  # it lived for a second
    assert two.ct.flags == ["SEEN_REPLY", "CONFIRMED", "DST_NAT", "SRC_NAT_DONE", "DST_NAT_DONE", "DYING", "FIXED_TIMEOUT", "NAT_CLASH"]


def test_of_two_first_packets_at_once_tcp_loses_one(box: Box) -> None:
    one, two = box.arrive(tcp(A, 1000, B, 80, "S", 1)), box.arrive(tcp(A, 1000, B, 80, "S", 1))
    assert one is not None
    assert two is not None
    assert box.leave(one) is not None
    assert box.leave(two) is None
    assert box.ct.stats["insert_failed"] == 1
    assert box.drops[0].startswith("NETFILTER_DROP: conntrack: tcp 10.0.1.2:1000 → 10.0.2.2:80 clashes with")


def test_first_packets_of_both_sides_at_once_are_one_connection(box: Box) -> None:
    one, two = box.arrive(udp(A, 1000, B, 53)), box.arrive(udp(B, 53, A, 1000))
    assert one is not None
    assert two is not None
    assert box.leave(one) is not None
    assert box.leave(two) is not None
    assert two.ct is one.ct


def test_a_connection_deleted_under_way_is_not_entered(box: Box) -> None:
    skb = box.arrive(udp(A, 1000, B, 53))
    assert skb is not None
    box.ct.kill(skb.ct)
    assert box.leave(skb) is None
    assert box.ct.count == 0


def test_accounting_is_off_until_asked_for_and_counts_from_birth(box: Box) -> None:
    box.send(udp(A, 1, B, 53))
    box.ns.sysctl.nf_conntrack_acct = 1
    box.send(udp(A, 1, B, 53))
    box.send(udp(A, 2, B, 53))
    box.send(udp(B, 53, A, 2, b"longer answer"))
    first, second = box.ct.entries()
    assert (first.packets, first.bytes) == (None, None)
    assert (second.packets, second.bytes) == ([1, 1], [32, 41])


def test_entries_can_be_deleted_and_flushed(box: Box) -> None:
    for port in (1, 2, 3):
        box.send(udp(A, port, B, 53))
    generation = box.ns.generation
    assert box.ct.remove_if(lambda ct: ct.orig[3] == 2) == 1
    assert [ct.orig[3] for ct in box.ct] == [1, 3]
    assert box.ns.generation > generation
    assert box.ct.flush() == 2
    assert (box.ct.count, box.ct.table) == (0, {})


def test_tuples_turn_round() -> None:
    assert invert((17, 1, 2, 3, 4)) == (17, 2, 1, 4, 3)
    assert invert((1, 1, 2, 77, 8 << 8)) == (1, 2, 1, 77, 0)
    assert invert((1, 1, 2, 77, 3 << 8)) is None
    quoted = udp(A, 5, B, 6)
    assert of_quoted(b"12345678" + quoted, 8) == (17, ip_int(A), ip_int(B), 5, 6)
    assert of_quoted(quoted[:20], 0) is None


@given(st.binary(max_size=120), st.sampled_from([1, 6, 17, 47, 132]), st.booleans())
def test_any_payload_is_tracked_or_invalid_and_never_raises(payload: bytes, proto: int, known: bool) -> None:
    box = Box()
    box.ns.sysctl.nf_conntrack_checksum = 0
    if known:
        box.send(udp(A, 1000, B, 53))
        box.send(tcp(A, 1000, B, 80, "S", 1))
    packet = ip(A, B, proto, payload)
    for _ in range(2):
        box.send(packet)
    skb = box.skb(packet)
    assert skb is not None
    assert box.ct.packet_in(0, skb)
    assert (skb.ct is None) == (skb.ctinfo == CT_INVALID)
    box.end(skb)


@given(st.binary(max_size=80), st.integers(0, 18))
def test_an_icmp_error_may_quote_anything(quote: bytes, kind: int) -> None:
    box = Box()
    box.send(udp(A, 1000, B, 53))
    box.send(icmp(B, A, kind, 0, 0, quote))
