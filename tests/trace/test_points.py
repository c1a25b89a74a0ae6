"""Tracepoints call whoever is attached, in order, and nobody else."""

from __future__ import annotations

import pytest

from emu.sim import Sim
from emu.trace import Tracepoints
from emu.trace.points import BORN
from emu.wire.frame import Frame

pytestmark = pytest.mark.usefixtures("unbalanced")


@pytest.fixture
def tp() -> Tracepoints:
    tp = Tracepoints(Sim())
    tp.drop = tp.life = ()  # the ledger of the tests
    return tp


def test_with_nobody_attached_a_tracepoint_is_false(tp: Tracepoints) -> None:
    assert [tp.frame, tp.step, tp.drop, tp.life] == [(), (), (), ()]


def test_each_kind_tells_what_it_promises(tp: Tracepoints) -> None:
    told: list[tuple[object, ...]] = []
    for kind in ("frame", "step", "drop", "life"):
        tp.attach(kind, lambda *args, kind=kind: told.append((kind, *args)))
    tp.sim.now, tp.sim.cause = 7, 3
    frame = Frame.make(b"x", 1)
    tp.on_frame("eth0", "tx", frame)
    tp.on_step("ns", 1, "route", "default")
    tp.on_drop("ns", "eth0", 1, "NO_SOCKET", "nobody", b"x")
    tp.on_life(BORN, 1, 2)
    assert told == [
        ("frame", 7, "eth0", "tx", frame),
        ("step", 7, "ns", 1, "route", "default"),
        ("drop", 7, "ns", "eth0", 1, "NO_SOCKET", "nobody", b"x"),
        ("life", "born", 1, 2, 3),
    ]


def test_observers_are_called_in_the_order_they_came_and_may_go_in_any(tp: Tracepoints) -> None:
    told: list[str] = []
    first, second = tp.attach("step", lambda *_: told.append("first")), tp.attach("step", lambda *_: told.append("second"))
    tp.on_step("ns", 1, "x", "")
    first()
    tp.on_step("ns", 1, "x", "")
    second()
    second()
    assert told == ["first", "second", "second"]
    assert tp.step == ()


def test_an_observer_may_leave_while_it_is_called(tp: Tracepoints) -> None:
    told: list[int] = []

    def once(*_: object) -> None:
        told.append(1)
        leave()

    leave = tp.attach("step", once)
    tp.attach("step", lambda *_: told.append(2))
    tp.on_step("ns", 1, "x", "")
    tp.on_step("ns", 1, "x", "")
    assert told == [1, 2, 2]


def test_an_observer_attached_twice_leaves_at_once(tp: Tracepoints) -> None:
    told: list[int] = []

    def count(*_: object) -> None:
        told.append(1)

    tp.attach("life", count)
    leave = tp.attach("life", count)
    tp.on_life(BORN, 1)
    leave()
    tp.on_life(BORN, 2)
    assert told == [1, 1]


def test_an_unknown_kind_is_refused(tp: Tracepoints) -> None:
    with pytest.raises(AttributeError):
        tp.attach("frames", print)
