"""Longest prefix match, tables, rules, and routes held once for many namespaces."""

from __future__ import annotations

import random

import pytest

from emu.fabric import World
from emu.iproute import addr, link, neigh, route, rule, sysctl
from emu.iproute.route import SharedRoutes
from emu.net.fib import MASKS, NextHop, Route, Table
from emu.net.netns import Namespace, NetError
from emu.net.pmtu import learn_mtu
from emu.net.route import lookup_output
from emu.wire.addr import cidr_text, ip_int


@pytest.fixture
def ns() -> Namespace:
    world = World(1)
    ns = world.add_machine("node").netns
    link.set_up(ns, "lo")
    for number, name in enumerate(("eth0", "eth1")):
        peer = world.machines["node"].add_netns(name)
        link.add_veth(ns, name, peer, "peer")
        link.set_up(peer, "peer")
        link.set_up(ns, name)
        addr.add(ns, name, f"10.0.{number}.1/24")
    return ns


def by(ns: Namespace, address: str, **options: object) -> str:
    """`via` or device of the decision, or the errno."""
    try:
        words = route.get(ns, address, **options).split()  # type: ignore[arg-type]
    except NetError as error:
        return str(error.errno)
    return words[words.index("via") + 1] if "via" in words else words[words.index("dev") + 1]


def test_the_longest_prefix_wins_whatever_the_order(ns: Namespace) -> None:
    draw = random.Random(7)
    table = Table(ns, 77)
    routes = {}
    for _ in range(600):
        length = draw.choice((0, 8, 9, 15, 16, 17, 24, 30, 32))
        network = (10 << 24 | draw.getrandbits(24)) & MASKS[length]
        routes[network, length] = Route(network, length, (NextHop(2, 0),))
    for one in routes.values():
        table.insert(one)
    for one in list(routes.values())[::3]:
        table.remove(one)
        del routes[one.network, one.length]
    for _ in range(3000):
        ip = 10 << 24 | draw.getrandbits(24)
        expected = max((r for r in routes.values() if ip & MASKS[r.length] == r.network), key=lambda r: r.length, default=None)
        found = table.lookup(ip)
        assert (found[0] if isinstance(found, tuple) else None) is expected


def test_a_table_is_shown_in_order_of_addresses(ns: Namespace) -> None:
    for prefix in ("10.9.0.0/16", "10.9.0.0/24", "default", "10.8.7.0/24"):
        route.add(ns, prefix, via="10.0.0.9")
    assert [cidr_text(r.network, r.length) for r in ns.fib.main] == [
        "0.0.0.0/0", "10.0.0.0/24", "10.0.1.0/24", "10.8.7.0/24", "10.9.0.0/24", "10.9.0.0/16",
    ]  # fmt: skip


def test_the_lower_metric_wins_and_the_other_takes_over(ns: Namespace) -> None:
    route.add(ns, "default", via="10.0.0.9", metric=100)
    route.add(ns, "default", via="10.0.1.9", metric=50)
    assert by(ns, "8.8.8.8") == "10.0.1.9"
    link.set_down(ns, "eth1")
    assert by(ns, "8.8.8.8") == "10.0.0.9"
    link.set_up(ns, "eth1")
    assert by(ns, "8.8.8.8") == "10.0.0.9"  # the route went with the device and does not come back


def test_a_dead_path_of_several_is_passed_over_until_it_comes_back(ns: Namespace) -> None:
    route.add(ns, "default", nexthops=[{"via": "10.0.0.9"}, {"via": "10.0.1.9"}])
    many = [f"8.8.{i}.8" for i in range(50)]
    assert {by(ns, ip) for ip in many} == {"10.0.0.9", "10.0.1.9"}
    link.set_down(ns, "eth1")
    assert {by(ns, ip) for ip in many} == {"10.0.0.9"}
    assert "nexthop via 10.0.1.9 dev eth1 weight 1 dead linkdown" in route.show(ns)
    link.set_up(ns, "eth1")
    assert {by(ns, ip) for ip in many} == {"10.0.0.9", "10.0.1.9"}
    link.set_down(ns, "eth1")
    link.set_down(ns, "eth0")
    assert "default" not in route.show(ns)


