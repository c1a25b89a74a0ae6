"""What is lost comes again, and how soon."""
from __future__ import annotations

import pytest

from emu.tcp.sock import CA_OPEN, CA_RECOVERY
from tests.tcp.pair import MS, SECOND, Pair, drop, roundtrip


def sizes(segments):
    return [(segment.seq - 100_001, len(segment.payload)) for segment in segments if segment.payload]


def test_one_lost_segment_comes_again_when_three_later_ones_are_reported():
    pair = Pair(delay=10 * MS).open()
    sent = len(pair.client.sent)
    drop(pair.client)
    pair.write(pair.client, bytes(14_480))
    pair.run(22 * MS)
    again = [(when, segment) for when, segment in pair.client.sent[sent + 10:] if segment.seq == 100_001]
    assert [when - pair.client.sent[sent][0] for when, _ in again] == [20 * MS]
    pair.run(50 * MS)
    assert len(pair.server.received) == 14_480
    assert pair.client.tcp.ca_state == CA_OPEN


def test_what_the_peer_reports_is_not_sent_again():
    pair = Pair(delay=10 * MS).open()
    sent = len(pair.client.sent)
    pair.client.lose = lambda number, segment: number in (sent + 2, sent + 5)
    pair.write(pair.client, bytes(14_480))
    pair.run(SECOND)
    starts = [start for start, _ in sizes(pair.client.said(sent))]
    assert sorted(start for start in starts if starts.count(start) == 2) == [2 * 1448, 2 * 1448, 5 * 1448, 5 * 1448]


def test_a_loss_makes_the_window_seven_tenths():
    pair = Pair(delay=10 * MS).open()
    tcp = pair.client.tcp
    tcp.cwnd = 20
    sent = len(pair.client.sent)
    pair.client.lose = lambda number, segment: number == sent
    pair.write(pair.client, bytes(28_960))
    pair.run(25 * MS)
    assert tcp.ca_state == CA_RECOVERY
    assert tcp.ssthresh == 14
    pair.run(50 * MS)
    assert (tcp.ca_state, tcp.cwnd) == (CA_OPEN, 14)


def test_a_repetition_that_is_lost_too_comes_a_third_time():
    pair = Pair(delay=10 * MS).open()
    sent = len(pair.client.sent)
    pair.client.lose = lambda number, segment: segment.seq == 100_001 and number < sent + 15
    left = bytes(60_000)
    while left:
        left = left[pair.write(pair.client, left):]
        pair.step()
    pair.run(SECOND)
    assert len(pair.server.received) == 60_000
    assert [start for start, _ in sizes(pair.client.said(sent))].count(0) >= 3


@pytest.mark.parametrize(("sack", "after_ms"), [(True, 62), (False, 220)], ids=["by a probe and its SACK", "by the timeout"])
def test_when_all_is_lost_one_segment_asks_and_the_rest_follows(sack, after_ms):
    pair = Pair(delay=10 * MS)
    pair.client.settings.tcp_sack = sack
    pair.open()
    sent = len(pair.client.sent)
    drop(pair.client, 10)
    pair.write(pair.client, bytes(14_480))
    pair.run(2 * SECOND)
    assert len(pair.server.received) == 14_480
    first = next(when for when, segment in pair.client.sent[sent + 10:] if segment.seq == 100_001)
    assert first - pair.client.sent[sent][0] == after_ms * MS


def test_without_sack_three_duplicate_acks_bring_it_back():
    pair = Pair(delay=10 * MS)
    pair.server.settings.tcp_sack = False
    pair.open()
    sent = len(pair.client.sent)
    drop(pair.client)
    pair.write(pair.client, bytes(14_480))
    pair.run(25 * MS)
    assert [start for start, _ in sizes(pair.client.said(sent))].count(0) == 2
    pair.run(SECOND)
    assert len(pair.server.received) == 14_480


def test_small_segments_travel_together_when_sent_again():
    pair = Pair().open()
    pair.client.tcp.nodelay = True
    sent = len(pair.client.sent)
    pair.client.lose = lambda number, segment: number < sent + 4
    for word in (b"one", b"two", b"three"):
        pair.write(pair.client, word)
    pair.run(SECOND)
    assert bytes(pair.server.received) == b"onetwothree"
    assert (0, 11) in sizes(pair.client.said(sent))


def overtake(pair, number, late):
    """The client's segment `number` takes `late` longer than the others."""
    usual, send = pair.delay, Pair._send

    def slow(host, segment):
        pair.delay = usual + late if host is pair.client and len(host.sent) == number else usual
        send(pair, host, segment)
        pair.delay = usual

    pair._send = slow


def repeated(pair, size):
    """Send `size` bytes, the first segment overtaken by the others; how many segments went twice?"""
    sent = len(pair.client.sent)
    overtake(pair, sent, 2 * MS)
    pair.write(pair.client, bytes(size))
    pair.run(150 * MS)
    return len(sizes(pair.client.said(sent))) - -(-size // 1448)


def test_a_segment_overtaken_by_two_is_not_taken_for_lost_but_one_overtaken_by_three_is():
    assert repeated(Pair(delay=10 * MS).open(), 4000) == 0
    assert repeated(Pair(delay=10 * MS).open(), 10_000) == 1


def test_on_a_path_that_reorders_a_loss_is_believed_later():
    pair = Pair(delay=10 * MS).open()
    assert [repeated(pair, 4000), repeated(pair, 10_000)] == [0, 0]
    assert len(pair.server.received) == 14_000


def test_a_timeout_that_was_only_late_is_taken_back():
    pair = Pair(delay=10 * MS).open()
    tcp = pair.client.tcp
    pair.write(pair.client, bytes(14_480))
    before = tcp.cwnd
    pair.delay = 400 * MS        # the ACKs come, late
    pair.run(30 * MS)
    pair.run(3 * SECOND)
    assert len(pair.server.received) == 14_480
    assert tcp.cwnd >= before


def test_slow_start_doubles_a_round_trip():
    pair = Pair(delay=20 * MS).open()
    left = bytes(400_000)
    flights = []
    for _ in range(4):
        sent = len(pair.client.sent)
        left = left[pair.write(pair.client, left):]
        end = pair.now + 40 * MS
        while pair.now < end and pair.step():
            left = left[pair.write(pair.client, left):]
        flights.append(len(sizes(pair.client.said(sent))))
    assert flights[0] >= 10
    assert 1.5 < flights[2] / flights[1] <= 2.2


def test_after_a_pause_sending_begins_with_ten_segments_again():
    pair = Pair(delay=20 * MS).open()
    left = bytes(300_000)
    while left:
        left = left[pair.write(pair.client, left):]
        pair.step()
    pair.run(SECOND)
    assert pair.client.tcp.cwnd > 30
    pair.run(60 * SECOND)
    sent = len(pair.client.sent)
    pair.write(pair.client, bytes(40_000))
    assert len(pair.client.said(sent)) == 10
    roundtrip(pair.client, pair.server)
