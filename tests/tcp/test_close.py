"""Every way a connection ends."""
from __future__ import annotations

import errno

import pytest

from emu.tcp import Closed, Eof, Reset, Segment, State, reset_for
from emu.tcp.segment import ACK, FIN, RST, SYN
from tests.tcp.pair import MS, SECOND, Pair, drop, roundtrip, shape


def states(pair):
    return pair.client.state, pair.server.state


def test_who_closes_first_waits_a_minute_and_the_other_is_gone_at_once():
    pair = Pair().open()
    pair.close(pair.client)
    pair.run(2 * MS)
    assert states(pair) == (State.FIN_WAIT2, State.CLOSE_WAIT)
    assert pair.server.heard(Eof)
    pair.close(pair.server)
    roundtrip(pair.client, pair.server)
    assert states(pair) == (State.TIME_WAIT, State.CLOSE)
    pair.run(59 * SECOND)
    assert pair.client.state is State.TIME_WAIT
    pair.run(2 * SECOND)
    assert pair.client.state is State.CLOSE
    assert isinstance(pair.client.events[-1], Closed)


def test_the_fin_follows_the_last_byte_in_its_segment():
    pair = Pair(delay=5 * MS).open()
    pair.write(pair.client, bytes(30_000))
    pair.close(pair.client)
    pair.run(100 * MS)
    assert len(pair.server.received) == 30_000
    assert shape(pair.client.said()[-2 if shape(pair.client.said()[-1]) == "." else -1]) == f"FP. {30_000 % 1448}"


def test_a_half_closed_connection_still_carries_the_other_direction():
    pair = Pair().open()
    pair.shutdown(pair.client)
    roundtrip(pair.client, pair.server)
    pair.write(pair.server, b"still here")
    roundtrip(pair.client, pair.server)
    assert bytes(pair.client.received) == b"still here"
    with pytest.raises(BrokenPipeError):
        pair.write(pair.client, b"no more")


def test_both_close_at_once():
    pair = Pair().open()
    pair.shutdown(pair.client)
    pair.shutdown(pair.server)
    roundtrip(pair.client, pair.server)
    assert states(pair) == (State.TIME_WAIT, State.TIME_WAIT)


def test_closing_with_bytes_unread_resets():
    pair = Pair().open()
    pair.server.reads = False
    pair.write(pair.client, b"nobody reads this")
    roundtrip(pair.client, pair.server)
    pair.close(pair.server)
    roundtrip(pair.client, pair.server)
    assert shape(pair.server.said()[-1]) == "R."
    assert [event.errno for event in pair.client.heard(Reset)] == [errno.ECONNRESET]


def test_bytes_for_a_closed_program_are_answered_with_a_bare_reset():
    pair = Pair().open()
    pair.close(pair.client)
    roundtrip(pair.client, pair.server)
    pair.write(pair.server, b"too late")
    roundtrip(pair.client, pair.server)
    assert shape(pair.client.said()[-1]) == "R"
    assert [event.errno for event in pair.server.heard(Reset)] == [errno.EPIPE]


def test_a_program_that_closed_waits_a_minute_for_the_others_fin():
    pair = Pair().open()
    pair.close(pair.client)
    pair.run(59 * SECOND)
    assert pair.client.state is State.FIN_WAIT2
    pair.run(2 * SECOND)
    assert pair.client.state is State.CLOSE


def test_a_program_that_only_shut_its_side_waits_for_ever():
    pair = Pair().open()
    pair.shutdown(pair.client)
    pair.run(1000 * SECOND)
    assert pair.client.state is State.FIN_WAIT2


def test_abort_resets_and_nothing_follows():
    pair = Pair().open()
    pair.abort(pair.client)
    roundtrip(pair.client, pair.server)
    assert shape(pair.client.said()[-1]) == "R."
    assert states(pair) == (State.CLOSE, State.CLOSE)
    assert pair.next_time() is None


def test_closing_before_the_answer_comes_leaves_without_a_word():
    pair = Pair()
    pair.client.lose = lambda number, segment: True
    pair.connect()
    pair.close(pair.client)
    assert [shape(segment) for segment in pair.client.said()] == ["S"]
    assert pair.client.state is State.CLOSE
    assert pair.next_time() is None


def test_a_lost_fin_is_sent_again():
    pair = Pair().open()
    drop(pair.client)
    pair.close(pair.client)
    pair.run(300 * MS)
    assert [shape(segment) for segment in pair.client.said(2)] == ["F.", "F."]
    assert states(pair) == (State.FIN_WAIT2, State.CLOSE_WAIT)


