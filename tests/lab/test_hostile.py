"""Frames of any bytes, at any device of a cluster, never raise: they are dropped with a reason that has a name, and everything else goes on.

The ledger of tests/conftest.py proves at the end of each test that every frame is accounted for.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lab.hostile import Target, damaged

ROUND = 40  # frames before it is asked whether everything still works


def assault(examples: int, strategy_of: str) -> Target:
    """Fire `examples` rounds of frames at one cluster."""
    target = Target()
    wires = damaged(target.frames) if strategy_of == "damaged" else st.binary(max_size=1600)

    @settings(max_examples=examples, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 1000), wires, st.booleans()), min_size=1, max_size=ROUND))
    def fire(volley: list[tuple[int, bytes, bool]]) -> None:
        before = target.cluster.sim.now
        for device, wire, aimed in volley:
            target.fire(device, wire, aimed)
        assert target.cluster.sim.now > before

    fire()
    target.recover()
    target.works()
    return target


def test_any_bytes_at_any_device() -> None:
    target = assault(100, "bytes")
    assert target.reasons


def test_damaged_frames_at_any_device() -> None:
    target = assault(150, "damaged")
    assert len(target.reasons) >= 8


def test_every_real_frame_at_every_device() -> None:
    target = Target()
    for index in range(len(target.devices)):
        for wire in target.frames:
            target.fire(index, wire)
            target.fire(index, wire, aimed=True)
    target.recover()
    target.works()


def test_every_real_frame_cut_at_every_length() -> None:
    target = Target()
    shortest = {(wire[12:14], wire[23:24], len(wire) > 100): wire for wire in target.frames}
    for wire in shortest.values():
        for length in range(min(len(wire), 90)):
            for number in range(len(target.devices)):
                target.fire(number, wire[:length], aimed=True)
    target.recover()
    target.works()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bytes", "damaged"])
def test_a_long_assault(kind: str) -> None:
    assault(5000 if kind == "bytes" else 20000, kind)
