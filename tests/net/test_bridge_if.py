"""A bridge's ports, MAC, MTU and carrier."""

from __future__ import annotations

import pytest

from emu.iproute import link
from emu.net import bridge_if
from emu.net.bridge_port import DISABLED, FORWARDING
from emu.wire.addr import mac_text
from tests.net.lan import BROADCAST, Lan, frame, mac


@pytest.fixture
def lan() -> Lan:
    return Lan(hosts=2)


def unpinned(lan: Lan, macs: list[str]) -> bridge_if.Bridge:
    """br1 without a MAC of its own choice, and veths with these."""
    br1 = link.add_bridge(lan.node, "br1")
    link.set_up(lan.node, "br1")
    for number, text in enumerate(macs):
        link.add_veth(lan.node, f"a{number}", lan.node, f"b{number}", text)
        link.set_up(lan.node, f"a{number}")
        link.set_up(lan.node, f"b{number}")
    lan.run()
    return br1


def test_an_unpinned_bridge_has_the_lowest_mac_of_its_ports(lan: Lan) -> None:
    br1 = unpinned(lan, ["02:00:00:00:05:05", "02:00:00:00:04:04", "02:00:00:00:06:06"])
    seen = []
    for number in (0, 1, 2):
        link.set_master(lan.node, f"a{number}", "br1")
        seen.append(mac_text(br1.mac))
    link.set_master(lan.node, "a1", None)
    seen.append(mac_text(br1.mac))
    link.set_address(lan.node, "a2", "02:00:00:00:01:11")
    seen.append(mac_text(br1.mac))
    link.delete(lan.node, "a2")
    link.delete(lan.node, "a0")
    seen.append(mac_text(br1.mac))
    low, high = "02:00:00:00:04:04", "02:00:00:00:05:05"
    assert seen == [high, low, low, high, "02:00:00:00:01:11", "00:00:00:00:00:00"]


def test_a_mac_that_somebody_chose_stays(lan: Lan) -> None:
    br1 = unpinned(lan, ["02:00:00:00:05:05", "02:00:00:00:04:04"])
    link.set_master(lan.node, "a0", "br1")
    link.set_address(lan.node, "br1", br1.mac)  # to what it has: that pins it
    link.set_master(lan.node, "a1", "br1")
    assert mac_text(br1.mac) == "02:00:00:00:05:05"


def test_the_bridges_mac_is_a_local_entry_wherever_it_comes_from(lan: Lan) -> None:
    br1 = unpinned(lan, ["02:00:00:00:05:05", "02:00:00:00:04:04"])
    for number in (0, 1):
        link.set_master(lan.node, f"a{number}", "br1")
    link.set_address(lan.node, "br1", br1.mac)
    link.set_master(lan.node, "a1", None)  # the port it had it from leaves
    entry = br1.fdb.entries[br1.mac]
    assert entry.local
    assert entry.port is None
    link.set_address(lan.node, "br1", "02:00:00:00:07:07")
    assert sorted(mac_text(m) for m in br1.fdb.entries) == ["02:00:00:00:05:05", "02:00:00:00:07:07"]


def test_a_mac_that_two_ports_have_stays_local_when_one_changes_or_leaves(lan: Lan) -> None:
    same = "02:00:00:00:05:05"
    br1 = unpinned(lan, [same, same, same])
    ports = []
    for number in (0, 1, 2):
        link.set_master(lan.node, f"a{number}", "br1")
    raw = br1.fdb.entries[bytes.fromhex("020000000505")]
    ports.append(raw.port)
    link.set_address(lan.node, "a0", "02:00:00:00:06:06")
    ports.append(raw.port)
    link.set_master(lan.node, "a2", None)
    ports.append(raw.port)
    link.set_address(lan.node, "a1", same)
    ports.append(raw.port)
    assert [port.dev.name if port is not None else "-" for port in ports] == ["a0", "a2", "a1", "-"]  # the bridge has it too
    assert raw.local


def test_a_bridge_without_ports_has_no_mac_and_no_entry(lan: Lan) -> None:
    br1 = unpinned(lan, [mac(0x30)])
    link.set_master(lan.node, "a0", "br1")
    assert list(br1.fdb.entries) == [br1.mac]
    link.set_master(lan.node, "a0", None)
    assert br1.mac == bytes(6)
    assert br1.fdb.entries == {}


