"""ICMP: what this host answers, when it stays silent, how many errors it sends, and what errors do to it."""

from __future__ import annotations

from typing import Any

import pytest

from emu.iproute import addr, link, neigh, route, sysctl
from emu.net import icmp_send, ip_output
from emu.wire.addr import ip_int
from emu.wire.checksum import verify
from tests.net.router import Router, echo, icmp, ip, show, udp

DF = 0x4000


@pytest.fixture
def net() -> Router:
    return Router()


def test_an_echo_reply_carries_data_tos_and_no_df(net: Router) -> None:
    net.send("a", echo("10.0.1.2", "10.0.2.2", b"p" * 100, tos=0x10, frag=DF, ident=77))
    (reply,) = net.got("a")
    assert show(reply) == "10.0.2.2 > 10.0.1.2 icmp 0/0 ttl 63 tos 10"
    assert reply[24:] == b"\0\1\0\1" + b"p" * 100
    assert verify(reply[20:])
    assert reply[4:6] not in (b"\0\0", b"\0\x4d")  # an id of its own, not zero


def test_echo_can_be_switched_off(net: Router) -> None:
    sysctl.set(net.r, "net.ipv4.icmp_echo_ignore_all", 1)
    net.send("a", echo("10.0.1.2", "10.0.1.1"))
    assert net.got("a") == []
    net.ledger.check()


def test_a_large_echo_reply_is_fragmented(net: Router) -> None:
    link.set_mtu(net.b, "eth0", 600)
    link.set_mtu(net.r, "vb", 600)
    net.send("a", echo("10.0.1.2", "10.0.2.2", b"p" * 1000))
    assert [show(p) for p in net.got("a")] == ["10.0.2.2 > 10.0.1.2 icmp 0/0 ttl 63 frag 0+", "10.0.2.2 > 10.0.1.2 icmp 112/112 ttl 63 frag 576"]


def test_timestamp_request(net: Router) -> None:
    net.run(5)
    net.send("a", icmp("10.0.1.2", "10.0.1.1", 13, 0, b"\0\1\0\2", b"\0\0\0\x09" + b"\0" * 8))
    (reply,) = net.got("a")
    now = int.from_bytes(reply[32:36], "big")
    assert show(reply) == "10.0.1.1 > 10.0.1.2 icmp 14/0 ttl 64"
    assert reply[24:32] == b"\0\1\0\2\0\0\0\x09"
    assert now == net.sim.now // 1_000_000 - 10 + 0
    assert reply[36:40] == reply[32:36]


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (echo("10.0.1.2", "10.0.1.1")[:-1] + b"!", "ICMP_CSUM"),
        (ip("10.0.1.2", "10.0.1.1", 1, b"\x08\x00\xf7\xff"), "NOT_SPECIFIED"),
        (icmp("10.0.1.2", "10.0.1.1", 19), "UNHANDLED_PROTO"),
        (icmp("10.0.1.2", "10.0.1.1", 3, 1, b"\0\0\0\0", b"\x45" * 10), "NOT_SPECIFIED"),
        (icmp("10.0.1.2", "10.0.1.1", 3, 1, b"\0\0\0\0", b"\x42" + b"\0" * 30), "IP_INHDR"),
        (icmp("10.0.1.2", "10.0.1.1", 5, 1, b"\0\0\0\0", b"\x45" * 10), "PKT_TOO_SMALL"),
        (icmp("10.0.1.2", "10.0.1.1", 0), "NO_SOCKET"),
    ],
)
def test_bad_messages_are_dropped(net: Router, packet: bytes, reason: str) -> None:
    net.receive("r", "va", packet)
    assert net.reasons() == [reason]
    assert net.sent("r", "va") == []
    net.ledger.check()


# -- silence ----------------------------------------------------------------------------------------------------------------------------

