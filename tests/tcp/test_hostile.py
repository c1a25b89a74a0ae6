"""Nothing that comes from the wire raises, and whatever is lost the streams arrive."""
from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from emu.tcp import Segment, State, decode, encode
from tests.tcp.pair import MS, SECOND, Pair, check

u32 = st.integers(0, 0xFFFFFFFF)
near = st.integers(-70_000, 70_000)


@given(st.binary(max_size=120))
def test_any_bytes_decode_to_a_segment_or_none(data):
    segment = decode(data)
    assert segment is None or isinstance(segment, Segment)


@given(st.binary(min_size=20, max_size=80), st.integers(5, 15), st.integers(0, 255))
def test_any_options_can_be_read_and_written_again(data, words, flags):
    raw = data[:12] + bytes((words << 4, flags)) + data[14:]
    segment = decode(raw)
    assert (segment is None) == (len(raw) < 4 * words)
    if segment is not None and len(segment.sack) <= 3:
        again = decode(encode(segment))
        assert again == segment


@st.composite
def segments(draw, seq=u32, ack=u32):
    return Segment(
        40000, 80, draw(seq) & 0xFFFFFFFF, draw(ack) & 0xFFFFFFFF, draw(st.integers(0, 255)), draw(st.integers(0, 65535)), draw(st.binary(max_size=1500)),
        draw(st.none() | u32), draw(u32), draw(st.lists(st.tuples(u32, u32), max_size=4).map(tuple)), draw(st.none() | st.integers(1, 65535)),
        draw(st.none() | st.integers(0, 14)), draw(st.booleans()), draw(st.integers(0, 65535)),
    )


def attack(connection, segments, now):
    for step, segment in enumerate(segments):
        now += step * 7 * MS
        connection.receive(segment, now)
        connection.segments_to_send(now)
        connection.read()
        check(connection)
        due = connection.next_timeout()
        if due is not None and due <= now + SECOND:
            now = max(due, now)
            connection.handle_timer(now)
            connection.segments_to_send(now)
        if step % 5 == 3 and not connection.send_shutdown and connection.state not in (State.CLOSE, State.TIME_WAIT):
            connection.write(b"z" * 3000)
            connection.segments_to_send(now)


@given(st.lists(segments(), max_size=12), st.sampled_from(["client", "server"]))
def test_strange_segments_never_raise(strange, who):
    pair = Pair().open()
    attack(getattr(pair, who).tcp, strange, pair.now)


almost_right = st.tuples(near, near, st.integers(0, 255), st.integers(0, 65535), st.integers(0, 3000), st.lists(st.tuples(near, near), max_size=4))


@given(st.lists(almost_right, max_size=14), st.integers(0, 3))
def test_segments_that_almost_fit_never_raise(almost, closed):
    pair = Pair().open()
    tcp = pair.client.tcp
    pair.server.lose = pair.client.lose = lambda number, segment: True
    tcp.write(b"w" * 20_000)
    if closed & 1:
        tcp.shutdown_write()
    if closed & 2:
        tcp.close()
    tcp.segments_to_send(pair.now)

    def crafted():
        for seq, ack, flags, window, size, sack in almost:
            edge = tcp.rcv_nxt + seq // 40
            una = tcp.snd_una + ack // 3
            blocks = tuple(((tcp.snd_una + left) & 0xFFFFFFFF, (tcp.snd_una + right) & 0xFFFFFFFF) for left, right in sack)
            yield Segment(80, 40000, edge & 0xFFFFFFFF, una & 0xFFFFFFFF, flags, window, bytes(size), tcp.ts_recent, 0, blocks)

    attack(tcp, crafted(), pair.now)


@given(st.lists(segments(), max_size=12))
def test_a_listener_takes_anything(strange):
    pair = Pair()
    pair.listen()
    listener = pair.server.listener
    now = pair.now
    for segment in strange:
        now += 300 * MS
        child = listener.receive(segment, now, "peer", 1460)
        if child is not None:
            child.segments_to_send(now)
        listener.segments_to_send(now)
        listener.handle_timer(now)


lossy = st.sets(st.integers(0, 60), max_size=25)


@settings(max_examples=60)
@given(lossy, lossy, st.integers(1, 40_000), st.integers(0, 40_000), st.sampled_from([20_000, 3 * MS]), st.booleans(), st.booleans())
def test_whatever_is_lost_both_streams_arrive(client_loses, server_loses, up, down, delay, sack, stamps):
    pair = Pair(delay)
    for host in (pair.client, pair.server):
        host.settings.tcp_sack = sack
        host.settings.tcp_timestamps = stamps
    pair.client.lose = lambda number, segment: number in client_loses
    pair.server.lose = lambda number, segment: number in server_loses
    pair.listen()
    pair.connect()
    question = bytes(index * 7 & 0xFF for index in range(up))
    answer = bytes(index * 13 & 0xFF for index in range(down))
    for _ in range(400):
        if pair.client.state is State.ESTABLISHED:
            break
        assert pair.step()
    assert talk(pair, question, answer)


def talk(pair, question, answer):
    """Write all of both, close both when all was written, and run until nothing moves."""
    left = {pair.client: question, pair.server: answer}
    for _ in range(30_000):
        for host in (pair.client, pair.server):
            if host.connection is None or host.tcp.orphan:
                continue
            if left[host]:
                left[host] = left[host][pair.write(host, left[host]):]
            if not left[host] and not host.tcp.send_shutdown:
                pair.shutdown(host)
        if not pair.step():
            break
        for host in (pair.client, pair.server):
            if host.connection is not None:
                check(host.connection)
    return bytes(pair.server.received) == question and bytes(pair.client.received) == answer
