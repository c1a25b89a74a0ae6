"""Congestion windows and round trip times, numbers in and numbers out."""
from __future__ import annotations

import pytest

from emu.tcp.congestion import Cubic, Reno, cube_root
from emu.tcp.rtt import MS, RttEstimator


@pytest.mark.parametrize("value", [0, 1, 7, 8, 26, 27, 10**9 - 1, 10**9, 2**60, 3**60])
def test_the_cube_root_is_the_integer_below(value):
    root = cube_root(value)
    assert root**3 <= value < (root + 1) ** 3


def test_cubic_gives_up_three_tenths_and_reno_half():
    assert Cubic().ssthresh(100) == 70
    assert Reno().ssthresh(100) == 50
    assert Cubic().ssthresh(1) == Reno().ssthresh(1) == 2


def grow(algorithm, cwnd, seconds, rtt_ms=100):
    """The window after so much time, every segment acknowledged once a round trip."""
    for trip in range(seconds * 1000 // rtt_ms):
        for _ in range(cwnd):
            cwnd = algorithm.avoid(cwnd, 1, rtt_ms, trip * rtt_ms)
    return cwnd


def test_reno_grows_by_one_a_round_trip():
    assert 19 <= grow(Reno(), 10, 1) <= 20


def test_cubic_comes_back_to_the_old_window_slows_down_there_and_goes_on():
    cubic = Cubic()
    start = cubic.ssthresh(200)
    levels = [start]
    cwnd = start
    for second in range(12):
        for trip in range(10):
            for _ in range(cwnd):
                cwnd = cubic.avoid(cwnd, 1, 100, second * 1000 + trip * 100)
        levels.append(cwnd)
    near = [level for level in levels if abs(level - 200) <= 8]
    assert levels == sorted(levels)
    assert len(near) >= 3
    assert levels[-1] > 230


def estimator():
    return RttEstimator(200 * MS, 120_000 * MS)


def test_before_any_sample_the_timeout_is_a_second():
    assert estimator().rto_ns == 1000 * MS


def test_the_timeout_is_never_less_than_the_round_trip_and_200_ms():
    rtt = estimator()
    for _ in range(50):
        rtt.sample(40_000, 0, 1)
    assert (rtt.srtt_us >> 3, rtt.rto_ns) == (40_000, 240 * MS)


def test_a_round_trip_that_varies_raises_the_timeout():
    rtt = estimator()
    for sample in range(60):
        rtt.sample(300_000 if sample % 2 else 100_000, sample, sample + 1)
    assert rtt.rto_ns > 450 * MS
    assert rtt.min_rtt_us == 100_000


def test_the_timeout_has_a_ceiling():
    rtt = estimator()
    rtt.sample(100_000_000, 0, 1)
    assert rtt.rto_ns == 120_000 * MS
