"""When an ACK goes at once, when it waits, and what it teaches."""
from __future__ import annotations

from tests.tcp.pair import MS, Pair, roundtrip, shape


def times(host, start):
    return [(when, shape(segment)) for when, segment in host.sent[start:]]


def test_the_first_segments_are_acknowledged_at_once():
    pair = Pair().open()
    pair.write(pair.client, b"x" * 100)
    roundtrip(pair.client, pair.server)
    assert shape(pair.server.said()[-1]) == "."


def test_a_side_that_answers_soon_lets_its_ack_ride_on_the_answer():
    pair = Pair().open()
    for _ in range(3):
        pair.write(pair.client, b"question")
        roundtrip(pair.client, pair.server)
        pair.write(pair.server, b"answer")
        roundtrip(pair.client, pair.server)
    said = len(pair.server.sent)
    pair.write(pair.client, b"question")
    roundtrip(pair.client, pair.server)
    pair.write(pair.server, b"answer")
    roundtrip(pair.client, pair.server)
    assert [shape(segment) for segment in pair.server.said(said)] == ["P. 6"]


def test_an_ack_that_finds_no_ride_goes_after_40_ms():
    pair = Pair().open()
    pair.write(pair.client, b"question")
    roundtrip(pair.client, pair.server)
    pair.write(pair.server, b"answer")
    roundtrip(pair.client, pair.server)
    said = len(pair.server.sent)
    pair.write(pair.client, b"question")
    asked = pair.now + pair.delay
    pair.run(100 * MS)
    assert times(pair.server, said) == [(asked + 40 * MS, ".")]


def test_two_full_segments_are_acknowledged_at_once_even_by_an_interactive_side():
    pair = Pair().open()
    for _ in range(2):
        pair.write(pair.client, b"q")
        roundtrip(pair.client, pair.server)
        pair.write(pair.server, b"a" * 2000)
        roundtrip(pair.client, pair.server)
    said = len(pair.server.sent)
    pair.write(pair.client, bytes(2896))
    roundtrip(pair.client, pair.server)
    assert [shape(segment) for segment in pair.server.said(said)] == ["."] * len(pair.server.said(said))
    assert pair.server.said()[-1].ack == pair.client.tcp.snd_nxt


def test_a_gap_is_reported_at_once_with_the_newest_block_first():
    pair = Pair().open()
    pair.client.tcp.nodelay = True
    lost = len(pair.client.sent)
    pair.client.lose = lambda number, segment: number in (lost, lost + 2)
    said = len(pair.server.sent)
    for index in range(4):
        pair.write(pair.client, bytes([index]) * 100)
    pair.run(2 * pair.delay)
    base = 100_001
    blocks = [tuple((left - base, right - base) for left, right in segment.sack) for segment in pair.server.said(said)]
    assert blocks[0] == ((100, 200),)
    assert blocks[1] == ((300, 400), (100, 200))


def test_what_came_twice_is_reported_as_d_sack():
    pair = Pair().open()
    pair.write(pair.client, b"x" * 100)
    roundtrip(pair.client, pair.server)
    again = pair.client.said()[-1]
    pair.server.tcp.receive(again, pair.now)
    pair.flush()
    assert pair.server.said()[-1].sack == ((100_001, 100_101),)


def test_rtt_is_what_the_wire_takes():
    pair = Pair(delay=7 * MS).open()
    pair.write(pair.client, b"x")
    pair.run(50 * MS)
    assert pair.client.tcp.rtt.srtt_us >> 3 == 14_000
    assert pair.client.tcp.rtt.rto_ns == 214 * MS


def test_an_ack_of_what_was_never_sent_changes_nothing():
    pair = Pair().open()
    pair.write(pair.client, b"x" * 100)
    roundtrip(pair.client, pair.server)
    wild = pair.server.said()[-1]
    wild.ack += 5000
    una = pair.client.tcp.snd_una
    pair.client.tcp.receive(wild, pair.now)
    assert pair.client.tcp.snd_una == una


def test_a_fin_that_no_data_preceded_is_acknowledged_with_the_next_tick():
    pair = Pair().open()
    said = len(pair.server.sent)
    pair.shutdown(pair.client)
    asked = pair.now + pair.delay
    pair.run(10 * MS)
    assert times(pair.server, said) == [(asked + MS, ".")]


def test_a_program_that_answers_a_fin_with_its_own_says_both_in_one_segment():
    pair = Pair().open()
    said = len(pair.server.sent)
    pair.shutdown(pair.client)
    pair.run(pair.delay)
    pair.shutdown(pair.server)
    roundtrip(pair.client, pair.server)
    assert [shape(segment) for segment in pair.server.said(said)] == ["F."]
