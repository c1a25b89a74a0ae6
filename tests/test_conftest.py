"""The guard against real sockets holds, and lets through what asyncio needs for itself; the ledger sees what is lost."""

from __future__ import annotations

import _socket
import asyncio
import socket
from functools import partial
from types import SimpleNamespace

import pytest

from emu.sim import Sim
from emu.trace import Tracepoints
from emu.trace.points import BORN, DELIVERED
from emu.wire.frame import Frame
from tests.conftest import Books, frames_to_come, reached_reasons
from tests.hops import LAST, Watch, tables


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6, socket.AF_PACKET])
@pytest.mark.parametrize("make", [socket.socket, _socket.socket])
def test_real_sockets_are_refused(no_real_sockets: list[str], family: int, make: type) -> None:
    with pytest.raises(PermissionError, match="only tests marked root"):
        make(family, socket.SOCK_RAW if family == socket.AF_PACKET else socket.SOCK_DGRAM)
    assert len(no_real_sockets) == 1  # the fixture would fail this test for it
    no_real_sockets.clear()


def test_asyncio_still_runs() -> None:
    assert asyncio.run(asyncio.sleep(0, "done")) == "done"


@pytest.mark.root
def test_root_tests_may_have_sockets() -> None:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()


def test_a_lost_frame_would_fail_its_test(ledger: Books) -> None:
    tp = Tracepoints(Sim())
    tp.on_life(BORN, 1)
    with pytest.raises(AssertionError, match="frame 1: 1 copies neither ended nor held, 0 on a wire"):
        ledger.check()
    tp.on_life(DELIVERED, 1)


def test_a_frame_that_is_an_event_to_come_is_not_lost(ledger: Books) -> None:
    sim = Sim()
    tp = Tracepoints(sim)
    for frame_id, schedule in ((1, partial(sim.post, 5)), (2, sim.post_soon), (3, partial(sim.call_later, 5))):
        tp.on_life(BORN, frame_id)
        schedule(print, Frame.make(b"", frame_id))
    ledger.check()
    assert frames_to_come(sim) == {1: 1, 2: 1, 3: 1}


def test_reasons_are_noted_with_the_test_that_reached_them(request: pytest.FixtureRequest) -> None:
    tp = Tracepoints(Sim())
    tp.on_drop(None, None, 1, "A_REASON_OF_THIS_TEST", "", None)
    assert reached_reasons.pop("A_REASON_OF_THIS_TEST") == request.node.nodeid


def test_a_failing_test_can_show_its_hops() -> None:
    tp = Tracepoints(Sim())
    watch = Watch(tp)
    assert tables([watch]) == ""
    device = SimpleNamespace(name="eth0", netns=SimpleNamespace(name="a"))
    for number in range(LAST + 50):
        tp.on_frame(device, "tx", Frame.make(b"abc", number))
    assert tables([watch]).count("3 bytes, no Ethernet header") == LAST