def test_its_mtu_is_the_smallest_of_its_ports_until_somebody_sets_it(lan: Lan) -> None:
    assert lan.bridge.mtu == 1500
    link.set_mtu(lan.node, "p1", 1400)
    assert lan.bridge.mtu == 1400
    link.set_mtu(lan.node, "p1", 9000)
    assert lan.bridge.mtu == 1500
    link.set_mtu(lan.node, "br0", 1300)
    link.set_mtu(lan.node, "p1", 1200)
    assert lan.bridge.mtu == 1300


def test_carrier_follows_the_ports_once_mac_or_port_changed(lan: Lan) -> None:
    """Measured: a bridge without ports has carrier, until it loses its first port or gets its first other MAC."""
    br1 = unpinned(lan, ["02:00:00:00:05:05"])
    assert (br1.carrier, br1.operstate) == (True, "UNKNOWN")
    link.set_master(lan.node, "a0", "br1")
    lan.run()
    assert (br1.carrier, br1.operstate) == (True, "UP")
    link.set_down(lan.node, "b0")
    lan.run()
    assert (br1.carrier, br1.operstate) == (False, "DOWN")
    link.set_up(lan.node, "b0")
    assert not br1.carrier
    lan.run()
    assert br1.carrier
    link.set_master(lan.node, "a0", None)
    assert not br1.carrier
    assert not link.add_bridge(lan.node, "br2", "02:00:00:00:08:08").carrier


def test_a_dead_port_takes_the_carrier_of_a_new_bridge_unless_its_mac_is_pinned(lan: Lan) -> None:
    for number, pinned in enumerate((False, True)):
        bridge = link.add_bridge(lan.node, f"b{number}")
        link.set_up(lan.node, f"b{number}")
        if pinned:
            link.set_address(lan.node, f"b{number}", bridge.mac)
        link.add_veth(lan.node, f"x{number}", lan.node, f"y{number}")
        link.set_master(lan.node, f"x{number}", f"b{number}")
        lan.run()
        assert bridge.carrier == pinned


def test_a_port_forwards_a_moment_after_its_carrier_came(lan: Lan) -> None:
    port = lan.node.device("p1").port
    assert port.state == FORWARDING
    lan.send(1, frame(BROADCAST, mac(1)))
    link.set_down(lan.host("h1"), "eth0")
    lan.run()
    assert port.state == DISABLED
    assert lan.fdb() == {}  # what was learned there is forgotten
    link.set_up(lan.host("h1"), "eth0")
    assert port.state == DISABLED
    lan.run()
    assert port.state == FORWARDING


def test_a_bridge_that_is_down_bridges_nothing(lan: Lan) -> None:
    link.set_down(lan.node, "br0")
    lan.send(1, frame(BROADCAST, mac(1)))
    assert lan.reasons() == ["BRIDGE_INGRESS_STP_STATE"]
    link.set_up(lan.node, "br0")
    lan.forget()
    lan.send(1, frame(BROADCAST, mac(1)))
    assert lan.seen("h2.eth0 rx")


def test_a_port_that_leaves_takes_its_entries_with_it(lan: Lan) -> None:
    lan.send(1, frame(BROADCAST, mac(1)))
    link.delete(lan.node, "p1")
    assert lan.fdb() == {}
    assert [port.dev.name for port in lan.bridge.ports] == ["p2"]
    assert "eth0" not in lan.host("h1").devices  # a veth takes its peer along


def test_deleting_the_bridge_releases_its_ports(lan: Lan) -> None:
    lan.send(1, frame(BROADCAST, mac(1)))
    link.delete(lan.node, "br0")
    assert lan.node.device("p1").master is None
    assert lan.node.device("p1").promiscuity == 0
    lan.run(400)
    assert "br0" not in lan.node.devices


def test_a_port_is_promiscuous_and_hears_nothing_by_itself(lan: Lan) -> None:
    assert lan.node.device("p1").promiscuity == 1


def test_a_bridge_has_1023_ports_at_most(lan: Lan) -> None:
    br1 = link.add_bridge(lan.node, "br1")
    for number in range(0, 1024, 2):
        link.add_veth(lan.node, f"v{number}", lan.node, f"v{number + 1}")
    for number in range(1023):
        link.set_master(lan.node, f"v{number}", "br1")
    with pytest.raises(OSError, match="br1 in node has 1023 ports already: no room for v1023"):
        link.set_master(lan.node, "v1023", "br1")
    link.set_master(lan.node, "v5", None)
    link.set_master(lan.node, "v1023", "br1")
    assert sorted(port.number for port in br1.ports) == list(range(1, 1024))
