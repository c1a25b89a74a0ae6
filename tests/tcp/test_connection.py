"""A connection from SYN to CLOSED, told by two machines and a pipe."""
from __future__ import annotations

from emu.tcp import State
from tests.tcp.pair import MS, Pair


def test_a_handshake_and_a_request_and_its_answer():
    pair = Pair().open()
    pair.write(pair.client, b"GET /")
    pair.run(MS)
    pair.write(pair.server, b"hello")
    pair.run(MS)
    assert bytes(pair.server.received) == b"GET /"
    assert bytes(pair.client.received) == b"hello"


def test_both_close_and_the_first_waits():
    pair = Pair().open()
    pair.close(pair.client)
    pair.run(MS)
    pair.close(pair.server)
    pair.run(MS)
    assert pair.client.connection.state is State.TIME_WAIT
    assert pair.server.connection.state is State.CLOSE
