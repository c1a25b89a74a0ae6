"""What all devices have in common."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.iproute import link
from emu.net import notifier
from emu.net.device import NetDevice, random_mac
from emu.net.skb import PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST
from emu.sim import Sim
from tests.net.lan import BROADCAST, Lan, frame, mac


@pytest.fixture
def lan() -> Lan:
    return Lan(hosts=1)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    seen: list[tuple[str, str]] = []
    monkeypatch.setattr(notifier, "_chain", [*notifier._chain, (9, lambda dev, event: seen.append((dev.name, event)))])
    return seen


@pytest.mark.parametrize(
    ("dst", "kind"),
    [(mac(1), PACKET_HOST), (BROADCAST, PACKET_BROADCAST), ("01:00:5e:00:00:01", PACKET_MULTICAST), (mac(9), PACKET_OTHERHOST)],
)
def test_whom_a_frame_is_for(lan: Lan, dst: str, kind: int) -> None:
    kinds: list[int] = []
    h1 = lan.host("h1")
    h1.handlers = {**h1.handlers, 0x88B5: lambda ns, skb: (kinds.append(skb.pkt_type), ns.delivered(skb))}
    lan.receive(1, frame(dst, mac(2)))
    assert kinds == [kind]


def test_what_nobody_handles_is_dropped(lan: Lan) -> None:
    lan.receive(1, frame(mac(1), mac(2), ethertype=0x86DD))
    lan.receive(1, frame(mac(9), mac(2), ethertype=0x86DD))
    assert lan.reasons() == ["UNHANDLED_PROTO", "UNHANDLED_PROTO"]


@given(st.binary(max_size=80))
def test_no_frame_raises(wire: bytes) -> None:
    lan = Lan(hosts=1)
    lan.receive(1, wire)
    lan.receive(1, bytes.fromhex("020000000001") + wire)
    lan.run(40)
    lan.ledger.check()


def test_the_order_of_events(lan: Lan, events: list[tuple[str, str]]) -> None:
    link.add_veth(lan.node, "a", lan.node, "b")
    link.set_up(lan.node, "a")
    link.set_up(lan.node, "b")
    lan.run()
    link.set_address(lan.node, "a", mac(7))
    link.set_mtu(lan.node, "a", 1400)
    link.rename(lan.node, "b", "c")
    link.set_down(lan.node, "c")
    lan.run()
    link.delete(lan.node, "c")
    assert events == [
        ("b", "REGISTER"), ("a", "REGISTER"),
        ("a", "UP"), ("b", "UP"),
        ("b", "CHANGE"), ("a", "CHANGE"),
        ("a", "CHANGEADDR"), ("a", "CHANGEMTU"), ("c", "CHANGENAME"),
        ("c", "GOING_DOWN"), ("c", "DOWN"),
        ("a", "CHANGE"),
        ("c", "UNREGISTER"), ("a", "GOING_DOWN"), ("a", "DOWN"), ("a", "UNREGISTER"),
    ]  # fmt: skip


def test_setting_what_is_set_tells_nobody(lan: Lan, events: list[tuple[str, str]]) -> None:
    link.set_up(lan.node, "p1")
    link.set_mtu(lan.node, "p1", 1500)
    assert events == []


def test_setting_the_mac_it_has_is_told(lan: Lan, events: list[tuple[str, str]]) -> None:
    link.set_address(lan.node, "p1", lan.node.device("p1").mac)
    assert events == [("p1", "CHANGEADDR")]


def test_a_carrier_that_flaps_is_told_once(lan: Lan, events: list[tuple[str, str]]) -> None:
    dev = lan.eth0(1)
    for _ in range(3):
        dev.set_carrier(False)
        dev.set_carrier(True)
    lan.run()
    assert events == [("eth0", "CHANGE")]


def test_a_device_that_comes_to_a_namespace_where_its_name_is_taken(lan: Lan) -> None:
    a, _ = link.add_veth(lan.node, "eth0", lan.node, "b")
    index = a.ifindex
    a.leave()
    a.join(lan.host("h1"))
    assert a.name == "dev0"
    assert lan.host("h1").devices["dev0"] is a
    assert a.ifindex == index  # it is free there (dev_change_net_namespace)


def test_random_macs_are_local_unicast_and_come_from_the_seed() -> None:
    macs = [random_mac(Sim(seed)) for seed in (1, 1, 2)]
    assert macs[0] == macs[1] != macs[2]
    sim = Sim(3)
    drawn = [random_mac(sim) for _ in range(100)]
    assert len(dict.fromkeys(drawn)) == 100
    assert all(m[0] & 3 == 2 for m in drawn)


@pytest.mark.usefixtures("unbalanced")
def test_a_kind_without_a_medium_cannot_send(lan: Lan) -> None:
    dev = NetDevice("x", bytes(6))
    lan.node.add_device(dev)
    dev.open()
    with pytest.raises(NotImplementedError):
        dev.transmit(lan.node.born(0, b"", bytes(14)))