def test_without_rules_local_and_main_are_one_trie(ns: Namespace) -> None:
    route.add(ns, "127.9.0.0/16", dev="eth0")
    assert "dev eth0" in route.get(ns, "127.9.0.1", src="10.0.0.1")
    rule.add(ns, table=100)
    assert route.get(ns, "127.9.0.1").startswith("local 127.9.0.1 dev lo")


def test_rules_choose_tables(ns: Namespace) -> None:
    route.add(ns, "default", via="10.0.0.9")
    route.add(ns, "default", via="10.0.1.9", table=100)
    rule.add(ns, fwmark="0x10/0xf0", table=100)
    assert by(ns, "8.8.8.8") == "10.0.0.9"
    assert by(ns, "8.8.8.8", mark=0x1F) == "10.0.1.9"
    assert by(ns, "8.8.8.8", mark=0x2F) == "10.0.0.9"
    rule.add(ns, src="10.0.0.1", action="prohibit")
    assert by(ns, "8.8.8.8", src="10.0.0.1") == "13"
    rule.delete(ns, src="10.0.0.1")
    assert by(ns, "8.8.8.8", src="10.0.0.1") == "10.0.0.9"
    rule.add(ns, dst="9.9.9.0/24", oif="eth1", table=100)
    assert by(ns, "9.9.9.1") == "10.0.0.9"
    assert by(ns, "9.9.9.1", oif="eth1") == "10.0.1.9"


def test_a_rule_for_an_input_device(ns: Namespace) -> None:
    from emu.iproute import sysctl

    sysctl.set(ns, "net.ipv4.ip_forward", 1)
    route.add(ns, "default", via="10.0.0.9")
    route.add(ns, "default", via="10.0.1.9", table=100)
    rule.add(ns, iif="eth1", table=100)
    assert by(ns, "8.8.8.8", src="10.0.1.5", iif="eth1") == "10.0.1.9"
    assert by(ns, "8.8.8.8", src="10.0.0.5", iif="eth0") == "10.0.0.9"
    assert by(ns, "8.8.8.8") == "10.0.0.9"


def test_suppress_prefixlength_skips_default_routes(ns: Namespace) -> None:
    route.add(ns, "default", via="10.0.0.9")
    route.add(ns, "10.7.0.0/16", via="10.0.0.8")
    route.add(ns, "default", via="10.0.1.9", table=51820)
    rule.add(ns, table=51820)
    rule.add(ns, table="main", suppress_prefixlength=0)
    assert by(ns, "8.8.8.8") == "10.0.1.9"
    assert by(ns, "10.7.0.1") == "10.0.0.8"


def test_a_decision_is_cached_until_something_changes(ns: Namespace) -> None:
    from emu.net.route import lookup_output

    first = lookup_output(ns, ip_int("10.0.0.7"))
    assert lookup_output(ns, ip_int("10.0.0.7")) is first
    for change in (
        lambda: route.add(ns, "99.0.0.0/8", dev="eth0"), lambda: addr.add(ns, "eth0", "10.3.0.1/24"), lambda: link.set_mtu(ns, "eth0", 1400),
        lambda: rule.add(ns, table=5), lambda: link.set_down(ns, "eth1"), lambda: neigh.flush(ns, "eth0"),
    )[:5]:  # fmt: skip
        change()
        again = lookup_output(ns, ip_int("10.0.0.7"))
        assert again is not first
        first = again


# -- shared ---------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def shared(ns: Namespace) -> SharedRoutes:
    """Pods of node 1 to 50, node 1 being this one."""
    routes = SharedRoutes()
    for number in range(1, 51):
        routes.add(f"10.244.{number}.0/24", via=f"10.0.0.{number}")
    routes.attach(ns, dev="eth0")
    return routes


def test_shared_routes_are_routes(ns: Namespace, shared: SharedRoutes) -> None:
    assert by(ns, "10.244.7.9") == "10.0.0.7"
    assert by(ns, "10.244.51.9") == "101"
    assert "10.244.7.0/24 via 10.0.0.7 dev eth0 proto static \n" in route.show(ns)
    assert len(route.show(ns).splitlines()) == 2 + 49


def test_ones_own_prefix_is_not_among_them(ns: Namespace, shared: SharedRoutes) -> None:
    assert by(ns, "10.244.1.9") == "101"
    addr.add(ns, "eth1", "10.244.1.1/24")
    assert by(ns, "10.244.1.9") == "eth1"


