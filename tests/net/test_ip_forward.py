"""Forwarding: TTL, MTU, redirects, and what a router says when it cannot."""

from __future__ import annotations

import itertools

import pytest

from emu.iproute import addr, link, route, sysctl
from emu.net import ip_output
from emu.wire.addr import ip_int
from emu.wire.checksum import verify
from tests.net.router import Router, echo, ip, show, udp

DF = 0x4000


@pytest.fixture
def net() -> Router:
    return Router()


def test_a_router_takes_one_from_the_ttl(net: Router) -> None:
    net.send("a", udp("10.0.1.2", "10.0.2.2", ttl=64))
    assert net.got("b") == [udp("10.0.1.2", "10.0.2.2", ttl=63)]


@pytest.mark.parametrize("ttl", [2, 64, 128, 255])
def test_the_checksum_is_patched_right_for_any_header(net: Router, ttl: int) -> None:
    for ident in range(0, 0x10000, 257):
        net.send("a", udp("10.0.1.2", "10.0.2.2", ttl=ttl, ident=ident), 0.0001)
    assert len(net.got("b")) == 256
    assert all(verify(packet[:20]) and packet[8] == ttl - 1 for packet in net.got("b"))


def test_at_ttl_one_it_ends_and_the_sender_hears(net: Router) -> None:
    probe = udp("10.0.1.2", "10.0.2.2", ttl=1)
    net.send("a", probe)
    (answer,) = net.got("a")
    assert show(answer) == "10.0.1.1 > 10.0.1.2 icmp 11/0 ttl 64 tos c0"
    assert answer[28:] == probe  # quoted as it came, TTL not yet taken
    assert net.drops == [("r", "IP_INHDR", "TTL ran out")]
    assert net.got("b") == []


def test_a_packet_for_the_router_itself_may_have_ttl_one(net: Router) -> None:
    net.send("a", echo("10.0.1.2", "10.0.2.1", ttl=1))
    assert [show(p) for p in net.got("a")] == ["10.0.2.1 > 10.0.1.2 icmp 0/0 ttl 64"]


def test_a_host_does_not_forward(net: Router) -> None:
    sysctl.set(net.r, "net.ipv4.ip_forward", 0)
    net.send("a", udp("10.0.1.2", "10.0.2.2"))
    assert net.drops == [("r", "IP_INADDRERRORS", "10.0.2.2 is not ours and forwarding is off on va")]
    assert net.got("a") == []


def test_forwarding_is_a_matter_of_the_input_device(net: Router) -> None:
    sysctl.set(net.r, "net.ipv4.conf.vb.forwarding", 0)
    net.send("a", udp("10.0.1.2", "10.0.2.2"))
    assert len(net.got("b")) == 1
    net.send("b", udp("10.0.2.2", "10.0.1.2"))
    assert net.reasons()[-1] == "IP_INADDRERRORS"


# (route on the router, drop reason, ICMP back)
REFUSALS = [
    (None, "IP_INNOROUTES", "3/0"),
    ("unreachable", "NOT_SPECIFIED", "3/1"),
    ("prohibit", "NOT_SPECIFIED", "3/13"),
    ("blackhole", "NOT_SPECIFIED", ""),
]


@pytest.mark.parametrize(("kind", "reason", "answer"), REFUSALS)
def test_a_router_without_a_way_says_so(net: Router, kind: str | None, reason: str, answer: str) -> None:
    if kind is not None:
        route.add(net.r, "172.16.0.0/16", type=kind)
    net.send("a", udp("10.0.1.2", "172.16.0.1"))
    assert net.reasons() == [reason]
    assert [show(p) for p in net.got("a")] == ([f"10.0.1.1 > 10.0.1.2 icmp {answer} ttl 64 tos c0"] if answer else [])


def test_throw_goes_on_to_the_next_table(net: Router) -> None:
    route.add(net.r, "10.0.2.0/24", type="throw", metric=0, table=100)
    from emu.iproute import rule

    rule.add(net.r, table=100)
    net.send("a", udp("10.0.1.2", "10.0.2.2"))
    assert len(net.got("b")) == 1


