"""Two runs are the same if and only if their digests are."""

from __future__ import annotations

import pytest

from emu.observe.digest import Digest
from tests.observe.stage import Stage, udp, who_has


def digest(*visits: tuple[int, str, str, bytes]) -> str:
    stage = Stage()
    found = Digest(stage.tp)
    for t_ns, where, direction, wire in visits:
        stage.at(t_ns).frame(where, direction, 1, wire)
    assert found.frames == len(visits)
    return found.hex()


ONE = (5, "a.eth0", "tx", udp())


def test_the_same_frames_give_the_same_digest() -> None:
    assert digest(ONE, (6, "b.eth0", "rx", udp())) == digest(ONE, (6, "b.eth0", "rx", udp()))


@pytest.mark.parametrize(
    "other",
    [(6, "a.eth0", "tx", udp()), (5, "b.eth0", "tx", udp()), (5, "a.eth1", "tx", udp()), (5, "a.eth0", "rx", udp()), (5, "a.eth0", "tx", who_has())],
    ids=["time", "namespace", "device", "direction", "bytes"],
)
def test_anything_else_gives_another(other: tuple[int, str, str, bytes]) -> None:
    assert digest(ONE) != digest(other)


def test_order_and_number_count() -> None:
    two = (5, "b.eth0", "tx", udp())
    assert len({digest(), digest(ONE), digest(ONE, ONE), digest(ONE, two), digest(two, ONE)}) == 5


def test_bytes_are_not_taken_for_the_next_frame() -> None:
    assert digest((0, "a.e", "tx", b"xy"), (0, "a.e", "tx", b"z")) != digest((0, "a.e", "tx", b"x"), (0, "a.e", "tx", b"yz"))


def test_detached_it_stays() -> None:
    stage = Stage()
    found = Digest(stage.tp)
    before = found.hex()
    found.detach()
    stage.frame("a.eth0", "tx", 1)
    assert found.hex() == before