SILENT = {
    "about an ICMP error": icmp("10.0.1.2", "10.0.2.2", 3, 1, b"\0\0\0\0", udp("10.0.2.2", "10.0.1.2"), ttl=1),
    "about an unknown ICMP type": icmp("10.0.1.2", "10.0.2.2", 77, ttl=1),
    "about ICMP without a type": ip("10.0.1.2", "10.0.2.2", 1, b"", ttl=1),
    "about a later fragment": udp("10.0.1.2", "10.0.2.2", b"x" * 8, ttl=1, frag=0x0001),
}


@pytest.mark.parametrize("name", SILENT)
def test_no_error(net: Router, name: str) -> None:
    net.receive("r", "va", SILENT[name])
    assert net.sent("r", "va") == []
    assert net.reasons() == ["IP_INHDR"]


@pytest.mark.parametrize("packet", [echo("10.0.1.2", "10.0.2.2", ttl=1), udp("10.0.1.2", "10.0.2.2", b"x" * 8, ttl=1, frag=0x2000)])
def test_an_error_about_a_request_or_a_first_fragment(net: Router, packet: bytes) -> None:
    net.receive("r", "va", packet)
    assert [show(p) for p in net.sent("r", "va")] == ["10.0.1.1 > 10.0.1.2 icmp 11/0 ttl 64 tos c0"]


def test_no_error_about_a_packet_in_a_broadcast_frame(net: Router) -> None:
    net.receive("r", "va", ip("10.0.1.2", "10.0.1.1", 99, b"x"), to="ff:ff:ff:ff:ff:ff")
    assert net.reasons() == ["IP_NOPROTO"]
    assert net.sent("r", "va") == []


# -- form -------------------------------------------------------------------------------------------------------------------------------


def test_an_error_quotes_up_to_576_bytes(net: Router) -> None:
    net.send("a", udp("10.0.1.2", "10.0.2.2", b"x" * 1000, ttl=1))
    assert len(net.got("a")[0]) == 576
    net.send("a", udp("10.0.1.2", "10.0.2.2", b"x" * 100, ttl=1))
    assert len(net.got("a")[1]) == 28 + 128


def test_an_error_keeps_the_tos_but_for_the_precedence(net: Router) -> None:
    net.send("a", udp("10.0.1.2", "10.0.2.2", tos=0xB8, ttl=1))
    assert net.got("a")[0][1] == 0xD8


def test_an_error_comes_from_the_address_towards_the_sender(net: Router) -> None:
    addr.add(net.r, "va", "10.0.5.1/24")
    net.receive("r", "va", udp("10.0.5.9", "10.0.2.2", ttl=1))
    neigh.replace(net.r, "10.0.5.9", "va", "02:00:00:00:01:02")
    net.run(1)
    assert show(net.sent("r", "va")[0]) == "10.0.5.1 > 10.0.5.9 icmp 11/0 ttl 64 tos c0"


def test_or_from_the_device_the_packet_came_in_by(net: Router) -> None:
    """A route back by another device: icmp_errors_use_inbound_ifaddr decides which address signs."""
    route.add(net.r, "10.66.0.0/16", via="10.0.2.2")
    net.receive("r", "va", udp("10.66.0.9", "10.77.0.1"))
    sysctl.set(net.r, "net.ipv4.icmp_errors_use_inbound_ifaddr", 1)
    net.receive("r", "va", udp("10.66.0.9", "10.77.0.1"))
    assert [show(p) for p in net.sent("r", "vb")] == ["10.0.2.1 > 10.66.0.9 icmp 3/0 ttl 64 tos c0", "10.0.1.1 > 10.66.0.9 icmp 3/0 ttl 64 tos c0"]


def test_an_error_to_oneself_goes_by_lo(net: Router) -> None:
    assert ip_output.send(net.a, 17, b"\0\1\0\2\0\x08\0\0", ip_int("10.0.1.99")) == 0
    net.run(5)
    assert [show(p) for p in net.seen_ip("a.lo rx")] == ["10.0.1.2 > 10.0.1.2 icmp 3/1 ttl 64 tos c0"]