def test_too_big_and_df_is_refused_with_the_mtu(net: Router) -> None:
    link.set_mtu(net.r, "vb", 1000)
    big = udp("10.0.1.2", "10.0.2.2", b"x" * 1400, frag=DF)
    net.send("a", big)
    (answer,) = net.got("a")
    assert show(answer) == "10.0.1.1 > 10.0.1.2 icmp 3/4 ttl 64 tos c0"
    assert int.from_bytes(answer[26:28], "big") == 1000
    assert answer[28:] == big[:548]  # 576 in all, TTL not yet taken
    assert net.drops == [("r", "PKT_TOO_BIG", "1428 bytes and DF, but the MTU of vb is 1000")]


def test_too_big_without_df_is_fragmented(net: Router) -> None:
    link.set_mtu(net.r, "vb", 1000)
    net.send("a", udp("10.0.1.2", "10.0.2.2", b"x" * 1400))
    assert [show(p) for p in net.got("b")] == ["10.0.1.2 > 10.0.2.2 udp ttl 63 frag 0+", "10.0.1.2 > 10.0.2.2 udp ttl 63 frag 976"]


def test_a_route_may_have_an_mtu_of_its_own(net: Router) -> None:
    route.add(net.r, "10.0.2.2/32", dev="vb", mtu=800)
    net.send("a", udp("10.0.1.2", "10.0.2.2", b"x" * 1000, frag=DF))
    assert int.from_bytes(net.got("a")[0][26:28], "big") == 800


def test_a_packet_back_out_the_same_way_is_forwarded_with_a_redirect_first(net: Router) -> None:
    route.add(net.r, "10.9.0.0/16", via="10.0.1.77")
    net.r.neigh.replace(net.r.device("va"), ip_int("10.0.1.77"), b"\x02\0\0\0\x01\x77", 128)
    net.send("a", udp("10.0.1.2", "10.9.0.1"))
    assert [show(p) for p in net.sent("r", "va")] == ["10.0.1.1 > 10.0.1.2 icmp 5/1 ttl 64 tos c0", "10.0.1.2 > 10.9.0.1 udp ttl 63"]
    redirect = net.got("a")[0]
    assert redirect[24:28] == bytes((10, 0, 1, 77))
    assert redirect[28:] == udp("10.0.1.2", "10.9.0.1", ttl=63)


