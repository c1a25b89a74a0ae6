"""Handshakes on the passive side."""
from __future__ import annotations

from emu.tcp import Listener, Segment, Settings, State
from emu.tcp.segment import ACK, FIN, PSH, RST, SYN
from tests.tcp.pair import MS, SECOND, Pair, shape

NOW = 5 * SECOND


def listener(backlog=1) -> Listener:
    return Listener(backlog, Settings(), lambda peer, sport, dport: 1000, lambda peer, sport, dport: 0)


def syn(port=40000, seq=5):
    return Segment(port, 80, seq, 0, SYN, 64240, mss=1460, sack_permitted=True, ts_val=9, wscale=7)


def last_ack(port=40000, payload=b"", flags=ACK):
    return Segment(port, 80, 6, 1001, flags, 502, payload, 10, 5000)


def hear(machine, segment, now=NOW):
    child = machine.receive(segment, now, "peer", 1460)
    return child, [answer for _, answer in machine.segments_to_send(now)]


def test_a_syn_is_answered_and_the_last_ack_makes_a_connection():
    machine = listener()
    child, answers = hear(machine, syn())
    assert child is None
    assert answers == [Segment(80, 40000, 1000, 6, SYN | ACK, 65160, mss=1460, sack_permitted=True, ts_val=5000, ts_ecr=9, wscale=10)]
    child, answers = hear(machine, last_ack())
    assert (child.state, answers) == (State.ESTABLISHED, [])
    assert machine.accept() == ("peer", child)
    assert machine.accept() is None


def test_options_the_client_did_not_offer_are_not_in_the_answer():
    _, (answer,) = hear(listener(), Segment(40000, 80, 5, 0, SYN, 64240, mss=1460))
    assert answer == Segment(80, 40000, 1000, 6, SYN | ACK, 64240, mss=1460)


def test_the_last_ack_may_bring_data_and_fin():
    machine = listener()
    hear(machine, syn())
    child, _ = hear(machine, last_ack(payload=b"GET /", flags=ACK | PSH | FIN))
    assert child.read() == b"GET /"
    assert child.state is State.CLOSE_WAIT


def test_a_repeated_syn_gets_the_same_answer():
    machine = listener()
    _, first = hear(machine, syn())
    _, second = hear(machine, syn(), NOW + SECOND)
    assert (second[0].seq, shape(second[0])) == (first[0].seq, "S.")


def test_syn_acks_come_again_after_1_2_4_8_16_seconds():
    machine = listener()
    hear(machine, syn())
    times = []
    while (due := machine.next_timeout()) is not None:
        machine.handle_timer(due)
        times += [(due - NOW) / SECOND for _ in machine.segments_to_send(due)]
    assert times == [1, 3, 7, 15, 31]


def test_an_ack_of_something_else_is_reset_and_the_handshake_stays():
    machine = listener()
    hear(machine, syn())
    wrong = last_ack()
    wrong.ack = 1234
    assert hear(machine, wrong) == (None, [Segment(80, 40000, 1234, 0, RST)])
    assert hear(machine, last_ack())[0] is not None


def test_an_ack_out_of_nowhere_is_reset_and_a_reset_is_not_answered():
    machine = listener()
    assert hear(machine, last_ack()) == (None, [Segment(80, 40000, 1001, 0, RST)])
    assert hear(machine, Segment(40000, 80, 6, 0, RST)) == (None, [])


def test_a_reset_or_a_second_syn_ends_the_handshake():
    machine = listener()
    hear(machine, syn())
    hear(machine, Segment(40000, 80, 6, 1001, RST | ACK, ts_val=10))
    assert machine.next_timeout() is None
    hear(machine, syn())
    _, answers = hear(machine, Segment(40000, 80, 7, 0, SYN, 64240, ts_val=10))
    assert [shape(answer) for answer in answers] == ["R."]
    assert machine.next_timeout() is None


def test_one_more_than_the_backlog_waits_and_then_syns_are_dropped():
    machine = listener(backlog=1)
    for port in (1, 2):
        hear(machine, syn(port))
        assert hear(machine, last_ack(port))[0] is not None
    assert machine.pending() == 2
    assert hear(machine, syn(3)) == (None, [])
    machine.accept()
    assert [shape(answer) for answer in hear(machine, syn(3))[1]] == ["S."]


def test_a_last_ack_that_finds_the_queue_full_is_dropped_and_asked_for_again():
    machine = listener(backlog=0)
    hear(machine, syn(1))
    hear(machine, syn(2))
    assert hear(machine, last_ack(1))[0] is not None
    assert hear(machine, last_ack(2)) == (None, [])
    machine.accept()
    machine.handle_timer(NOW + SECOND)
    assert [shape(answer) for _, answer in machine.segments_to_send(NOW + SECOND)] == ["S."]
    assert hear(machine, last_ack(2), NOW + SECOND)[0] is not None


def test_what_is_no_syn_is_ignored():
    machine = listener()
    assert hear(machine, Segment(40000, 80, 6, 0, FIN)) == (None, [])
    assert hear(machine, Segment(40000, 80, 6, 0, SYN | FIN)) == (None, [])


def test_data_that_comes_before_a_lost_last_ack_opens_the_connection():
    pair = Pair()
    pair.listen()
    pair.client.lose = lambda number, segment: number == 1
    pair.connect()
    pair.run(MS)
    assert pair.server.connection is None
    pair.write(pair.client, b"GET /")
    pair.run(MS)
    assert bytes(pair.server.received) == b"GET /"


def test_closing_forgets_handshakes_and_hands_back_who_waits():
    machine = listener(backlog=5)
    hear(machine, syn(1))
    hear(machine, syn(2))
    child, _ = hear(machine, last_ack(2))
    assert machine.close() == [("peer", child)]
    assert machine.next_timeout() is None