def test_a_router_without_any_address_signs_as_192_0_0_8(net: Router) -> None:
    addr.delete(net.r, "va", "10.0.1.1/24")
    addr.delete(net.r, "vb", "10.0.2.1/24")
    link.set_down(net.r, "lo")
    addr.flush(net.r, "lo")
    route.add(net.r, "10.0.1.0/24", dev="va")
    neigh.replace(net.r, "10.0.1.2", "va", "02:00:00:00:01:02")
    net.send("a", udp("10.0.1.2", "10.0.2.2", ttl=1))
    assert [show(p) for p in net.got("a")] == ["192.0.0.8 > 10.0.1.2 icmp 3/0 ttl 64 tos c0"]


# -- rates ------------------------------------------------------------------------------------------------------------------------------


def test_errors_to_one_address_come_in_a_burst_of_six_then_one_a_second(net: Router) -> None:
    for _ in range(60):
        net.send("a", udp("10.0.1.2", "10.0.2.2", ttl=1), 0.0001)
    assert len(net.got("a")) == 6
    assert "time exceeded not sent: icmp_ratelimit for 10.0.1.2" in net.text("icmp")
    for _ in range(51):
        net.send("a", udp("10.0.1.2", "10.0.2.2", ttl=1), 0.1)
    assert len(net.got("a")) == 6 + 5


def test_path_mtu_messages_are_not_limited(net: Router) -> None:
    link.set_mtu(net.r, "vb", 1000)
    for _ in range(60):
        net.receive("r", "va", udp("10.0.1.2", "10.0.2.2", b"x" * 1200, frag=DF), 0.0001)
    assert len(net.got("a")) == 60


def test_all_errors_together_are_limited(net: Router) -> None:
    for host in range(200):
        net.receive("r", "va", udp(f"10.0.1.{host + 20}", "10.0.2.2", ttl=1), 0)
    refused = [text for text in net.text("icmp") if "icmp_msgs_per_sec is used up" in text]
    assert 100 < len(refused) < 180  # each error costs 0, 1 or 2 of the 50


def test_echo_replies_are_not_limited(net: Router) -> None:
    for _ in range(200):
        net.send("a", echo("10.0.1.2", "10.0.1.1"), 0.0001)
    assert len(net.got("a")) == 200


def test_icmp_ratelimit_zero_is_no_limit_for_a_peer(net: Router) -> None:
    sysctl.set(net.r, "net.ipv4.icmp_ratelimit", 0)
    for _ in range(30):
        net.send("a", udp("10.0.1.2", "10.0.2.2", ttl=1), 0.01)
    assert len(net.got("a")) == 30


# -- what errors do ---------------------------------------------------------------------------------------------------------------------


def heard(net: Router, proto: int = 99) -> list[tuple[Any, ...]]:
    """What a protocol's error handler in `a` is told."""
    calls: list[tuple[Any, ...]] = []
    listener = {proto: lambda ns, skb, type_, code, info, quoted: calls.append((type_, code, info, quoted[9]))}
    net.a.err_handlers = {**net.a.err_handlers, **listener}  # the tables are every namespace's
    return calls


def test_an_error_reaches_the_protocol_it_quotes(net: Router) -> None:
    calls = heard(net)
    net.send("a", ip("10.0.1.2", "10.0.2.2", 99, b"payload8"))
    assert calls == [(3, 2, 0, 99)]
    net.ledger.check()


def test_an_error_that_quotes_too_little_reaches_nobody(net: Router) -> None:
    calls = heard(net)
    net.send("a", ip("10.0.1.2", "10.0.2.2", 99, b"short"))
    assert calls == []
    net.ledger.check()


def test_a_reassembly_time_out_is_of_no_interest(net: Router) -> None:
    calls = heard(net)
    net.receive("a", "eth0", icmp("10.0.2.2", "10.0.1.2", 11, 1, data=ip("10.0.1.2", "10.0.2.2", 99, b"payload8")))
    assert calls == []


