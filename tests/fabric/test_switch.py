"""The switch between machines."""

from __future__ import annotations

import pytest

from emu.fabric import World
from emu.iproute import link
from tests.net.lan import BROADCAST, Record, frame, inject, mac


class Star(Record):
    """Machines m1, m2, m3 at switch `sw`."""

    def __init__(self) -> None:
        super().__init__(World(1))
        self.switch = self.world.add_switch("sw")
        for number in (1, 2, 3):
            machine = self.world.add_machine(f"m{number}")
            self.world.cable(machine.add_nic(mac=bytes([2, 0, 0, 0, 0, number])), self.switch.add_port())
            link.set_up(machine.netns, "eth0")
        self.run()

    def run(self, seconds: float = 0.01) -> None:
        self.world.sim.run(self.world.sim.now + round(seconds * 10**9))

    def send(self, number: int, wire: bytes) -> None:
        nic = self.world.machines[f"m{number}"].nics[0]
        nic.transmit(nic.netns.born(0x88B5, wire[14:], wire[:14]))
        self.run()


@pytest.fixture
def star() -> Star:
    return Star()


def test_it_learns_floods_and_forwards(star: Star) -> None:
    star.send(1, frame(mac(2), mac(1)))
    assert star.places() == ["m1.eth0 tx", "sw.p1 rx", "sw.p2 tx", "sw.p3 tx", "m2.eth0 rx", "m3.eth0 rx"]
    star.forget()
    star.send(2, frame(mac(1), mac(2)))
    assert star.places() == ["m2.eth0 tx", "sw.p2 rx", "sw.p1 tx", "m1.eth0 rx"]
    assert star.text("fdb") == ["FDB hit: 02:00:00:00:00:01 on p1"]
    star.ledger.check()


def test_entries_age_and_move(star: Star) -> None:
    star.send(1, frame(BROADCAST, mac(9)))
    star.send(2, frame(BROADCAST, mac(9)))
    entry = star.switch.fdb.entries[bytes([2, 0, 0, 0, 0, 9])]
    assert entry.port is star.switch.ports[1]
    star.run(301)
    assert not star.switch.fdb.entries


def test_what_is_behind_the_port_it_came_from_goes_nowhere(star: Star) -> None:
    star.send(1, frame(BROADCAST, mac(9)))
    star.forget()
    star.send(1, frame(mac(9), mac(1)))
    assert star.drops == [("sw", "NO_TX_TARGET", "sw: 02:00:00:00:00:09 is behind p1, where the frame came from")]
    star.ledger.check()


def test_dead_ports_are_left_out(star: Star) -> None:
    link.set_down(star.world.machines["m3"].netns, "eth0")
    star.forget()
    star.send(1, frame(BROADCAST, mac(1)))
    assert star.text("flood") == ["flooded to p2"]
    star.send(2, frame(BROADCAST, mac(2)))
    link.set_down(star.world.machines["m2"].netns, "eth0")
    star.forget()
    star.send(1, frame(mac(2), mac(1)))  # what was behind the port went with its link
    assert star.reasons() == ["NO_TX_TARGET"]
    star.send(1, frame(BROADCAST, mac(1)))
    assert star.reasons()[1:] == ["NO_TX_TARGET"]
    star.ledger.check()


def test_frames_of_every_length(star: Star) -> None:
    whole = frame(BROADCAST, mac(1))
    for length in range(len(whole)):
        inject(star.switch.ports[0], whole[:length])
    star.run()
    assert star.reasons().count("HDR_TRUNC") == 14
    star.ledger.check()


def test_a_group_address_is_not_learned(star: Star) -> None:
    inject(star.switch.ports[0], frame(mac(2), "01:00:5e:00:00:01"))
    star.run()
    assert not star.switch.fdb.entries


def test_ports_have_names(star: Star) -> None:
    uplink = star.switch.add_port("uplink")
    assert [port.name for port in star.switch.ports] == ["p1", "p2", "p3", "uplink"]
    assert uplink.netns.name == "sw"
    with pytest.raises(OSError, match="File exists: uplink in sw"):
        star.switch.add_port("uplink")
