"""A loop of bridges ends in an error that names it."""

from __future__ import annotations

import pytest

from emu.fabric import World
from emu.iproute import link
from emu.net.bridge_loop import ROUNDS, BridgeLoop, LoopGuard
from emu.wire.frame import Frame
from tests.net.lan import BROADCAST, Lan, frame, mac, who_has


@pytest.mark.usefixtures("unbalanced")
def test_two_bridges_with_two_links_between_them() -> None:
    lan = Lan(hosts=1)
    link.add_bridge(lan.node, "br1")
    link.set_up(lan.node, "br1")
    for number in (1, 2):
        link.add_veth(lan.node, f"x{number}", lan.node, f"y{number}")
        for name, master in ((f"x{number}", "br0"), (f"y{number}", "br1")):
            link.set_master(lan.node, name, master)
            link.set_up(lan.node, name)
    lan.run()
    with pytest.raises(BridgeLoop) as caught:
        lan.send(1, who_has("10.0.0.7", "10.0.0.1", mac(1)), seconds=10)
    text = str(caught.value)
    assert text.startswith("layer-2 loop: the same frame 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff ethertype 0x0806 keeps coming in by ")
    for port in ("node.x1 (port of br0)", "node.x2 (port of br0)", "node.y1 (port of br1)", "node.y2 (port of br1)"):
        assert port in text
    assert "p1" not in text
    assert len(lan.frames) < 20 * ROUNDS
    assert lan.drops[-1][1:] == ("EMU_LAYER2_LOOP", text)


@pytest.mark.usefixtures("unbalanced")
def test_a_loop_of_switches_and_bridges() -> None:
    world = World(1)
    machine = world.add_machine("node")
    link.add_bridge(machine.netns, "br0")
    link.set_up(machine.netns, "br0")
    switch = world.add_switch("sw")
    for _ in range(2):
        nic = machine.add_nic()
        world.cable(nic, switch.add_port())
        link.set_master(machine.netns, nic.name, "br0")
        link.set_up(machine.netns, nic.name)
    outside = world.add_machine("outside")
    nic = outside.add_nic()
    world.cable(nic, switch.add_port())
    link.set_up(outside.netns, "eth0")
    world.sim.run(10**9)
    wire = frame(BROADCAST, mac(1))
    nic.transmit(outside.netns.born(0x88B5, wire[14:], wire[:14]))
    with pytest.raises(BridgeLoop, match=r"sw.p1 \(port of sw\).*node.eth0 \(port of br0\)|node.eth0 \(port of br0\).*sw.p1 \(port of sw\)"):
        world.sim.run(20 * 10**9)


def test_the_guard_remembers_a_bounded_number_of_frames_and_rather_those_that_come_often() -> None:
    lan = Lan(hosts=1)
    guard = LoopGuard()
    dev = lan.node.device("p1")
    for _ in range(5):
        guard.seen(dev, Frame.make(b"round", 1))
    for number in range(20_000):
        guard.seen(dev, Frame.make(b"overtaken", number + 2))
    assert len(guard.rounds) <= 4096
    assert guard.rounds[1, hash(b"round")] == 5


def test_a_storm_of_many_frames_is_noticed() -> None:
    lan = Lan(hosts=1)
    link.add_bridge(lan.node, "br1")
    link.set_up(lan.node, "br1")
    for number in (1, 2):
        link.add_veth(lan.node, f"x{number}", lan.node, f"y{number}")
        for name, master in ((f"x{number}", "br0"), (f"y{number}", "br1")):
            link.set_master(lan.node, name, master)
            link.set_up(lan.node, name)
    lan.run()
    for number in range(100):
        lan.queue(1, frame(BROADCAST, mac(1), number.to_bytes(4, "big")))
    with pytest.raises(BridgeLoop):
        lan.run(10)


def test_the_same_bytes_sent_again_and_again_are_no_loop() -> None:
    lan = Lan(hosts=2)
    for _ in range(3 * ROUNDS):
        lan.queue(1, frame(BROADCAST, mac(1)))
    lan.run()
    assert len(lan.seen("h2.eth0 rx")) == 3 * ROUNDS
    assert lan.node.device("p1").port.guard is None