def test_a_change_reaches_everybody(ns: Namespace, shared: SharedRoutes) -> None:
    assert by(ns, "10.244.7.9") == "10.0.0.7"
    shared.add("10.244.7.0/24", via="10.0.0.77")
    assert by(ns, "10.244.7.9") == "10.0.0.77"
    shared.delete("10.244.7.0/24")
    assert by(ns, "10.244.7.9") == "101"
    shared.add("10.244.7.128/25", via="10.0.0.78")
    assert by(ns, "10.244.7.200") == "10.0.0.78"


def test_one_namespace_may_delete_or_replace_its_own(ns: Namespace, shared: SharedRoutes) -> None:
    with pytest.raises(NetError, match="File exists"):
        route.add(ns, "10.244.7.0/24", via="10.0.0.99")
    route.replace(ns, "10.244.7.0/24", via="10.0.0.99")
    assert by(ns, "10.244.7.9") == "10.0.0.99"
    route.delete(ns, "10.244.8.0/24")
    assert by(ns, "10.244.8.9") == "101"
    route.add(ns, "10.244.9.9/32", via="10.0.0.98")
    assert by(ns, "10.244.9.9") == "10.0.0.98"
    assert by(ns, "10.244.9.8") == "10.0.0.9"


def test_they_go_with_the_device(ns: Namespace, shared: SharedRoutes) -> None:
    link.set_down(ns, "eth0")
    link.set_up(ns, "eth0")
    assert by(ns, "10.244.7.9") == "101"
    shared.attach(ns, dev="eth0", metric=20)
    route.add(ns, "10.244.7.0/24", via="10.0.0.99", metric=10)
    assert by(ns, "10.244.7.9") == "10.0.0.99"
    shared.detach(ns)
    assert by(ns, "10.244.8.9") == "101"


def test_attaching_needs_a_device_that_is_up_and_happens_once(ns: Namespace, shared: SharedRoutes) -> None:
    with pytest.raises(NetError, match="File exists"):
        shared.attach(ns, dev="eth0")
    link.set_down(ns, "eth1")
    with pytest.raises(NetError, match="eth1"):
        SharedRoutes().attach(ns, dev="eth1")


def test_goto_skips_rules_and_waits_for_its_target(ns: Namespace) -> None:
    route.add(ns, "9.9.9.0/24", via="10.0.0.254")
    rule.add(ns, fwmark=1, priority=100, action="goto", target=300)
    rule.add(ns, priority=200, action="prohibit")
    assert "100:\tfrom all fwmark 0x1 goto 300 [unresolved]\n" in rule.show(ns)
    assert ns.fib.lookup(ip_int("9.9.9.9"), mark=1) == 13
    rule.add(ns, priority=300, action="nop")
    assert "300:\tfrom all nop\n" in rule.show(ns)
    assert not isinstance(ns.fib.lookup(ip_int("9.9.9.9"), mark=1), int)
    assert ns.fib.lookup(ip_int("9.9.9.9")) == 13
    with pytest.raises(NetError, match="Backward goto not supported"):
        rule.add(ns, priority=400, action="goto", target=300)
    rule.delete(ns, action="goto", target=300)
    assert "goto" not in rule.show(ns)


def test_flushing_the_cache_forgets_what_icmp_taught(ns: Namespace) -> None:
    dst = lookup_output(ns, ip_int("10.0.0.9"))
    assert not isinstance(dst, int)
    learn_mtu(ns, ip_int("10.0.0.9"), dst, 1000)
    assert " mtu 1000 " in route.get(ns, "10.0.0.9")
    sysctl.set(ns, "net.ipv4.route.flush", 1)
    assert "mtu" not in route.get(ns, "10.0.0.9")


def test_a_route_says_ttl_and_segment_size(ns: Namespace) -> None:
    route.add(ns, "9.9.9.0/24", via="10.0.0.254", mtu=1400, advmss=900, hoplimit=33)
    assert "9.9.9.0/24 via 10.0.0.254 dev eth0 mtu 1400 advmss 900 hoplimit 33" in route.show(ns)
    dst = lookup_output(ns, ip_int("9.9.9.9"))
    assert not isinstance(dst, int)
    assert dst.hoplimit == 33
    assert "cache mtu 1400 advmss 900 hoplimit 33" in route.get(ns, "9.9.9.9")
