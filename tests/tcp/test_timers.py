"""How long the machine waits, and when it gives up."""
from __future__ import annotations

import errno
from itertools import pairwise

import pytest

from emu.tcp import Closed, Reset, State, TimedOut
from tests.tcp.pair import MS, SECOND, Pair, drop, roundtrip, shape


def lose_everything(host):
    host.lose = lambda number, segment: True


def seconds(host, start=0):
    zero = host.sent[start][0]
    return [round((when - zero) / SECOND, 1) for when, _ in host.sent[start:]]


def test_a_syn_is_repeated_five_times_a_second_apart_then_with_backoff_and_ends_after_131_seconds():
    pair = Pair()
    lose_everything(pair.client)
    pair.connect()
    begin = pair.now
    pair.finish()
    assert seconds(pair.client) == [0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67]
    assert pair.now - begin == 131 * SECOND
    assert [type(event) for event in pair.client.events] == [TimedOut, Closed]
    assert pair.client.tcp.errno == errno.ETIMEDOUT


def test_a_syn_ack_is_repeated_after_1_2_4_8_16_seconds_and_forgotten():
    pair = Pair()
    pair.listen()
    pair.client.lose = lambda number, segment: number > 0
    lose_everything(pair.server)
    pair.connect()
    pair.client.connection = None
    pair.finish()
    assert seconds(pair.server) == [0, 1, 3, 7, 15, 31]
    assert pair.server.listener.next_timeout() is None


def test_unanswered_data_is_repeated_with_doubling_pauses_for_a_quarter_of_an_hour():
    pair = Pair().open()
    lose_everything(pair.client)
    pair.write(pair.client, b"x")
    begin = pair.now
    pair.finish()
    pauses = [round((later - earlier) / MS) for (earlier, _), (later, _) in pairwise(pair.client.sent[2:])]
    assert pauses[:6] == [200, 201, 402, 804, 1608, 3216]     # the first is a tail loss probe
    assert pauses[-5:] == [120_000] * 5
    assert 924 * SECOND < pair.now - begin < 1100 * SECOND
    assert [event.errno for event in pair.client.heard(TimedOut)] == [errno.ETIMEDOUT]


def test_a_soft_icmp_error_is_the_reason_a_timeout_gives():
    pair = Pair().open()
    lose_everything(pair.client)
    pair.write(pair.client, b"x")
    pair.client.tcp.icmp_error(errno.EHOSTUNREACH, False, pair.now)
    pair.finish()
    assert [event.errno for event in pair.client.heard(TimedOut)] == [errno.EHOSTUNREACH]


def test_a_hard_icmp_error_ends_connect_at_once():
    pair = Pair()
    pair.connect()
    pair.client.tcp.icmp_error(errno.EHOSTUNREACH, True, pair.now, seq=100_000)
    pair.flush()
    assert [event.errno for event in pair.client.heard(Reset)] == [errno.EHOSTUNREACH]
    assert pair.client.state is State.CLOSE


def test_an_icmp_error_about_something_else_is_ignored():
    pair = Pair()
    pair.connect()
    pair.client.tcp.icmp_error(errno.EHOSTUNREACH, True, pair.now, seq=99_999)
    assert pair.client.state is State.SYN_SENT


def test_a_lost_tail_is_probed_with_its_last_segment():
    pair = Pair(delay=10 * MS).open()
    sent = len(pair.client.sent)
    drop(pair.client, 3)
    pair.write(pair.client, bytes(3000))
    pair.run(100 * MS)
    assert [shape(segment) for segment in pair.client.said(sent)][3] == "P. 104"
    assert pair.client.sent[sent + 3][0] - pair.client.sent[sent][0] == 42 * MS
    pair.run(SECOND)
    assert len(pair.server.received) == 3000


def test_a_quiet_connection_is_probed_when_asked_to_and_reset_when_nobody_answers():
    pair = Pair().open()
    pair.client.tcp.keepalive = True
    begin = pair.now
    pair.run(7201 * SECOND)
    assert shape(pair.client.said()[-1]) == "."
    assert pair.client.said()[-1].seq == pair.client.tcp.snd_una - 1
    assert pair.server.said()[-1].ack == pair.client.tcp.snd_una
    lose_everything(pair.client)
    pair.finish()
    assert round((pair.now - begin) / SECOND) == 2 * 7200 + 9 * 75
    assert shape(pair.client.said()[-1]) == "R."
    assert [event.errno for event in pair.client.heard(TimedOut)] == [errno.ETIMEDOUT]


def test_nothing_is_due_on_an_idle_connection():
    pair = Pair().open()
    pair.write(pair.client, b"x")
    roundtrip(pair.client, pair.server)
    pair.run(SECOND)
    assert pair.next_time() is None


@pytest.mark.parametrize("early", [0, 10 * MS])
def test_an_early_timer_call_does_no_harm(early):
    pair = Pair().open()
    lose_everything(pair.client)
    pair.write(pair.client, b"x")
    sent = len(pair.client.sent)
    pair.client.tcp.handle_timer(pair.now + early)
    pair.flush()
    assert len(pair.client.sent) == sent
