"""ip link. The texts are those of iproute2 6.1 on Linux 6.18 for the same commands."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emu.iproute import link
from emu.net.netns import NetError
from tests.net.lan import Lan, give, mac


@pytest.fixture
def lan() -> Lan:
    lan = Lan(hosts=0)
    link.delete(lan.node, "br0")
    return lan


def test_show(lan: Lan) -> None:
    node, a = lan.node, lan.machine.add_netns("a")
    link.add_veth(node, "v0", a, "v1", "c2:5e:c3:13:65:94")
    link.add_bridge(node, "br0", "1e:9d:0b:f8:7c:16")
    assert link.show(node) == (
        "1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN mode DEFAULT group default qlen 1000\n"
        "    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n"
        "3: v0@if2: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 1000\n"
        "    link/ether c2:5e:c3:13:65:94 brd ff:ff:ff:ff:ff:ff link-netns a\n"
        "4: br0: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 1000\n"
        "    link/ether 1e:9d:0b:f8:7c:16 brd ff:ff:ff:ff:ff:ff\n"
    )


def head(lan: Lan, name: str) -> str:
    """From the flags on, without the constant end."""
    return link.show(lan.node, name).splitlines()[0].split(": ", 2)[2].removesuffix(" mode DEFAULT group default qlen 1000")


def test_show_of_every_state(lan: Lan) -> None:
    node, a = lan.node, lan.machine.add_netns("a")
    link.add_veth(node, "v0", a, "v1")
    link.add_bridge(node, "br0")
    link.set_up(node, "v0")
    assert head(lan, "v0") == "<NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue state DOWN"
    link.set_down(node, "v0")
    assert head(lan, "v0") == "<BROADCAST,MULTICAST> mtu 1500 qdisc noqueue state DOWN"
    link.set_up(node, "lo")
    assert head(lan, "lo") == "<LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN"
    link.set_up(node, "br0")
    assert head(lan, "br0") == "<BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UNKNOWN"
    link.set_up(node, "v0")
    link.set_up(a, "v1")
    link.set_master(node, "v0", "br0")
    link.set_promisc(node, "v0")
    lan.run()
    assert head(lan, "v0") == "<BROADCAST,MULTICAST,PROMISC,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP"
    assert head(lan, "br0") == "<BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP"
    link.set_master(node, "v0", None)
    lan.run()
    assert link.show(node, "br0").splitlines()[1] == "    link/ether 00:00:00:00:00:00 brd ff:ff:ff:ff:ff:ff"
    assert head(lan, "br0") == "<NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue state DOWN"


def test_both_ends_in_one_namespace(lan: Lan) -> None:
    link.add_veth(lan.node, "v0", lan.node, "v1")
    assert link.show(lan.node, "v0").startswith("4: v0@v1: ")
    assert "link-netns" not in link.show(lan.node, "v0")


CANNOT = "Cannot assign requested address"
INVALID = 'is not a valid device name in node (1 to 15 bytes, no "/", ":" or space)'
REFUSED: list[tuple[Callable[[Lan], object], int, str]] = [
    (lambda lan: link.set_up(lan.node, "xx"), 19, 'Cannot find device "xx" in node'),
    (lambda lan: link.delete(lan.node, "xx"), 19, 'Cannot find device "xx" in node'),
    (lambda lan: link.set_master(lan.node, "v0", "xx"), 19, 'Cannot find device "xx" in node'),
    (lambda lan: link.set_master(lan.node, "v0", "v0"), 95, "Operation not supported: v0 in node is a veth, not a bridge, and takes no ports"),
    (lambda lan: link.set_master(lan.node, "br0", "br0"), 40, "Can not enslave a bridge to a bridge: br0 to br0 in node"),
    (lambda lan: link.set_master(lan.node, "br1", "br0"), 40, "Can not enslave a bridge to a bridge: br1 to br0 in node"),
    (lambda lan: link.set_master(lan.node, "lo", "br0"), 22, "Invalid argument: lo in node cannot be a port of br0"),
    (lambda lan: link.set_mtu(lan.node, "v0", 10), 22, "mtu less than device minimum: 10 < 68 on v0 in node"),
    (lambda lan: link.set_mtu(lan.node, "v0", 70000), 22, "mtu greater than device maximum: 70000 > 65535 on v0 in node"),
    (lambda lan: link.set_address(lan.node, "v0", "01:00:00:00:00:01"), 99, f"{CANNOT}: 01:00:00:00:00:01 on v0 in node (not a unicast MAC)"),
    (lambda lan: link.set_address(lan.node, "v0", b"\0" * 6), 99, f"{CANNOT}: 00:00:00:00:00:00 on v0 in node (not a unicast MAC)"),
    (lambda lan: link.delete(lan.node, "lo"), 95, "Operation not supported: lo in node cannot be deleted"),
    (lambda lan: link.move(lan.node, "br0", lan.machine.add_netns("a")), 22, "The interface netns is immutable: br0 in node"),
    (lambda lan: link.move(lan.node, "lo", lan.machine.add_netns("a")), 22, "The interface netns is immutable: lo in node"),
    (lambda lan: link.add_veth(lan.node, "v0", lan.node, "zz"), 17, 'File exists: device "v0" in node'),
    (lambda lan: link.add_veth(lan.node, "zz", lan.node, "zz"), 17, 'File exists: device "zz" in node'),
    (lambda lan: link.add_bridge(lan.node, "br0"), 17, 'File exists: device "br0" in node'),
    (lambda lan: link.rename(lan.node, "v0", "br0"), 17, 'File exists: device "br0" in node'),
    (lambda lan: link.rename(lan.node, "v0", "a/b"), 22, f'"a/b" {INVALID}'),
    (lambda lan: link.add_bridge(lan.node, "1234567890123456"), 22, f'"1234567890123456" {INVALID}'),
]


@pytest.mark.parametrize(("command", "errno", "text"), REFUSED, ids=[text[:40] for _, _, text in REFUSED])
def test_what_is_refused(lan: Lan, command: Callable[[Lan], object], errno: int, text: str) -> None:
    link.add_bridge(lan.node, "br0")
    link.add_bridge(lan.node, "br1")
    link.add_veth(lan.node, "v0", lan.node, "v1")
    before = link.show(lan.node)
    with pytest.raises(NetError) as caught:
        command(lan)
    assert (caught.value.errno, caught.value.strerror) == (errno, text)
    assert link.show(lan.node) == before


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "a:b", "é" * 8])
def test_names_no_device_may_have(lan: Lan, name: str) -> None:
    with pytest.raises(NetError, match="is not a valid device name"):
        link.add_bridge(lan.node, name)


def test_enslaving_again_changes_the_master(lan: Lan) -> None:
    one, two = link.add_bridge(lan.node, "one"), link.add_bridge(lan.node, "two")
    link.add_veth(lan.node, "v0", lan.node, "v1")
    link.set_master(lan.node, "v0", "one")
    port = lan.node.device("v0").port
    link.set_master(lan.node, "v0", "one")
    assert lan.node.device("v0").port is port
    link.set_master(lan.node, "v0", "two")
    assert (len(one.ports), len(two.ports)) == (0, 1)
    link.set_master(lan.node, "v0", None)
    link.set_master(lan.node, "v0", None)
    assert lan.node.device("v0").master is None


def test_promiscuous_twice_is_once(lan: Lan) -> None:
    bridge = link.add_bridge(lan.node, "br0")
    link.set_promisc(lan.node, "br0")
    link.set_promisc(lan.node, "br0")
    assert bridge.promiscuity == 1
    link.set_promisc(lan.node, "br0", False)
    assert bridge.promiscuity == 0


def test_a_device_without_arp_neither_asks_nor_answers_and_forgets(lan: Lan) -> None:
    link.add_veth(lan.node, "v0", lan.node, "v1")
    v0 = lan.node.device("v0")
    lan.node.neigh.replace(v0, 0x0A000002, mac(2))
    link.set_arp(lan.node, "v0", False)
    assert not list(lan.node.neigh)  # a permanent entry too
    assert "<BROADCAST,MULTICAST,NOARP" in link.show(lan.node, "v0")
    entry = lan.node.neigh.create(v0, 0x0A000002)
    assert entry is not None
    assert entry.mac == v0.mac
    link.set_arp(lan.node, "v0")
    assert not list(lan.node.neigh)
    assert "NOARP" not in link.show(lan.node, "v0")


def test_a_device_moved_arrives_down_and_without_addresses(lan: Lan) -> None:
    a = lan.machine.add_netns("a")
    v0, v1 = link.add_veth(lan.node, "v0", lan.node, "v1", mac(1))
    give(lan.node, "v0", "10.0.0.1/24")
    link.set_up(lan.node, "v0")
    link.set_up(lan.node, "v1")
    assert link.move(lan.node, "v0", a) is v0
    assert (v0.up, v0.addresses, v0.netns, v0.ifindex, v0.peer) == (False, (), a, 4, v1)  # its index is free there
    assert not v1.carrier
    assert "v0" not in lan.node.devices
    with pytest.raises(NetError, match='File exists: device "v0" in a'):
        link.move(lan.node, link.add_veth(lan.node, "v0", lan.node, "w")[0].name, a)


def test_rename(lan: Lan) -> None:
    link.add_veth(lan.node, "v0", lan.node, "v1")
    link.rename(lan.node, "v0", "v0")
    link.rename(lan.node, "v0", "eth0")
    assert lan.node.device("eth0").name == "eth0"
    assert "v0" not in lan.node.devices


def test_the_same_seed_gives_the_same_macs() -> None:
    drawn = []
    for seed in (1, 1, 2):
        lan = Lan(hosts=0, seed=seed)
        a, b = link.add_veth(lan.node, "v0", lan.node, "v1")
        drawn.append((a.mac, b.mac))
    assert drawn[0] == drawn[1] != drawn[2]
