"""A recording holds what one call caused, and every decision stands at the device visit it belongs to."""

from __future__ import annotations

import pytest

from emu.observe.recorder import Recorder, Recording
from emu.trace.points import COPIED, DELIVERED
from tests.observe.stage import Stage, udp, who_has

pytestmark = pytest.mark.usefixtures("unbalanced")


class Run(Stage):
    """A stage with a recording that is open."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.recorder = Recorder(self.sim, self.tp)
        self.recording = self.recorder.begin()

    def told(self) -> list[str]:
        """`1 a.eth0 tx: route, nat`."""
        return [f"{hop.t_ns} {hop.netns}.{hop.dev} {hop.direction}: {', '.join(text for _, text in hop.steps)}" for hop in self.recording.hops]


@pytest.fixture
def run() -> Run:
    return Run()


def test_a_routed_frame(run: Run) -> None:
    frame_id = run.born(run.recording.root)
    run.step("a", frame_id, "route", "chosen in a")
    run.frame("a.eth0", "tx", frame_id)
    run.at(1).frame("node1.veth", "rx", frame_id)
    run.step("node1", frame_id, "rule", "accepted")
    run.step("node1", frame_id, "route", "chosen in node1")
    run.frame("node1.eth0", "tx", frame_id)
    run.at(2).frame("b.eth0", "rx", frame_id)
    run.step("b", frame_id, "delivered", "to a socket")
    assert run.told() == ["0 a.eth0 tx: chosen in a", "1 node1.veth rx: accepted, chosen in node1", "1 node1.eth0 tx: ", "2 b.eth0 rx: to a socket"]


def test_a_flooded_frame_is_in_several_namespaces_in_one_instant(run: Run) -> None:
    frame_id = run.born(run.recording.root)
    run.life(COPIED, frame_id)
    run.at(1).frame("b.eth0", "rx", frame_id)
    run.frame("c.eth0", "rx", frame_id)
    run.step("b", frame_id, "arp", "answered")
    run.drop("c", frame_id, "OTHERHOST", "not c's", "c.eth0")
    assert run.told() == ["1 b.eth0 rx: answered", "1 c.eth0 rx: dropped: OTHERHOST, not c's"]


def test_a_held_frame_shows_its_decisions_when_it_goes_on(run: Run) -> None:
    held = run.born(run.recording.root)
    run.at(1).frame("node1.veth", "rx", held)
    run.step("node1", held, "route", "by eth0")
    run.at(5).step("node1", held, "neigh", "resolved")
    run.frame("node1.eth0", "tx", held)
    assert run.told() == ["1 node1.veth rx: by eth0", "5 node1.eth0 tx: resolved"]


def test_a_frame_dropped_away_from_any_device(run: Run) -> None:
    frame_id = run.born(run.recording.root)
    run.step("a", frame_id, "route", "by eth0")
    run.at(3).drop("a", frame_id, "NEIGH_FAILED", "nobody answered", wire=udp())
    [hop] = run.recording.hops
    assert run.told() == ["3 a.- -: by eth0, dropped: NEIGH_FAILED, nobody answered"]
    assert hop.wire == udp()
    [drop] = run.recording.drops
    assert (drop.t_ns, drop.netns, drop.dev, drop.reason, drop.text) == (3, "a", "-", "NEIGH_FAILED", "nobody answered")


def test_what_no_device_showed_comes_at_the_end_in_its_place(run: Run) -> None:
    frame_id = run.born(run.recording.root)
    run.frame("a.eth0", "tx", frame_id, who_has())
    run.at(5).step("a", frame_id, "neigh", "late")
    other = run.born(run.recording.root)
    run.at(9).frame("a.eth0", "tx", other)
    run.recorder.end(run.recording)
    assert run.told() == ["0 a.eth0 tx: ", "5 a.- -: late", "9 a.eth0 tx: "]
    assert run.recording.hops[1].wire == who_has()


def test_what_it_causes_belongs_to_it_and_nothing_else_does(run: Run) -> None:
    first = run.born(run.recording.root)
    reply = run.born(cause=first)
    stranger = run.born(cause=0)
    run.frame("a.eth0", "tx", first)
    run.frame("b.eth0", "tx", reply)
    run.frame("c.eth0", "tx", stranger)
    run.step("c", stranger, "route", "none of ours")
    run.drop("c", stranger, "NO_SOCKET")
    assert [hop.netns for hop in run.recording.hops] == ["a", "b"]
    assert run.recording.drops == []


def test_it_counts_what_is_in_flight(run: Run) -> None:
    frame_id = run.born(run.recording.root)
    run.life(COPIED, frame_id, 2)
    assert run.recording.in_flight == 3
    for event in (DELIVERED, "dropped", "merged"):
        run.life(event, frame_id)
    assert run.recording.in_flight == 0


def test_nothing_is_attached_when_nothing_is_recorded(run: Run) -> None:
    tp = run.tp
    attached = [len(getattr(tp, kind)) for kind in ("frame", "step", "drop", "life")]
    second = run.recorder.begin()
    assert [len(getattr(tp, kind)) for kind in ("frame", "step", "drop", "life")] == attached
    run.recorder.end(run.recording)
    run.frame("a.eth0", "tx", run.born(cause=second.root))
    run.recorder.end(second)
    assert [hop.netns for hop in second.hops] == ["a"]
    assert [len(getattr(tp, kind)) for kind in ("frame", "step")] == [0, 0]
    assert [len(getattr(tp, kind)) for kind in ("drop", "life")] == [n - 1 for n in attached[2:]]


def test_two_recordings_at_once_stay_apart(run: Run) -> None:
    second = run.recorder.begin()
    mine, other = run.born(cause=run.recording.root), run.born(cause=second.root)
    run.frame("a.eth0", "tx", mine)
    run.frame("b.eth0", "tx", other)
    run.recorder.end(run.recording)
    run.frame("b.eth1", "tx", other)
    assert [hop.dev for hop in run.recording.hops] == ["eth0"]
    assert [hop.dev for hop in second.hops] == ["eth0", "eth1"]


def test_the_call_is_the_present_cause() -> None:
    stage = Stage()
    recording = Recorder(stage.sim, stage.tp).begin()
    assert isinstance(recording, Recording)
    assert stage.sim.cause == recording.root != 0
