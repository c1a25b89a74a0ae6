"""What IP does with a packet that comes in: the kernel's checks in its order, each with its drop reason."""

from __future__ import annotations

import pytest

from emu.iproute import addr, link, route, sysctl
from emu.net.ip_header import rechecksum
from tests.net.router import Router, echo, ip, show, udp


@pytest.fixture
def net() -> Router:
    return Router()


def test_an_echo_request_is_answered(net: Router) -> None:
    net.send("a", echo("10.0.1.2", "10.0.1.1"))
    assert [show(p) for p in net.got("a")] == ["10.0.1.1 > 10.0.1.2 icmp 0/0 ttl 64"]
    assert net.got("a")[0][28:] == b"abcdefgh"


GOOD = udp("10.0.1.2", "10.0.1.1", b"data")
TRUNCATED = {
    "short": (GOOD[:19], "IP_INHDR"),
    "version 6": (rechecksum(b"\x65" + GOOD[1:], 20), "IP_INHDR"),
    "header length 4 words": (b"\x44" + GOOD[1:], "IP_INHDR"),
    "header longer than the packet": (b"\x4f" + GOOD[1:], "IP_INHDR"),
    "checksum": (GOOD[:10] + b"\0\0" + GOOD[12:], "IP_CSUM"),
    "length beyond the frame": (rechecksum(GOOD[:2] + b"\x01\x00" + GOOD[4:], 20), "PKT_TOO_SMALL"),
    "length under the header": (rechecksum(GOOD[:2] + b"\x00\x13" + GOOD[4:], 20), "IP_INHDR"),
}


@pytest.mark.parametrize("name", TRUNCATED)
def test_a_bad_header_is_dropped(net: Router, name: str) -> None:
    packet, reason = TRUNCATED[name]
    net.receive("r", "va", packet)
    assert net.reasons() == [reason]
    assert net.r.drops == {reason: 1}
    net.ledger.check()


def test_padding_is_trimmed(net: Router) -> None:
    net.receive("r", "va", echo("10.0.1.2", "10.0.2.2", b"") + b"\0" * 18)
    assert [len(p) for p in net.got("b")] == [28]


def test_a_frame_for_another_mac_is_ignored(net: Router) -> None:
    net.receive("r", "va", GOOD, to="02:00:00:00:07:07")
    assert net.drops == [("r", "OTHERHOST", "not for va's MAC")]


def test_an_unknown_protocol_is_refused(net: Router) -> None:
    net.send("a", ip("10.0.1.2", "10.0.2.2", 99, b"payload8"))
    assert net.drops == [("b", "IP_NOPROTO", "no handler for IP protocol 99")]
    assert [show(p) for p in net.got("a")] == ["10.0.2.2 > 10.0.1.2 icmp 3/2 ttl 63 tos c0"]


# (source, destination, why)
MARTIANS = [
    ("224.0.0.5", "10.0.1.1", "IP_INVALID_SOURCE"),
    ("255.255.255.255", "10.0.1.1", "IP_INVALID_SOURCE"),
    ("0.0.0.0", "10.0.1.1", "IP_INVALID_SOURCE"),
    ("10.0.1.2", "0.0.0.0", "IP_INVALID_DEST"),
    ("10.0.1.2", "127.0.0.1", "IP_LOCALNET"),
    ("127.0.0.1", "10.0.1.1", "IP_LOCALNET"),
    ("10.0.2.1", "10.0.1.1", "IP_LOCAL_SOURCE"),
    ("10.0.1.1", "10.0.1.1", "IP_LOCAL_SOURCE"),
]


@pytest.mark.parametrize(("src", "dst", "reason"), MARTIANS)
def test_martians_are_dropped_without_a_word(net: Router, src: str, dst: str, reason: str) -> None:
    net.receive("r", "va", udp(src, dst))
    assert net.reasons() == [reason]
    assert net.places() == ["r.va rx"]


def test_the_rest_of_0_8_is_ordinary(net: Router) -> None:
    net.receive("r", "va", udp("0.1.2.3", "0.4.5.6"))
    assert net.reasons() == ["IP_INNOROUTES"]


def test_route_localnet_lets_loopback_in(net: Router) -> None:
    sysctl.set(net.r, "net.ipv4.conf.va.route_localnet", 1)
    net.receive("r", "va", echo("10.0.1.2", "127.0.0.1"))
    # The answer is from 127.0.0.1, which route_localnet lets out too.
    assert [show(p) for p in net.got("a")] == ["127.0.0.1 > 10.0.1.2 icmp 0/0 ttl 64"]


