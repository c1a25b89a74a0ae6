"""Machines, their namespaces, and switching them off and on."""

from __future__ import annotations

import pytest

from emu.fabric import World
from emu.iproute import link, neigh
from tests.net.lan import BROADCAST, Lan, Record, frame, give, mac


def test_a_machine_has_a_root_namespace_and_named_ones() -> None:
    world = World(1)
    machine = world.add_machine("node1")
    pod = machine.add_netns("web")
    assert machine.namespace("node1") is machine.netns
    assert machine.namespace("web") is pod
    assert [ns.name for ns in world.namespaces()] == ["node1", "web"]
    assert [list(ns.devices) for ns in world.namespaces()] == [["lo"], ["lo"]]
    with pytest.raises(OSError, match='No such namespace "db" on node1'):
        machine.namespace("db")
    with pytest.raises(OSError, match='Cannot remove namespace "db" on node1: No such namespace'):
        machine.delete_netns("db")


def test_names_are_unique_in_the_world() -> None:
    world = World(1)
    one, two = world.add_machine("one"), world.add_machine("two")
    world.add_switch("sw")
    one.add_netns("web")
    for make in (lambda: two.add_netns("web"), lambda: two.add_netns("one"), lambda: world.add_machine("web"), lambda: world.add_switch("web")):
        with pytest.raises(OSError, match="File exists: the name"):
            make()
    with pytest.raises(OSError, match='the name "sw" is in use by <switch sw>'):
        world.add_machine("sw")
    one.delete_netns("web")
    two.add_netns("web")
    assert list(world.machines) == ["one", "two"]
    assert list(world.switches) == ["sw"]


@pytest.mark.parametrize("name", ["", "a/b", ".", "..", "x" * 256])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(OSError, match="cannot name a namespace on node1"):
        World(1).add_machine("node1").add_netns(name)


def test_machines_and_switches_need_names() -> None:
    for make in (World(1).add_machine, World(1).add_switch):
        with pytest.raises(OSError, match="needs a name"):
            make("")


def test_a_namespace_that_goes_takes_its_devices_and_their_peers() -> None:
    lan = Lan(hosts=2)
    lan.ping("h1", "10.0.0.9")  # one packet waits
    gone = lan.host("h1")
    lan.machine.delete_netns("h1")
    assert gone.gone
    assert list(gone.devices) == []
    assert "p1" not in lan.node.devices
    assert lan.reasons() == ["QUEUE_PURGE"]
    lan.run(400)
    lan.ledger.check()


def test_a_card_comes_back_from_a_namespace_that_goes() -> None:
    world = World(1)
    machine = world.add_machine("m")
    nic = machine.add_nic()
    other = machine.add_netns("other")
    link.move(machine.netns, "eth0", other)
    assert nic.netns is other
    machine.delete_netns("other")
    assert nic.netns is machine.netns
    assert not nic.up
    assert machine.netns.device("eth0") is nic


class Pair(Record):
    """m1 and m2 with a cable; m1 has a pod."""

    def __init__(self) -> None:
        super().__init__(World(1))
        self.machines = [self.world.add_machine(name) for name in ("m1", "m2")]
        for number, machine in enumerate(self.machines, 1):
            machine.add_nic(mac=bytes([2, 0, 0, 0, 0, number]))
            self.configure(machine)
        self.cable = self.world.cable(*(machine.nics[0] for machine in self.machines))
        self.run()

    def configure(self, machine: object) -> None:
        ns = machine.netns  # type: ignore[attr-defined]
        give(ns, "eth0", f"10.0.0.{ns.name[1:]}/24")
        link.set_up(ns, "eth0")

    def run(self, seconds: float = 0.01) -> None:
        self.world.sim.run(self.world.sim.now + round(seconds * 10**9))


def test_a_machine_that_is_off_loses_everything_but_its_cards() -> None:
    pair = Pair()
    m1, m2 = pair.machines
    link.add_veth(m1.netns, "veth0", m1.add_netns("pod"), "eth0")
    neigh.add(m1.netns, "10.0.0.2", "eth0", mac(2))
    before = m1.netns
    m1.shut_down()
    assert before.gone
    assert not m2.nics[0].carrier
    assert list(m1.namespaces) == []
    m1.reboot()
    assert m1.netns is not before
    assert m1.netns.name == "m1"
    assert m1.kernel.neigh_entries == 0
    assert list(m1.netns.devices) == ["lo", "eth0"]
    nic = m1.nics[0]
    assert (nic.mac.hex(), nic.up, nic.addresses, nic.ifindex) == ("020000000001", False, (), 2)
    pair.configure(m1)
    assert m2.nics[0].carrier
    m1.add_netns("pod")


def test_frames_under_way_to_a_machine_that_goes_off() -> None:
    pair = Pair()
    m1, m2 = pair.machines
    wire = frame(BROADCAST, mac(2))
    m2.nics[0].transmit(m2.netns.born(0x88B5, wire[14:], wire[:14]))
    m1.shut_down()
    pair.run()
    assert pair.drops == [("m1", "EMU_NETNS_GONE", "m1 is gone")]
    pair.ledger.check()


def test_frames_sent_before_a_reboot_do_not_arrive_after_it() -> None:
    pair = Pair()
    m1, m2 = pair.machines
    wire = frame(BROADCAST, mac(2))
    m2.nics[0].transmit(m2.netns.born(0x88B5, wire[14:], wire[:14]))
    m1.reboot()
    pair.run()
    assert pair.reasons() == ["DEV_READY"]
    pair.ledger.check()


def test_cards_get_names_and_random_macs() -> None:
    machine = World(5).add_machine("m")
    assert [machine.add_nic().name, machine.add_nic("lan").name, machine.add_nic().name] == ["eth0", "lan", "eth2"]
    assert len(dict.fromkeys(nic.mac for nic in machine.nics)) == 3
