"""Output: building, identification, broadcasts, and routing again after a hook changed a packet."""

from __future__ import annotations

import pytest

from emu.iproute import addr, iptables, link, neigh, route, sysctl
from emu.net import ip_output
from emu.net.ip_ident import select_ident
from emu.wire.addr import ip_int
from emu.wire.checksum import verify
from tests.net.router import Router, show


@pytest.fixture
def net() -> Router:
    return Router()


def send(net: Router, dst: str, payload: bytes = b"payload8", **options: object) -> int:
    error = ip_output.send(net.a, 99, payload, ip_int(dst), **options)  # type: ignore[arg-type]
    net.run()
    return error


def test_a_packet_as_asked_for(net: Router) -> None:
    assert send(net, "10.0.2.2", ttl=9, tos=0x28, df=True, ip_id=0x1234) == 0
    (packet,) = net.sent("a")
    assert packet == bytes.fromhex("4528001c12344000096300000a0001020a000202")[:10] + packet[10:12] + bytes.fromhex("0a0001020a000202") + b"payload8"
    assert verify(packet[:20])


def test_the_source_is_that_of_the_route_or_the_device(net: Router) -> None:
    addr.add(net.a, "eth0", "10.0.7.1/24")
    addr.add(net.a, "lo", "10.42.0.1/32")
    route.add(net.a, "10.8.0.0/16", via="10.0.7.9")
    route.add(net.a, "10.9.0.0/16", via="10.0.1.1", src="10.42.0.1")
    found = {dst: route.get(net.a, dst).split(" src ")[1].split()[0] for dst in ("10.0.2.2", "10.0.7.5", "10.8.0.1", "10.9.0.1", "127.0.0.9", "10.42.0.1")}
    assert found == {
        "10.0.2.2": "10.0.1.2", "10.0.7.5": "10.0.7.1", "10.8.0.1": "10.0.7.1", "10.9.0.1": "10.42.0.1", "127.0.0.9": "127.0.0.1", "10.42.0.1": "10.42.0.1",
    }  # fmt: skip


ERRORS = [
    ({}, "99.0.0.1", 101),  # no route: the default is gone
    ({"saddr": ip_int("10.7.7.7")}, "10.0.1.1", 101),  # not ours
    ({"saddr": ip_int("224.0.0.1")}, "10.0.1.1", 22),
    ({"saddr": ip_int("127.0.0.1")}, "10.0.1.1", 22),  # loopback must not leave
    ({}, "0.9.9.9", 101),
]


@pytest.mark.parametrize(("options", "dst", "errno"), ERRORS)
def test_errors(net: Router, options: dict[str, int], dst: str, errno: int) -> None:
    route.delete(net.a, "default")
    assert send(net, dst, **options) == errno
    assert net.places() == []


def test_a_packet_to_a_downed_device_is_not_sent(net: Router) -> None:
    link.set_down(net.a, "eth0")
    assert send(net, "10.0.1.1") == 101
    assert send(net, "10.0.1.1", oif=net.a.device("eth0")) == 101


def test_with_a_device_given_the_destination_is_on_link(net: Router) -> None:
    route.delete(net.a, "default")
    neigh.replace(net.a, "99.0.0.1", "eth0", "02:00:00:00:01:01")
    assert send(net, "99.0.0.1", oif=net.a.device("eth0")) == 0
    assert [show(p) for p in net.sent("a")] == ["10.0.1.2 > 99.0.0.1 proto 99 ttl 64"]


def test_netfilter_may_refuse(net: Router) -> None:
    iptables.restore(net.a, "*filter\n-A OUTPUT -d 10.0.2.2/32 -j DROP\nCOMMIT\n")
    assert send(net, "10.0.2.2") == 1  # EPERM
    assert net.reasons() == ["NETFILTER_DROP"]