def test_redirects_get_rarer_and_stop_after_nine(net: Router) -> None:
    route.add(net.r, "10.9.0.0/16", via="10.0.1.77")
    sysctl.set(net.a, "net.ipv4.conf.all.accept_redirects", 0)
    sysctl.set(net.a, "net.ipv4.conf.eth0.accept_redirects", 0)
    net.r.neigh.replace(net.r.device("va"), ip_int("10.0.1.77"), b"\x02\0\0\0\x01\x77", 128)
    for _ in range(2000):
        net.send("a", udp("10.0.1.2", "10.9.0.1"), 0.01)
    at = [t for t, place, wire in net.frames if place == "r.va tx" and wire[23] == 1]
    gaps = [(later - earlier) // 10_000_000 * 10 for earlier, later in itertools.pairwise(at)]
    assert gaps == [50, 90, 170, 330, 650, 1290, 2570, 5130]  # ms; load 20 ms << n, and the next packet after that


@pytest.mark.parametrize("key", ["all", "va"])
def test_one_send_redirects_switch_is_not_enough_to_stop_them(net: Router, key: str) -> None:
    sysctl.set(net.r, f"net.ipv4.conf.{key}.send_redirects", 0)
    route.add(net.r, "10.9.0.0/16", via="10.0.1.77")
    net.send("a", udp("10.0.1.2", "10.9.0.1"))
    assert [show(p) for p in net.sent("r", "va")] == ["10.0.1.1 > 10.0.1.2 icmp 5/1 ttl 64 tos c0"]
    sysctl.set(net.r, f"net.ipv4.conf.{'va' if key == 'all' else 'all'}.send_redirects", 0)
    net.run(30)
    net.forget()
    net.send("a", udp("10.0.1.2", "10.9.0.1"))
    assert net.sent("r", "va") == []


def test_a_source_on_another_subnet_gets_no_redirect(net: Router) -> None:
    route.add(net.r, "10.8.0.0/16", via="10.0.1.2")
    route.add(net.r, "10.9.0.0/16", via="10.0.1.77")
    net.receive("r", "va", udp("10.8.0.1", "10.9.0.1"))
    assert [show(p) for p in net.sent("r", "va")] == []  # held for ARP, and no redirect


def test_a_next_hop_that_does_not_answer_arp_is_host_unreachable(net: Router) -> None:
    net.send("a", udp("10.0.1.2", "10.0.2.99"), 5)
    (answer,) = net.got("a")
    assert show(answer) == "10.0.1.1 > 10.0.1.2 icmp 3/1 ttl 64 tos c0"
    assert answer[28:] == udp("10.0.1.2", "10.0.2.99", ttl=63)
    assert net.reasons() == ["NEIGH_FAILED"]
    net.ledger.check()


def test_a_loop_ends_by_ttl(net: Router) -> None:
    route.add(net.r, "10.50.0.0/16", via="10.0.2.2")
    sysctl.set(net.b, "net.ipv4.ip_forward", 1)
    sysctl.set(net.b, "net.ipv4.conf.all.send_redirects", 0)
    sysctl.set(net.b, "net.ipv4.conf.eth0.send_redirects", 0)
    sysctl.set(net.r, "net.ipv4.conf.all.send_redirects", 0)
    sysctl.set(net.r, "net.ipv4.conf.vb.send_redirects", 0)
    net.send("a", udp("10.0.1.2", "10.50.0.1", ttl=10))
    assert [p[8] for p in net.got("b")] == [9, 7, 5, 3, 1]
    assert net.drops == [("b", "IP_INHDR", "TTL ran out")]
    assert [show(p) for p in net.got("a")] == ["10.0.2.2 > 10.0.1.2 icmp 11/0 ttl 63 tos c0"]


def test_a_broadcast_frame_is_not_forwarded(net: Router) -> None:
    net.receive("r", "va", udp("10.0.1.2", "10.0.2.2"), to="ff:ff:ff:ff:ff:ff")
    assert net.got("b") == []
    assert net.reasons() == ["NOT_SPECIFIED"]


def test_a_directed_broadcast_is_not_forwarded(net: Router) -> None:
    net.receive("r", "va", ip("10.0.1.2", "10.0.2.255", 99, b"x"))
    assert net.got("b") == []
    assert net.reasons() == ["IP_NOPROTO"]  # it is delivered to the router itself


def test_carrier_loss_keeps_the_route_and_drops_at_the_device(net: Router) -> None:
    link.set_down(net.b, "eth0")
    net.run(1)
    net.forget()
    net.send("a", udp("10.0.1.2", "10.0.2.2"))
    assert net.reasons() == ["QDISC_DROP"]
    sysctl.set(net.r, "net.ipv4.conf.vb.ignore_routes_with_linkdown", 1)
    net.send("a", udp("10.0.1.2", "10.0.2.2"))
    assert net.reasons()[-1] == "IP_INNOROUTES"


def test_the_step_names_the_route(net: Router) -> None:
    route.add(net.r, "10.9.0.0/16", via="10.0.2.2")
    net.send("a", udp("10.0.1.2", "10.9.0.1"))
    assert next(text for ns, kind, text in net.steps if ns == "r" and kind == "route") == "10.9.0.0/16 via 10.0.2.2 dev vb"
    assert net.text("route")[0] == "default via 10.0.1.1 dev eth0"


def test_several_next_hops_share_destinations_and_keep_flows(net: Router) -> None:
    addr.add(net.r, "vb", "10.0.3.1/24")
    route.add(net.r, "10.9.0.0/16", nexthops=[{"via": "10.0.2.2", "weight": 3}, {"via": "10.0.2.3", "weight": 1}])
    found = [route.get(net.r, f"10.9.{i}.{j}").split()[2] for i in range(40) for j in range(10)]
    assert 250 < found.count("10.0.2.2") < 350
    assert found == [route.get(net.r, f"10.9.{i}.{j}").split()[2] for i in range(40) for j in range(10)]


def test_sending_from_the_router_itself_does_not_take_from_the_ttl(net: Router) -> None:
    assert ip_output.send(net.r, 99, b"x", ip_int("10.0.2.2")) == 0
    net.run()
    assert net.got("b")[0][8] == 64
