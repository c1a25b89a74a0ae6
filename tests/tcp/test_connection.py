"""A connection opens and carries bytes."""
from __future__ import annotations

import errno

import pytest

from emu.tcp import Closed, Connected, Connection, Readable, Reset, Segment, Settings, State, Writable
from emu.tcp.segment import ACK, RST, SYN
from tests.tcp.pair import MS, Host, Pair, drop, roundtrip, shape


def test_a_question_and_its_answer():
    pair = Pair().open()
    pair.write(pair.client, b"GET /")
    roundtrip(pair.client, pair.server)
    pair.write(pair.server, b"hello")
    roundtrip(pair.client, pair.server)
    assert bytes(pair.server.received) == b"GET /"
    assert bytes(pair.client.received) == b"hello"


def test_the_client_hears_that_it_is_connected_and_the_server_is_established_by_the_last_ack():
    pair = Pair().open()
    assert pair.client.heard(Connected)
    assert (pair.client.state, pair.server.state) == (State.ESTABLISHED, State.ESTABLISHED)
    assert [shape(segment) for _, _, segment, _ in pair.log] == ["S", "S.", "."]


@pytest.mark.parametrize("option", ["tcp_timestamps", "tcp_sack", "tcp_window_scaling"])
@pytest.mark.parametrize("side", ["client", "server"])
def test_an_option_one_side_does_not_want_is_not_used(option, side):
    pair = Pair()
    setattr(getattr(pair, side).settings, option, False)
    pair.open()
    syn_ack = pair.server.said()[0]
    offered = {"tcp_timestamps": syn_ack.ts_val is not None, "tcp_sack": syn_ack.sack_permitted, "tcp_window_scaling": syn_ack.wscale is not None}
    assert [name for name, there in offered.items() if not there] == [option]
    pair.write(pair.client, bytes(5000))
    roundtrip(pair.client, pair.server)
    assert len(pair.server.received) == 5000
    assert (pair.client.said()[-1].ts_val is None) == (option == "tcp_timestamps")


def test_segments_are_as_long_as_the_smaller_side_allows():
    pair = Pair(mss=1460, mss_server=1410).open()
    pair.write(pair.client, bytes(5000))
    pair.write(pair.server, bytes(5000))
    roundtrip(pair.client, pair.server)
    assert max(len(segment.payload) for segment in pair.client.said() + pair.server.said()) == 1410 - 12


def test_on_loopback_a_segment_is_half_the_first_window():
    pair = Pair(mss=65495).open()
    pair.write(pair.client, bytes(100_000))
    roundtrip(pair.client, pair.server)
    assert pair.client.said()[0].mss == 65495
    assert [len(segment.payload) for segment in pair.client.said() if segment.payload][:2] == [32741, 32741]


def test_both_may_open_at_once():
    pair = Pair()
    pair.client.connection = Connection(40000, 80, 100, 0, 1460, Settings())
    pair.server.connection = Connection(80, 40000, 900, 0, 1460, Settings())
    for host in (pair.client, pair.server):
        host.tcp.connect(pair.now)
    pair.flush()
    pair.run(10 * pair.delay)
    assert (pair.client.state, pair.server.state) == (State.ESTABLISHED, State.ESTABLISHED)
    pair.write(pair.client, b"hello")
    pair.write(pair.server, b"you too")
    roundtrip(pair.client, pair.server)
    assert (bytes(pair.client.received), bytes(pair.server.received)) == (b"you too", b"hello")


def test_a_closed_port_refuses():
    pair = Pair()
    pair.connect()
    roundtrip(pair.client, pair.server)
    assert [event.errno for event in pair.client.heard(Reset)] == [errno.ECONNREFUSED]
    assert isinstance(pair.client.events[-1], Closed)


def syn_sent() -> Host:
    pair = Pair()
    pair.client.lose = lambda number, segment: True
    pair.connect()
    return pair.client


def test_an_answer_to_another_syn_is_reset_and_the_connection_goes_on():
    client = syn_sent()
    client.tcp.receive(Segment(80, 40000, 5, 77, SYN | ACK, 1000), client.pair.now)
    client.pair.flush()
    assert client.said()[-1] == Segment(40000, 80, 77, 0, RST)
    assert client.state is State.SYN_SENT


def test_a_reset_that_acknowledges_nothing_of_ours_is_ignored():
    client = syn_sent()
    client.tcp.receive(Segment(80, 40000, 0, 77, RST | ACK), client.pair.now)
    client.tcp.receive(Segment(80, 40000, 0, 0, RST), client.pair.now)
    assert client.state is State.SYN_SENT


def test_write_takes_what_the_buffer_holds_and_says_when_there_is_room():
    pair = Pair(delay=5 * MS).open()
    taken = pair.write(pair.client, bytes(1_000_000))
    assert 46_080 <= taken < 200_000
    assert pair.write(pair.client, b"more") == 0
    assert not pair.client.heard(Writable)
    roundtrip(pair.client, pair.server)
    assert len(pair.client.heard(Writable)) == 1
    assert pair.write(pair.client, b"more") == 4


def test_readable_is_told_once_until_it_is_read():
    pair = Pair().open()
    pair.server.reads = False
    for word in (b"one", b"two"):
        pair.write(pair.client, word)
        roundtrip(pair.client, pair.server)
    assert len(pair.server.heard(Readable)) == 1
    assert pair.read(pair.server, 4) == b"onet"
    assert pair.read(pair.server) == b"wo"
    assert pair.read(pair.server) == b""
    pair.write(pair.client, b"three")
    roundtrip(pair.client, pair.server)
    assert len(pair.server.heard(Readable)) == 2


def test_small_writes_wait_for_the_first_ones_ack_unless_nodelay():
    def sizes(nodelay):
        pair = Pair(delay=5 * MS).open()
        pair.client.tcp.nodelay = nodelay
        for _ in range(4):
            pair.write(pair.client, b"tiny")
        roundtrip(pair.client, pair.server)
        return [len(segment.payload) for segment in pair.client.said() if segment.payload]

    assert sizes(nodelay=False) == [4, 12]
    assert sizes(nodelay=True) == [4, 4, 4, 4]


def test_a_smaller_path_cuts_what_is_out_and_what_comes():
    pair = Pair(delay=MS).open()
    drop(pair.client, 3)
    pair.write(pair.client, bytes(4000))
    pair.client.tcp.pmtu(1300, pair.now)
    pair.flush()
    pair.run(500 * MS)
    assert len(pair.server.received) == 4000
    assert [len(segment.payload) for segment in pair.client.said(5)] == [1248, 1248, 400, 1104]  # the two full ones were one packet to the kernel


def test_a_smaller_route_cuts_what_is_written_next():
    pair = Pair(delay=MS).open()
    pair.write(pair.client, bytes(2896))
    pair.run(500 * MS)
    pair.client.tcp.route_mtu(1300)
    pair.write(pair.client, bytes(2896))
    pair.run(500 * MS)
    assert [len(segment.payload) for segment in pair.client.said() if segment.payload] == [1448, 1448, 1248, 1248, 400]


def test_the_same_calls_give_the_same_bytes():
    def story():
        pair = Pair(delay=3 * MS).open()
        pair.server.lose = lambda number, segment: number % 7 == 3
        left = bytes(range(256)) * 300
        while left:
            left = left[pair.write(pair.server, left):]
            pair.step()
        pair.run(1000 * MS)
        return pair.story()

    assert story() == story()
