"""Fragments: how packets are cut, and how they are put together or not."""

from __future__ import annotations

import pytest

from emu.iproute import iptables, link, sysctl
from emu.net import ip_output
from emu.net.skb import Skb
from emu.wire.addr import ip_int
from emu.wire.checksum import verify
from tests.net.router import Router, ip, show

MF, DF = 0x2000, 0x4000


@pytest.fixture
def net() -> Router:
    return Router()


def piece(offset: int, size: int, more: bool, *, ident: int = 7, fill: bytes = b"", src: str = "10.0.1.2", dst: str = "10.0.1.1", df: bool = False) -> bytes:
    """A fragment of a packet whose data are 0, 1, 2, ... modulo 251."""
    data = (fill or bytes(i % 251 for i in range(offset, offset + size)))[:size]
    return ip(src, dst, 99, data, ident=ident, frag=offset >> 3 | (MF if more else 0) | (DF if df else 0))


def deliveries(net: Router) -> list[bytes]:
    """The payloads that protocol 99 of `r` receives."""
    got: list[bytes] = []

    def handler(ns: object, skb: Skb) -> None:
        got.append(skb.l3[skb.l4 :])
        net.r.delivered(skb)

    net.r.protocols = {**net.r.protocols, 99: handler}  # the tables are every namespace's
    return got


def data(size: int) -> bytes:
    return bytes(i % 251 for i in range(size))


# -- cutting ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "offsets"), [(1480, [0]), (1481, [0, 1480]), (2960, [0, 1480]), (2961, [0, 1480, 2960]), (3000, [0, 1480, 2960])]
)
def test_a_large_packet_leaves_in_pieces_of_the_mtu(net: Router, size: int, offsets: list[int]) -> None:
    assert ip_output.send(net.a, 99, data(size), ip_int("10.0.1.1")) == 0
    sent = net.sent("a")
    assert [(int.from_bytes(p[6:8], "big") & 0x1FFF) * 8 for p in sent] == offsets
    assert [bool(p[6] & 0x20) for p in sent] == [True] * (len(offsets) - 1) + [False]
    assert b"".join(p[20:] for p in sent) == data(size)
    assert all(verify(p[:20]) and len(p) <= 1500 for p in sent)
    assert len({p[4:6] for p in sent}) == 1
    net.run()
    net.ledger.check()


def test_fragments_are_cut_again_on_a_smaller_link(net: Router) -> None:
    link.set_mtu(net.r, "vb", 1000)
    net.receive("r", "va", piece(0, 1480, True, dst="10.0.2.2"))
    net.receive("r", "va", piece(1480, 1480, True, dst="10.0.2.2"))
    net.receive("r", "va", piece(2960, 40, False, dst="10.0.2.2"))
    where = ["frag 0+", "frag 976+", "frag 1480+", "frag 2456+", "frag 2960"]
    assert [show(p).split("ttl 63 ")[1] for p in net.got("b")] == where
    assert b"".join(p[20:] for p in net.got("b")) == data(3000)


def test_options_go_into_the_first_fragment_the_copied_ones_into_all(net: Router) -> None:
    record_route, security = b"\x07\x07\x04\0\0\0\0", b"\x82\x04\0\0"
    options = record_route + security + b"\0"
    assert ip_output.send(net.a, 99, data(2000), ip_int("10.0.1.1"), options=options) == 0
    first, second = net.sent("a")
    assert first[20:32] == options
    assert second[20:32] == b"\x01" * 7 + security + b"\0"
    assert verify(first[:32])
    assert verify(second[:32])


def test_df_and_too_big_is_refused(net: Router) -> None:
    assert ip_output.send(net.a, 99, data(1481), ip_int("10.0.1.1"), df=True) == 90
    assert ip_output.send(net.a, 99, data(65516), ip_int("10.0.1.1")) == 90
    assert net.places() == []


# -- putting together -------------------------------------------------------------------------------------------------------------------

ORDERS = {
    "in order": [0, 1, 2],
    "backwards": [2, 1, 0],
    "middle last": [0, 2, 1],
    "a piece twice": [0, 1, 1, 0, 2],
}


@pytest.mark.parametrize("name", ORDERS)
def test_pieces_come_together_in_any_order(net: Router, name: str) -> None:
    got = deliveries(net)
    pieces = [piece(0, 800, True), piece(800, 800, True), piece(1600, 100, False)]
    for number in ORDERS[name]:
        net.receive("r", "va", pieces[number])
    assert got == [data(1700)]
    assert net.reasons() == ["DUP_FRAG"] * (len(ORDERS[name]) - 3)
    net.ledger.check()
    net.run(40)  # the timer is gone
    assert net.sent("r", "va") == []


def test_what_differs_does_not_mix(net: Router) -> None:
    got = deliveries(net)
    net.receive("r", "va", piece(0, 800, True))
    net.receive("r", "va", piece(800, 100, False, ident=8))
    net.receive("r", "va", piece(800, 100, False, src="10.0.1.3"))
    net.receive("r", "va", piece(800, 100, False, dst="10.0.2.1"))
    assert got == []


