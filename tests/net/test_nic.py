"""Network cards: see also tests/fabric/test_cable.py."""

from __future__ import annotations

import pytest

from emu.fabric import World
from emu.iproute import link
from tests.net.lan import BROADCAST, Record, frame, mac


@pytest.fixture
def record() -> Record:
    return Record(World(1))


def test_a_card_without_a_cable_has_no_carrier(record: Record) -> None:
    machine = record.world.add_machine("m")
    nic = machine.add_nic()
    link.set_up(machine.netns, "eth0")
    nic.transmit(machine.netns.born(0x88B5, b"x", frame(BROADCAST, mac(1), b"")))
    assert record.drops == [("m", "QDISC_DROP", "eth0 has no carrier")]
    assert "<NO-CARRIER,BROADCAST,MULTICAST,UP>" in link.show(machine.netns, "eth0")
    record.ledger.check()


@pytest.mark.parametrize(("length", "arrives"), [(1518, True), (1519, False)])
def test_frames_longer_than_the_other_ends_mtu_are_lost(record: Record, length: int, arrives: bool) -> None:
    a, b = (record.world.add_machine(name) for name in ("a", "b"))
    record.world.cable(a.add_nic(), b.add_nic())
    for machine in (a, b):
        link.set_up(machine.netns, "eth0")
    a.nics[0].transmit(a.netns.born(0x88B5, bytes(length - 14), frame(BROADCAST, mac(1), b"")))
    record.world.sim.run(10**9)
    assert bool(record.seen("b.eth0 rx")) == arrives
    if not arrives:
        assert record.drops == [("a", "NOT_SPECIFIED", "1519 bytes do not fit the MTU 1500 of b.eth0")]
    record.ledger.check()
