"""veth: carrier follows both ends, frames cross by the event loop."""

from __future__ import annotations

import pytest

from emu.iproute import link
from emu.net.veth import Veth
from tests.net.lan import BROADCAST, Lan, frame, mac


@pytest.fixture
def lan() -> Lan:
    return Lan(hosts=0)


@pytest.fixture
def pair(lan: Lan) -> tuple[Veth, Veth]:
    return link.add_veth(lan.node, "a", lan.machine.add_netns("far"), "b", mac(1), mac(2))


def send(lan: Lan, dev: Veth, wire: bytes) -> None:
    dev.transmit(dev.netns.born(0x88B5, wire[14:], wire[:14]))
    lan.run()


def test_carrier_needs_both_ends_up(lan: Lan, pair: tuple[Veth, Veth]) -> None:
    a, b = pair
    states = [(a.carrier, b.carrier)]
    for dev, up in ((a, True), (b, True), (a, False), (a, True), (b, False)):
        (dev.open if up else dev.close)()
        states.append((a.carrier, b.carrier))
    dead, alive = (False, False), (True, True)
    assert states == [dead, dead, alive, dead, alive, dead]


def test_a_frame_arrives_a_moment_later(lan: Lan, pair: tuple[Veth, Veth]) -> None:
    a, b = pair
    a.open()
    b.open()
    lan.run()
    lan.forget()
    wire = frame(mac(2), mac(1))
    a.transmit(a.netns.born(0x88B5, wire[14:], wire[:14]))
    assert lan.places() == ["node.a tx"]
    start = lan.sim.now
    lan.run()
    assert [(t - start, place, w) for t, place, w in lan.frames] == [(0, "node.a tx", wire), (1000, "far.b rx", wire)]
    assert (a.tx_packets, a.tx_bytes, b.rx_packets, b.rx_bytes) == (1, 21, 1, 21)


def test_without_carrier_nothing_is_sent(lan: Lan, pair: tuple[Veth, Veth]) -> None:
    a, _ = pair
    a.open()
    send(lan, a, frame(BROADCAST, mac(1)))
    assert lan.drops == [("node", "QDISC_DROP", "a has no carrier")]
    assert lan.frames == []
    a.close()
    send(lan, a, frame(BROADCAST, mac(1)))
    assert lan.drops[1] == ("node", "QDISC_DROP", "a is down")


@pytest.mark.parametrize(("length", "passes"), [(1518, True), (1519, False)])
def test_the_other_ends_mtu_limits_frames(lan: Lan, pair: tuple[Veth, Veth], length: int, passes: bool) -> None:
    a, b = pair
    a.open()
    b.open()
    send(lan, a, frame(mac(2), mac(1), bytes(length - 14)))
    assert len(lan.seen("node.a tx")) == 1
    assert len(lan.seen("far.b rx")) == passes
    if not passes:
        assert lan.drops == [("node", "NOT_SPECIFIED", "1519 bytes do not fit the MTU 1500 of the other end, b")]
        assert (a.tx_dropped, b.rx_dropped) == (1, 1)


def test_a_frame_under_way_to_an_end_that_goes_down(lan: Lan, pair: tuple[Veth, Veth]) -> None:
    a, b = pair
    a.open()
    b.open()
    wire = frame(mac(2), mac(1))
    a.transmit(a.netns.born(0x88B5, wire[14:], wire[:14]))
    b.close()
    lan.run()
    assert lan.drops == [("far", "DEV_READY", "b is down")]
    lan.ledger.check()


def test_a_frame_under_way_to_a_device_or_a_namespace_that_goes(lan: Lan) -> None:
    for gone, drop in (("device", ("far1", "EMU_DEVICE_GONE", "b is gone")), ("netns", ("far2", "EMU_NETNS_GONE", "far2 is gone"))):
        name = drop[0]
        a, b = link.add_veth(lan.node, "a", lan.machine.add_netns(name), "b", mac(1), mac(2))
        a.open()
        b.open()
        lan.forget()
        wire = frame(mac(2), mac(1))
        a.transmit(a.netns.born(0x88B5, wire[14:], wire[:14]))
        if gone == "device":
            link.delete(lan.node, "a")
        else:
            lan.machine.delete_netns(name)
        lan.run()
        assert lan.drops == [drop]
    lan.ledger.check()


def test_the_ends_go_together(lan: Lan, pair: tuple[Veth, Veth]) -> None:
    link.delete(lan.host("far"), "b")
    assert "a" not in lan.node.devices
    assert all(dev.dead for dev in pair)


def test_frames_keep_their_order(lan: Lan, pair: tuple[Veth, Veth]) -> None:
    a, b = pair
    a.open()
    b.open()
    for number in range(5):
        wire = frame(mac(2), mac(1), bytes([number]))
        a.transmit(a.netns.born(0x88B5, wire[14:], wire[:14]))
    lan.run()
    assert [wire[14] for wire in lan.seen("far.b rx")] == [0, 1, 2, 3, 4]