# (pieces, drop reasons)
ATTACKS = {
    "overlap": ([piece(0, 800, True), piece(400, 800, True)], ["NOT_SPECIFIED"] * 2),
    "an end before what is there": ([piece(800, 800, True), piece(400, 80, False)], ["NOT_SPECIFIED"] * 2),
    "two ends": ([piece(800, 100, False), piece(800, 200, False)], ["NOT_SPECIFIED"] * 2),
    "beyond the end": ([piece(800, 104, False), piece(1600, 80, True)], ["NOT_SPECIFIED"] * 2),
    "no data": ([ip("10.0.1.2", "10.0.1.1", 99, b"", frag=MF)], ["NOT_SPECIFIED"]),
    "a part of a piece": ([piece(0, 800, True), piece(80, 80, True)], ["DUP_FRAG"]),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_pieces_that_lie_are_dropped(net: Router, name: str) -> None:
    got = deliveries(net)
    pieces, reasons = ATTACKS[name]
    for one in pieces:
        net.receive("r", "va", one)
    assert net.reasons() == reasons
    assert got == []
    net.ledger.check()


def test_a_whole_of_more_than_64_kilobytes_is_dropped(net: Router) -> None:
    got = deliveries(net)
    for offset in range(0, 65520, 1456):
        net.receive("r", "va", piece(offset, 1456, True), 0.0001)
    net.receive("r", "va", piece(65520, 400, False))
    assert got == []
    assert net.reasons() == ["NOT_SPECIFIED"] * 46


def test_after_thirty_seconds_the_sender_hears_of_it(net: Router) -> None:
    first = piece(0, 800, True)
    net.receive("r", "va", first)
    net.receive("r", "va", piece(1600, 100, False))
    net.run(31)
    (answer,) = net.got("a")
    assert show(answer) == "10.0.1.1 > 10.0.1.2 icmp 11/1 ttl 64 tos c0"
    assert answer[28:] == first[:548]
    assert net.reasons() == ["FRAG_REASM_TIMEOUT"] * 2
    net.ledger.check()


def test_without_the_first_piece_there_is_nothing_to_say(net: Router) -> None:
    net.receive("r", "va", piece(800, 800, True))
    net.run(31)
    assert net.got("a") == []
    assert net.reasons() == ["FRAG_REASM_TIMEOUT"]


def test_the_time_is_a_sysctl(net: Router) -> None:
    sysctl.set(net.r, "net.ipv4.ipfrag_time", 2)
    net.receive("r", "va", piece(0, 800, True))
    net.run(3)
    assert net.reasons() == ["FRAG_REASM_TIMEOUT"]


def test_memory_for_incomplete_packets_is_bounded(net: Router) -> None:
    sysctl.set(net.r, "net.ipv4.ipfrag_high_thresh", 10_000)
    for ident in range(20):
        net.receive("r", "va", piece(0, 800, True, ident=ident), 0.0001)
    assert net.reasons() == ["NOMEM"] * 13
    net.ledger.check()


def test_an_id_that_came_round_starts_anew(net: Router) -> None:
    got = deliveries(net)
    net.receive("r", "va", piece(0, 800, True, ident=1, fill=b"o" * 800), 0)
    for ident in range(2, 80):
        net.receive("r", "va", piece(0, 800, True, ident=ident), 0)
    net.receive("r", "va", piece(800, 100, False, ident=1), 0)
    assert net.reasons() == ["FRAG_TOO_FAR"]
    net.receive("r", "va", piece(0, 800, True, ident=1))
    assert got == [data(900)]


def test_held_pieces_end_with_the_namespace(net: Router) -> None:
    net.receive("r", "va", piece(0, 800, True))
    net.world.machines["r"].shut_down()
    assert "EMU_NETNS_GONE" in net.reasons()
    net.run(40)
    net.ledger.check()


# -- with conntrack on the way ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def tracking(net: Router) -> Router:
    """A router whose rules need whole packets."""
    iptables.restore(net.r, "*filter\n-A FORWARD -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT\n")
    return net


def test_a_tracking_router_lets_nothing_go_before_the_packet_is_whole(tracking: Router) -> None:
    tracking.receive("r", "va", piece(0, 672, True, dst="10.0.2.2"))
    assert tracking.got("b") == []
    tracking.receive("r", "va", piece(672, 48, False, dst="10.0.2.2"))
    assert len(tracking.got("b")) == 2


def test_it_leaves_as_it_came(tracking: Router) -> None:
    for offset, size in ((0, 672), (672, 680), (1352, 48)):
        tracking.receive("r", "va", piece(offset, size, offset < 1352, dst="10.0.2.2"))
    assert [len(p) - 20 for p in tracking.got("b")] == [672, 680, 48]
    assert b"".join(p[20:] for p in tracking.got("b")) == data(1400)
    assert all(verify(p[:20]) for p in tracking.got("b"))


def test_or_in_pieces_of_the_mtu_if_they_do_not_fit(tracking: Router) -> None:
    link.set_mtu(tracking.r, "vb", 1000)
    tracking.receive("r", "va", piece(0, 1480, True, dst="10.0.2.2"))
    tracking.receive("r", "va", piece(1480, 48, False, dst="10.0.2.2"))
    assert [len(p) for p in tracking.got("b")] == [996, 572]


def test_df_on_the_largest_piece_is_kept(tracking: Router) -> None:
    tracking.receive("r", "va", piece(0, 672, True, dst="10.0.2.2", df=True))
    tracking.receive("r", "va", piece(672, 48, False, dst="10.0.2.2", df=True))
    assert [show(p) for p in tracking.got("b")] == ["10.0.1.2 > 10.0.2.2 proto 99 ttl 63 DF frag 0+", "10.0.1.2 > 10.0.2.2 proto 99 ttl 63 DF frag 672"]
    link.set_mtu(tracking.r, "vb", 600)
    tracking.receive("r", "va", piece(0, 672, True, dst="10.0.2.2", df=True, ident=8))
    tracking.receive("r", "va", piece(672, 48, False, dst="10.0.2.2", df=True, ident=8))
    assert "10.0.1.1 > 10.0.1.2 icmp 3/4 ttl 64 tos c0" in [show(p) for p in tracking.sent("r", "va")]
