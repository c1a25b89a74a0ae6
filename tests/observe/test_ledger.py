"""born + copied = delivered + dropped + merged + held, for every frame."""

from __future__ import annotations

import pytest

from emu.observe.ledger import Ledger
from emu.trace.points import BORN, COPIED, DELIVERED, DROPPED, HELD, MERGED, RELEASED
from tests.observe.stage import Stage

pytestmark = pytest.mark.usefixtures("unbalanced")


def play(*events: tuple[str, int] | tuple[str, int, int]) -> Ledger:
    stage = Stage()
    ledger = Ledger(stage.tp)
    for event, *numbers in events:
        stage.life(event, *numbers)
    return ledger


BALANCED = {
    "delivered": [(BORN, 1), (DELIVERED, 1)],
    "dropped": [(BORN, 1), (DROPPED, 1)],
    "flooded": [(BORN, 1), (COPIED, 1, 2), (DROPPED, 1), (DELIVERED, 1), (DROPPED, 1)],
    "put together": [(BORN, 1), (COPIED, 1, 2), (MERGED, 1, 2), (DELIVERED, 1)],
    "held": [(BORN, 1), (HELD, 1)],
    "held and sent": [(BORN, 1), (HELD, 1), (RELEASED, 1), (DELIVERED, 1)],
    "a copy held": [(BORN, 1), (COPIED, 1), (HELD, 1), (DELIVERED, 1)],
    "two frames": [(BORN, 1), (BORN, 2), (DELIVERED, 2), (DROPPED, 1)],
}
WRONG = {
    "lost": ([(BORN, 1)], "frame 1: 1 copies neither ended nor held, 0 on a wire"),
    "a copy lost": ([(BORN, 1), (COPIED, 1, 2), (DELIVERED, 1)], "frame 1: 2 copies"),
    "ended twice": ([(BORN, 1), (DELIVERED, 1), (DROPPED, 1)], "frame 1 was dropped but is not under way"),
    "copied after the end": ([(BORN, 1), (DELIVERED, 1), (COPIED, 1)], "frame 1 was copied but is not under way"),
    "too many ends": ([(BORN, 1), (MERGED, 1, 2)], "frame 1 was merged while it was held, or more often than it was there"),
    "ended in hold": ([(BORN, 1), (HELD, 1), (DROPPED, 1)], "frame 1 was dropped while it was held"),
    "released twice": ([(BORN, 1), (HELD, 1), (RELEASED, 1), (RELEASED, 1), (DELIVERED, 1)], "frame 1 was released more often than held"),
    "born twice": ([(BORN, 1), (BORN, 1), (DELIVERED, 1), (DELIVERED, 1)], "frame 1 was born twice"),
    "never born": ([(BORN, 1), (DELIVERED, 1), (DELIVERED, 7)], "frame 7 was delivered but is not under way"),
    "held after the end": ([(BORN, 1), (DELIVERED, 1), (HELD, 1)], "frame 1 was held but is not under way"),
}


@pytest.mark.parametrize("events", BALANCED.values(), ids=BALANCED)
def test_it_balances(events: list[tuple[str, int]]) -> None:
    play(*events).check()


@pytest.mark.parametrize(("events", "text"), WRONG.values(), ids=WRONG)
def test_it_names_the_frame_that_does_not(events: list[tuple[str, int]], text: str) -> None:
    with pytest.raises(AssertionError, match="the ledger does not balance") as caught:
        play(*events).check()
    assert text in str(caught.value)


def test_frames_on_a_wire_are_counted() -> None:
    ledger = play((BORN, 1), (COPIED, 1, 1), (DELIVERED, 1))
    ledger.check(on_wires={1: 1})
    for wires in ({}, {1: 2}):
        with pytest.raises(AssertionError, match="frame 1"):
            ledger.check(on_wires=wires)
    assert ledger.under_way() == {1: 1}


def test_frames_from_before_are_not_judged() -> None:
    stage = Stage()
    old, held = stage.born(), stage.born()
    ledger = Ledger(stage.tp)
    for event in (COPIED, DELIVERED, DROPPED):
        stage.life(event, old)
    stage.life(DELIVERED, stage.born())
    stage.life(RELEASED, held)
    stage.life(DROPPED, held)
    ledger.check()
    assert ledger.totals == {COPIED: 1, DELIVERED: 2, DROPPED: 2, BORN: 1, RELEASED: 1}


def test_detached_it_counts_no_more() -> None:
    stage = Stage()
    ledger = Ledger(stage.tp)
    ledger.detach()
    stage.born()
    ledger.check()
    assert ledger.totals == {}
