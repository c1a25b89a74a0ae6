"""`ip address` as functions: what is refused, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from emu.fabric import World
from emu.iproute import addr, link, route, rule
from emu.net.netns import Namespace, NetError


@pytest.fixture
def ns() -> Namespace:
    world = World(1)
    ns = world.add_machine("node").netns
    link.add_veth(ns, "eth0", world.machines["node"].add_netns("pod"), "peer")
    return ns


REFUSALS: list[tuple[dict[str, Any], int, str]] = [
    ({"address": "10.0.0.256/24"}, 22, 'any valid prefix is expected rather than "10.0.0.256/24" (address for eth0 in node)'),
    ({"address": "10.0.0.1/33"}, 22, 'any valid prefix is expected rather than "10.0.0.1/33" (address for eth0 in node)'),
    ({"address": "10.0.0.1/24", "dev": "eth7"}, 19, 'Cannot find device "eth7" in node'),
    ({"address": "10.0.0.1/31", "brd": "+"}, 22, "Broadcast can be set only for IPv4 prefixes up to /30: 10.0.0.1/31 on eth0 in node"),
    ({"address": "10.0.0.1/24", "brd": "all"}, 22, 'inet address is expected rather than "all" (broadcast address on eth0 in node)'),
    ({"address": "10.0.0.1/24", "scope": "wide"}, 22, 'invalid scope value "wide" for 10.0.0.1/24 on eth0 in node'),
]


@pytest.mark.parametrize(("arguments", "errno", "text"), REFUSALS)
def test_refusals_name_the_thing_and_the_place(ns: Namespace, arguments: dict[str, Any], errno: int, text: str) -> None:
    with pytest.raises(NetError) as caught:
        addr.add(ns, **{"dev": "eth0", **arguments})
    assert (caught.value.errno, caught.value.strerror) == (errno, text)
    assert addr.of(ns, "eth0") == []


def test_an_address_is_there_once(ns: Namespace) -> None:
    addr.add(ns, "eth0", "10.0.0.1/24")
    with pytest.raises(NetError, match=r"ipv4: Address already assigned: 10.0.0.1/24 on eth0 in node"):
        addr.add(ns, "eth0", "10.0.0.1/24")
    addr.delete(ns, "eth0", "10.0.0.1/24")
    with pytest.raises(NetError, match=r"ipv4: Address not found: 10.0.0.1/24 on eth0 in node"):
        addr.delete(ns, "eth0", "10.0.0.1/24")


def test_noprefixroute_and_a_metric(ns: Namespace) -> None:
    link.set_up(ns, "eth0")
    addr.add(ns, "eth0", "10.0.0.1/24", noprefixroute=True)
    addr.add(ns, "eth0", "10.0.1.1/24", metric=300)
    assert route.show(ns) == "10.0.1.0/24 dev eth0 proto kernel scope link src 10.0.1.1 metric 300 linkdown \n"
    assert "inet 10.0.0.1/24 scope global noprefixroute eth0\n" in addr.show(ns, "eth0")
    assert "inet 10.0.1.1/24 metric 300 scope global eth0\n" in addr.show(ns, "eth0")


def test_a_renamed_device_renames_its_labels(ns: Namespace) -> None:
    addr.add(ns, "eth0", "10.0.0.1/24")
    addr.add(ns, "eth0", "10.0.1.1/24", label="eth0:web")
    link.rename(ns, "eth0", "lan")
    assert [ifa.label for ifa in ns.device("lan").addresses] == ["lan", "lan:web"]


def test_routes_and_rules_refuse_nonsense(ns: Namespace) -> None:
    link.set_up(ns, "eth0")
    for wrong, text in (
        (lambda: route.add(ns, "10.0.0.0/24", via="here"), 'inet address is expected rather than "here"'),
        (lambda: route.add(ns, "10.0.0.0/24", dev="eth0", type="odd"), '"odd" is not a valid route type in node'),
        (lambda: route.add(ns, "10.0.0.0/24", dev="eth0", table="mine"), '"mine" is not a valid table ID in node'),
        (lambda: route.add(ns, "10.0.0.0/24", dev="eth0", proto="gossip"), '"gossip" is not a valid routing protocol in node'),
        (lambda: route.add(ns, "10.0.0.0/24", nexthops=[{"dev": "eth0", "weight": 0}]), '"0" is an invalid weight'),
        (lambda: rule.add(ns, fwmark="red"), 'fwmark value is invalid: "red" in node'),
        (lambda: rule.add(ns, action="shrug"), '"shrug" is not a rule action in node'),
        (lambda: rule.add(ns, src="10.0.0.0/40"), 'any valid prefix is expected rather than "10.0.0.0/40"'),
    ):
        with pytest.raises(NetError) as caught:
            wrong()
        assert str(caught.value.strerror).startswith(text)


def test_route_flush_takes_what_fits(ns: Namespace) -> None:
    link.set_up(ns, "eth0")
    addr.add(ns, "eth0", "10.0.0.1/24")
    route.add(ns, "10.8.0.0/16", via="10.0.0.8", proto="static")
    route.add(ns, "10.9.0.0/16", via="10.0.0.9")
    assert route.flush(ns, proto="static") == 1
    assert route.flush(ns, dev="eth0") == 2
    assert route.show(ns) == ""


def test_an_address_goes_when_its_lifetime_is_over(ns: Namespace) -> None:
    link.set_up(ns, "eth0")
    addr.add(ns, "eth0", "10.0.0.1/24", valid_lft=10, preferred_lft=5)
    addr.add(ns, "eth0", "10.0.1.1/24", valid_lft=10)
    ns.sim.run(ns.sim.now + 6_000_000_000)
    assert "deprecated dynamic eth0\n       valid_lft 4sec preferred_lft 0sec" in addr.show(ns, "eth0")
    addr.replace(ns, "eth0", "10.0.1.1/24")
    ns.sim.run(ns.sim.now + 5_000_000_000)
    assert addr.of(ns, "eth0") == ["10.0.1.1/24"]
    assert "10.0.0.0/24" not in route.show(ns)


def test_a_replacement_changes_the_metric_of_the_connected_route(ns: Namespace) -> None:
    link.set_up(ns, "eth0")
    addr.add(ns, "eth0", "10.0.0.1/24")
    addr.replace(ns, "eth0", "10.0.0.1/24", metric=7)
    assert route.show(ns).startswith("10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1 metric 7 ")
