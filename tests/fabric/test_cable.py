"""Cables: delay, loss, unplugging."""

from __future__ import annotations

import pytest

from emu.fabric import Cable, World
from emu.iproute import link
from emu.net.nic import Nic
from tests.net.lan import Record, frame, mac


class Two(Record):
    """Machines a and b with a cable between their eth0."""

    def __init__(self) -> None:
        super().__init__(World(1))
        self.a, self.b = (self.world.add_machine(name).add_nic(mac=bytes([2, 0, 0, 0, 0, n])) for name, n in (("a", 1), ("b", 2)))
        self.cable: Cable = self.world.cable(self.a, self.b)
        for machine in self.world.machines.values():
            link.set_up(machine.netns, "eth0")
        self.run()

    def run(self, seconds: float = 0.01) -> None:
        self.world.sim.run(self.world.sim.now + round(seconds * 10**9))

    def send(self, nic: Nic, number: int = 0) -> None:
        wire = frame(mac(2), mac(1), bytes([number]))
        nic.transmit(nic.netns.born(0x88B5, wire[14:], wire[:14]))

    def sent(self, count: int, source: Nic | None = None) -> list[int]:
        """Send that many; which arrived."""
        source = source or self.a
        for number in range(count):
            self.send(source, number)
        self.run()
        target = "b" if source is self.a else "a"
        arrived = [wire[14] for wire in self.seen(f"{target}.eth0 rx")]
        self.forget()
        return arrived


@pytest.fixture
def two() -> Two:
    return Two()


def test_a_frame_takes_the_cables_delay(two: Two) -> None:
    for delay in (50_000, 3_000_000):
        two.cable.delay_ns = delay
        two.forget()
        start = two.world.sim.now
        two.send(two.a)
        two.run()
        assert [(t - start, place) for t, place, _ in two.frames] == [(0, "a.eth0 tx"), (delay, "b.eth0 rx")]


def test_carrier_needs_the_cable_and_both_ends(two: Two) -> None:
    both = lambda: (two.a.carrier, two.b.carrier)  # noqa: E731
    assert both() == (True, True)
    two.cable.unplug()
    assert both() == (False, False)
    two.cable.plug()
    assert both() == (True, True)
    link.set_down(two.b.netns, "eth0")
    assert both() == (False, False)


def test_frames_under_way_when_the_cable_is_pulled_are_lost(two: Two) -> None:
    two.send(two.a)
    two.cable.unplug()
    two.run()
    assert two.drops == [("b", "EMU_LINK_DOWN", "the link to eth0 went down while the frame was under way")]
    two.ledger.check()


def test_a_cable_put_back_at_once_does_not_bring_back_what_was_under_way(two: Two) -> None:
    two.send(two.a)
    two.run(0.00001)
    two.cable.unplug()
    two.cable.plug()
    two.send(two.a, 1)
    two.run()
    assert [wire[14] for wire in two.seen("b.eth0 rx")] == [1]
    assert two.reasons()[0] == "EMU_LINK_DOWN"
    two.ledger.check()


def test_frames_under_way_when_the_other_end_goes_down_are_lost(two: Two) -> None:
    two.send(two.a)
    link.set_down(two.b.netns, "eth0")
    two.run()
    assert two.drops == [("b", "DEV_READY", "eth0 is down")]
    two.ledger.check()


@pytest.mark.parametrize("mask", [0b10110, [0, 1, 1, 0, 1], [False, True, True, False, True], (0, 1, 1, 0, 1, 0, 0)])
def test_a_mask_says_which_frames_are_lost(two: Two, mask: object) -> None:
    two.cable.lose(mask)  # type: ignore[arg-type]
    assert two.sent(8) == [0, 3, 5, 6, 7]
    assert two.sent(8) == list(range(8))
    two.ledger.check()


def test_lost_frames_are_dropped_with_a_reason(two: Two) -> None:
    two.cable.lose(1)
    two.send(two.a)
    two.run()
    assert two.drops == [("a", "EMU_WIRE_LOSS", "lost on the cable from eth0 to b.eth0")]
    assert two.places() == ["a.eth0 tx"]


def test_a_function_says_which_frames_are_lost(two: Two) -> None:
    two.cable.lose(lambda f: f.wire[14] % 2 == 0)
    assert two.sent(6) == [1, 3, 5]
    two.cable.lose(None)
    assert two.sent(3) == [0, 1, 2]


def test_each_direction_counts_for_itself(two: Two) -> None:
    two.cable.lose(0b1)
    assert two.sent(2) == [1]
    assert two.sent(2, two.b) == [1]
    two.cable.lose(0b1, source=two.b)
    assert two.sent(2) == [0, 1]
    assert two.sent(2, two.b) == [1]


def test_random_loss_comes_from_the_seed() -> None:
    arrived = []
    for _ in range(2):
        two = Two()
        two.cable.lose_randomly(0.3)
        arrived.append(two.sent(200))
    assert arrived[0] == arrived[1]
    assert 110 < len(arrived[0]) < 170
    two.cable.lose_randomly(0)
    assert len(two.sent(20)) == 20


def test_what_a_cable_refuses(two: Two) -> None:
    third = two.world.add_machine("c").add_nic()
    with pytest.raises(OSError, match="there is a cable in eth0 in a already"):
        two.world.cable(two.a, third)
    with pytest.raises(OSError, match="a cable needs two ends: eth0 in c"):
        two.world.cable(third, third)
    with pytest.raises(ValueError, match=r"eth0 in c is not an end of <cable a\.eth0 - b\.eth0>"):
        two.cable.lose(1, source=third)
    with pytest.raises(ValueError, match="a probability is between 0 and 1: 2"):
        two.cable.lose_randomly(2)
    with pytest.raises(ValueError, match="a cable's delay is not negative: -1 ns"):
        two.cable.delay_ns = -1


def test_a_cable_can_be_put_into_another_card(two: Two) -> None:
    third = two.world.add_machine("c").add_nic()
    two.cable.unplug()
    two.world.cable(two.a, third)
    link.set_up(third.netns, "eth0")
    assert third.carrier
    with pytest.raises(OSError, match="there is another cable in eth0 in a"):
        two.cable.plug()
    assert two.world.cable_of(third) is two.world.cables[1]