@pytest.mark.parametrize("dst", ["10.0.1.255", "255.255.255.255"])
def test_a_broadcast_goes_out_and_comes_back_to_its_own_host(net: Router, dst: str) -> None:
    got: list[str] = []
    for ns in (net.a, net.r):
        ns.protocols = {**ns.protocols, 99: lambda ns, skb: (got.append(ns.name), ns.delivered(skb))[1]}
    options = {"oif": net.a.device("eth0")} if dst.startswith("255") else {}
    assert send(net, dst, **options) == 0
    assert sorted(got) == ["a", "r"]
    assert net.places() == ["a.eth0 tx", "r.va rx"]  # the host's own copy passes no capture
    assert net.seen("r.va rx")[0][:6] == b"\xff" * 6


def test_multicast_goes_out_to_its_mac(net: Router) -> None:
    assert send(net, "224.0.0.251") == 0
    assert net.seen("a.eth0 tx")[0][:6] == bytes.fromhex("01005e0000fb")


def test_a_mark_set_in_output_routes_again(net: Router) -> None:
    from emu.iproute import rule

    link.add_veth(net.a, "eth1", net.b, "eth1")
    for ns, number in ((net.a, 1), (net.b, 2)):
        link.set_up(ns, "eth1")
        addr.add(ns, "eth1", f"10.3.0.{number}/24")
    net.run(1)
    route.add(net.a, "default", via="10.3.0.2", table=100)
    rule.add(net.a, fwmark=5, table=100)
    iptables.restore(net.a, "*mangle\n-A OUTPUT -d 10.0.2.2/32 -j MARK --set-mark 5\nCOMMIT\n")
    net.forget()
    assert send(net, "10.0.2.2") == 0
    assert [show(p) for p in net.sent("a", "eth1")] == ["10.0.1.2 > 10.0.2.2 proto 99 ttl 64"]
    assert "again: default via 10.3.0.2 dev eth1 table 100" in net.text("route")


def test_identifications_count_up_for_each_pair_of_addresses(net: Router) -> None:
    a, b, c = ip_int("10.0.1.2"), ip_int("10.0.2.2"), ip_int("10.0.2.3")
    first = [select_ident(net.a, a, b, 17) for _ in range(5)]
    assert first == [(first[0] + i) & 0xFFFF for i in range(5)]
    assert select_ident(net.a, a, c, 17) != (first[-1] + 1) & 0xFFFF
    assert select_ident(net.a, a, b, 1) != (first[-1] + 1) & 0xFFFF
    assert select_ident(net.b, a, b, 17) != (first[-1] + 1) & 0xFFFF  # another namespace counts by itself


def test_and_jump_by_no_more_than_the_time_that_went_by(net: Router) -> None:
    a, b = ip_int("10.0.1.2"), ip_int("10.0.2.2")
    last = select_ident(net.a, a, b, 17)
    jumps = []
    for _ in range(50):
        net.run(0.1)
        ident = select_ident(net.a, a, b, 17)
        jumps.append((ident - last) & 0xFFFF)
        last = ident
    assert all(1 <= jump <= 100 for jump in jumps)
    assert len(set(jumps)) > 10


def test_what_the_stack_itself_sends_has_the_default_ttl(net: Router) -> None:
    sysctl.set(net.r, "net.ipv4.ip_default_ttl", 77)
    assert send(net, "10.0.1.1") == 0
    assert [show(p) for p in net.got("a")] == ["10.0.1.1 > 10.0.1.2 icmp 3/2 ttl 77 tos c0"]


def test_a_new_namespace_has_lo_down_and_nothing_else(net: Router) -> None:
    pod = net.world.machines["a"].add_netns("pod")
    assert list(pod.devices) == ["lo"]
    assert not pod.lo.up
    assert ip_output.send(pod, 99, b"x", ip_int("10.0.0.1")) == 101
    assert ip_output.send(pod, 99, b"x", ip_int("127.0.0.1")) == 101
    link.set_up(pod, "lo")
    assert addr.of(pod, "lo") == ["127.0.0.1/8"]
    assert ip_output.send(pod, 99, b"x", ip_int("127.0.0.1")) == 0
    net.run()
    link.set_down(pod, "lo")
    assert addr.of(pod, "lo") == ["127.0.0.1/8"]
    link.set_up(pod, "lo")
    assert addr.of(pod, "lo") == ["127.0.0.1/8"]