# -- TIME_WAIT -----------------------------------------------------------------------------------------------------------------------------------------

def in_time_wait() -> Pair:
    pair = Pair().open()
    pair.close(pair.client)
    roundtrip(pair.client, pair.server)
    pair.close(pair.server)
    roundtrip(pair.client, pair.server)
    assert pair.client.state is State.TIME_WAIT
    return pair


def test_time_wait_acknowledges_a_repeated_fin_and_begins_again():
    pair = in_time_wait()
    pair.run(50 * SECOND)
    fin = next(segment for segment in pair.server.said() if segment.flags & FIN)
    pair.client.tcp.receive(fin, pair.now)
    pair.flush()
    assert shape(pair.client.said()[-1]) == "."
    pair.run(50 * SECOND)
    assert pair.client.state is State.TIME_WAIT


def test_time_wait_ends_with_a_reset_in_its_place():
    pair = in_time_wait()
    pair.client.tcp.receive(Segment(80, 40000, pair.client.tcp.rcv_nxt, 0, RST), pair.now)
    assert pair.client.state is State.CLOSE


def test_a_later_syn_may_take_a_connection_over_from_time_wait():
    pair = in_time_wait()
    tcp = pair.client.tcp
    later = Segment(80, 40000, (tcp.rcv_nxt + 1000) & 0xFFFFFFFF, 0, SYN, 64240, ts_val=tcp.ts_recent + 5)
    assert tcp.time_wait_isn(later) == tcp.snd_nxt + 65537
    later.ts_val = tcp.ts_recent - 5
    assert tcp.time_wait_isn(later) is None


def test_an_old_syn_in_time_wait_is_answered_with_where_we_are():
    pair = in_time_wait()
    old = Segment(80, 40000, (pair.client.tcp.rcv_nxt - 1000) & 0xFFFFFFFF, 0, SYN, 64240)
    pair.run(SECOND)
    assert pair.client.tcp.time_wait_isn(old) is None
    pair.client.tcp.receive(old, pair.now)
    pair.flush()
    assert shape(pair.client.said()[-1]) == "."


# -- resets that are meant to harm (RFC 5961) ----------------------------------------------------------------------------------------------------------

def test_a_reset_in_place_ends_the_connection():
    pair = Pair().open()
    pair.client.tcp.receive(Segment(80, 40000, pair.client.tcp.rcv_nxt, 0, RST), pair.now)
    pair.flush()
    assert [event.errno for event in pair.client.heard(Reset)] == [errno.ECONNRESET]


def test_a_reset_near_its_place_is_asked_to_prove_itself():
    pair = Pair().open()
    pair.client.tcp.receive(Segment(80, 40000, pair.client.tcp.rcv_nxt + 10, 0, RST), pair.now)
    pair.flush()
    assert shape(pair.client.said()[-1]) == "."
    assert pair.client.state is State.ESTABLISHED


def test_a_reset_out_of_the_window_is_ignored():
    pair = Pair().open()
    said = len(pair.client.sent)
    pair.client.tcp.receive(Segment(80, 40000, (pair.client.tcp.rcv_nxt + 1_000_000) & 0xFFFFFFFF, 0, RST), pair.now)
    pair.flush()
    assert pair.client.said(said) == []


def test_a_syn_in_the_middle_is_asked_to_prove_itself_twice_a_second_at_most():
    pair = Pair().open()
    said = len(pair.client.sent)
    for _ in range(10):
        pair.client.tcp.receive(Segment(80, 40000, pair.client.tcp.rcv_nxt, 0, SYN, 64240), pair.now)
        pair.flush()
        pair.now += 100 * MS
    assert [shape(segment) for segment in pair.client.said(said)] == [".", "."]


def test_a_timestamp_from_the_past_is_not_taken():
    pair = Pair().open()
    pair.run(SECOND)
    pair.write(pair.server, b"new")
    roundtrip(pair.client, pair.server)
    tcp = pair.client.tcp
    tcp.receive(Segment(80, 40000, tcp.rcv_nxt, tcp.snd_nxt, ACK, 60, b"old", tcp.ts_recent - 100, 0), pair.now)
    pair.flush()
    assert bytes(pair.client.received) == b"new"
    assert shape(pair.client.said()[-1]) == "."


def test_what_reset_for_makes_ends_the_connection_it_answers():
    pair = Pair().open()
    pair.write(pair.client, b"x")
    pair.client.tcp.receive(reset_for(pair.client.said()[-1]), pair.now)
    assert pair.client.state is State.CLOSE