def test_accept_local_lets_an_own_address_in(net: Router) -> None:
    sysctl.set(net.r, "net.ipv4.conf.all.accept_local", 1)
    net.receive("r", "va", udp("10.0.2.1", "10.0.1.1"))
    assert net.reasons() == ["NO_SOCKET"]


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [("conf.va", 1, "IP_RPFILTER"), ("conf.all", 1, "IP_RPFILTER"), ("conf.va", 2, "NO_SOCKET"), ("conf.vb", 1, "NO_SOCKET"), ("conf.all", 0, "NO_SOCKET")],
)
def test_strict_rp_filter_wants_the_way_back_to_be_the_same(net: Router, key: str, value: int, reason: str) -> None:
    sysctl.set(net.r, f"net.ipv4.{key}.rp_filter", value)
    net.receive("r", "va", udp("10.0.2.77", "10.0.1.1"))  # an address of b's side comes in at a's
    assert net.reasons() == [reason]


def test_loose_rp_filter_wants_any_way_back(net: Router) -> None:
    sysctl.set(net.r, "net.ipv4.conf.all.rp_filter", 2)
    net.receive("r", "va", udp("99.0.0.1", "10.0.1.1"))
    assert net.drops == [("r", "IP_RPFILTER", "rp_filter on va: an answer to 99.0.0.1 would not leave by va")]


def test_an_address_of_a_downed_device_is_still_ours(net: Router) -> None:
    link.set_down(net.r, "vb")
    net.send("a", echo("10.0.1.2", "10.0.2.1"))
    assert [show(p) for p in net.got("a")] == ["10.0.2.1 > 10.0.1.2 icmp 0/0 ttl 64"]


def test_broadcast_is_delivered_and_echo_to_it_ignored(net: Router) -> None:
    net.receive("r", "va", ip("10.0.1.2", "10.0.1.255", 99, b"x"), to="ff:ff:ff:ff:ff:ff")
    net.receive("r", "va", echo("10.0.1.2", "10.0.1.255"), to="ff:ff:ff:ff:ff:ff")
    net.receive("r", "va", echo("10.0.1.2", "255.255.255.255"), to="ff:ff:ff:ff:ff:ff")
    assert net.reasons() == ["IP_NOPROTO", "INVALID_PROTO", "INVALID_PROTO"]
    assert net.sent("r", "va") == []  # no error about a broadcast
    sysctl.set(net.r, "net.ipv4.icmp_echo_ignore_broadcasts", 0)
    net.receive("r", "va", echo("10.0.1.2", "10.0.1.255"), to="ff:ff:ff:ff:ff:ff")
    assert [show(p) for p in net.got("a")] == ["10.0.1.1 > 10.0.1.2 icmp 0/0 ttl 64"]


def test_multicast_is_for_members_only(net: Router) -> None:
    sysctl.set(net.r, "net.ipv4.icmp_echo_ignore_broadcasts", 0)
    net.receive("r", "va", echo("10.0.1.2", "224.0.0.1"), to="01:00:5e:00:00:01")
    net.receive("r", "va", echo("10.0.1.2", "224.0.0.9"), to="01:00:5e:00:00:09")
    assert [show(p) for p in net.got("a")] == ["10.0.1.1 > 10.0.1.2 icmp 0/0 ttl 64"]
    assert net.drops[1:] == [("r", "NOT_SPECIFIED", "multicast group 224.0.0.9 has no member here")]


def test_a_unicast_packet_in_a_broadcast_frame_is_delivered_unless_refused(net: Router) -> None:
    net.receive("r", "va", udp("10.0.1.2", "10.0.1.1"), to="ff:ff:ff:ff:ff:ff")
    sysctl.set(net.r, "net.ipv4.conf.va.drop_unicast_in_l2_multicast", 1)
    net.receive("r", "va", udp("10.0.1.2", "10.0.1.1"), to="ff:ff:ff:ff:ff:ff")
    assert net.reasons() == ["NO_SOCKET", "UNICAST_IN_L2_MULTICAST"]
    assert net.sent("r", "va") == []  # and never an ICMP error about a broadcast


def test_ping_to_oneself_goes_by_lo_only(net: Router) -> None:
    net.send("a", echo("10.0.1.2", "10.0.1.2"))
    assert net.places() == ["a.lo tx", "a.lo rx"] * 2


def test_without_an_address_nothing_is_ours(net: Router) -> None:
    addr.delete(net.r, "va", "10.0.1.1/24")
    net.send("a", echo("10.0.1.2", "10.0.1.1"))
    assert net.reasons() == ["IP_INNOROUTES"]


def test_a_local_route_makes_a_whole_prefix_ours(net: Router) -> None:
    route.add(net.r, "10.77.0.0/16", type="local", dev="lo")
    net.send("a", echo("10.0.1.2", "10.77.3.4"))
    assert [show(p) for p in net.got("a")] == ["10.77.3.4 > 10.0.1.2 icmp 0/0 ttl 64"]