def test_the_path_mtu_is_learned_for_ten_minutes(net: Router) -> None:
    link.set_mtu(net.r, "vb", 1000)
    net.send("a", ip("10.0.1.2", "10.0.2.2", 99, b"x" * 1400, frag=DF))
    assert route.get(net.a, "10.0.2.2").endswith("cache expires 599sec mtu 1000 \n")
    assert ip_output.send(net.a, 99, b"x" * 1200, ip_int("10.0.2.2"), df=True) == 90  # EMSGSIZE
    assert ip_output.send(net.a, 99, b"x" * 1200, ip_int("10.0.2.9"), df=True) == 0
    net.run(601)
    assert route.get(net.a, "10.0.2.2").endswith("cache \n")


@pytest.mark.parametrize(("mode", "mtu"), [(0, 552), (1, 1500), (2, 1500), (3, 1500)])
def test_the_path_mtu_is_never_believed_below_552(net: Router, mode: int, mtu: int) -> None:
    sysctl.set(net.a, "net.ipv4.ip_no_pmtu_disc", mode)
    quoted = ip("10.0.1.2", "10.0.2.2", 99, b"payload8")
    net.receive("a", "eth0", icmp("10.0.1.1", "10.0.1.2", 3, 4, b"\0\0\0\x44", quoted))
    out = route.get(net.a, "10.0.2.2")
    assert ("mtu lock 552" in out) == (mtu == 552)


def test_a_path_mtu_can_only_shrink(net: Router) -> None:
    quoted = ip("10.0.1.2", "10.0.2.2", 99, b"payload8")
    for mtu in (1000, 1400, 2000):
        net.receive("a", "eth0", icmp("10.0.1.1", "10.0.1.2", 3, 4, mtu.to_bytes(4, "big"), quoted))
    assert "mtu 1000" in route.get(net.a, "10.0.2.2")


def redirect(gateway: str, src: str = "10.0.1.1", dst: str = "10.0.2.2") -> bytes:
    return icmp(src, "10.0.1.2", 5, 1, ip_int(gateway).to_bytes(4, "big"), udp("10.0.1.2", dst))


def test_a_redirect_from_the_gateway_is_followed(net: Router) -> None:
    neigh.replace(net.a, "10.0.1.77", "eth0", "02:00:00:00:01:77")
    net.receive("a", "eth0", redirect("10.0.1.77"))
    assert route.get(net.a, "10.0.2.2").startswith("10.0.2.2 via 10.0.1.77 dev eth0")
    assert "cache <redirected> expires 299sec \n" in route.get(net.a, "10.0.2.2")
    assert route.get(net.a, "10.0.2.3").startswith("10.0.2.3 via 10.0.1.1 dev eth0")
    net.run(301)
    assert route.get(net.a, "10.0.2.2").startswith("10.0.2.2 via 10.0.1.1 dev eth0")


@pytest.mark.parametrize(
    ("packet", "key", "value"),
    [
        (redirect("10.0.1.77", src="10.0.1.78"), "", 0),  # not from the gateway in use
        (redirect("10.0.1.2"), "", 0),  # to an address of ours
        (redirect("224.0.0.1"), "", 0),
        (redirect("0.0.0.0"), "", 0),
        (redirect("255.255.255.255"), "", 0),
        (redirect("10.0.1.77"), "conf.all.forwarding", 1),  # a router does not listen
    ],
)
def test_a_redirect_is_not_believed(net: Router, packet: bytes, key: str, value: int) -> None:
    neigh.replace(net.a, "10.0.1.77", "eth0", "02:00:00:00:01:77")
    if key:
        sysctl.set(net.a, f"net.ipv4.{key}", value)
    net.receive("a", "eth0", packet)
    assert route.get(net.a, "10.0.2.2").startswith("10.0.2.2 via 10.0.1.1 dev eth0")


def test_link_failure_is_told_to_local_senders_too(net: Router) -> None:
    calls = heard(net)
    assert ip_output.send(net.a, 99, b"payload8", ip_int("10.0.1.99")) == 0
    net.run(5)
    assert calls == [(3, 1, 0, 99)]


def test_messages_in_words() -> None:
    assert icmp_send.describe(3, 4, 1400) == "fragmentation needed, MTU 1400"
    assert icmp_send.describe(5, 1, ip_int("10.0.0.1")) == "redirect to 10.0.0.1"
