"""Named random streams: each draws for itself, and one can be given."""

from __future__ import annotations

import pytest

from emu.sim import Sim, Stream


def test_a_stream_depends_on_its_name_and_the_seed_only() -> None:
    one, other = Sim(1), Sim(1)
    other.stream("b").random()
    assert one.stream("a").random() == other.stream("a").random() != Sim(2).stream("a").random()


def test_a_pick_lies_in_its_range() -> None:
    stream = Sim(1).stream("ports")
    assert {stream.pick(600, 3) for _ in range(50)} == {600, 601, 602}
    assert {stream.pick(1024, 64512) >= 1024 for _ in range(50)} == {True}


def test_draws_can_come_from_elsewhere_but_not_in_between() -> None:
    class Sevens(Stream):
        def pick(self, low: int, size: int) -> int:
            return 7

    sim = Sim(1)
    sim.use_stream("ports", Sevens())
    assert sim.stream("ports").pick(1, 100) == 7
    with pytest.raises(ValueError, match="has been drawn from"):
        sim.use_stream("ports", Sevens())
