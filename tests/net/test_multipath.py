"""Which of several nexthops: Linux 6.18's choices for one seed, and how they follow weights, addresses and dead links."""

from __future__ import annotations

import pytest

from emu.fabric import World
from emu.iproute import addr, link, route, sysctl
from emu.net.multipath import siphash
from emu.net.netns import Namespace


@pytest.fixture
def ns() -> Namespace:
    world = World(1)
    ns = world.add_machine("node").netns
    for number in (0, 1):
        peer = world.machines["node"].add_netns(f"peer{number}")
        link.add_veth(ns, f"e{number}", peer, "eth0")
        link.set_up(peer, "eth0")
        link.set_up(ns, f"e{number}")
        addr.add(ns, f"e{number}", f"10.0.{number}.1/24")
    route.add(ns, "20.0.0.0/8", nexthops=[{"via": "10.0.0.2", "weight": 1}, {"via": "10.0.1.2", "weight": 2}])
    sysctl.set(ns, "net.ipv4.fib_multipath_hash_seed", 12345)
    return ns


def by(ns: Namespace, address: str, source: str | None = None) -> str:
    words = route.get(ns, address, src=source).split()
    return words[words.index("via") + 1]


def test_siphash_is_the_authors() -> None:
    key0, key1 = 0x0706050403020100, 0x0F0E0D0C0B0A0908
    assert siphash(bytes(range(15)), key0, key1) == 0xA129CA6149BE45E5  # the vector of their paper


def test_the_choices_are_linux_s(ns: Namespace) -> None:
    first = {"20.0.7.1", "20.0.35.5"}  # measured, of twelve
    addresses = [f"20.0.{number * 7}.{number}" for number in range(1, 13)]
    assert {address for address in addresses if by(ns, address) == "10.0.0.2"} == first


def test_a_source_address_prefers_its_own_nexthop(ns: Namespace) -> None:
    assert {by(ns, f"20.0.9.{number}", "10.0.1.1") for number in range(1, 21)} == {"10.0.1.2"}


def test_a_dead_nexthop_is_passed_over(ns: Namespace) -> None:
    link.set_down(ns, "e1")
    assert by(ns, "20.0.14.2") == "10.0.0.2"
