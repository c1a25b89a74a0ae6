"""Two TCP machines with a pipe between them: virtual time, a delay each way, and segments that can be lost. Tests talk in its words:

    pair = Pair().open()
    drop(pair.client)                      # the next segment the client sends is lost
    pair.write(pair.client, b"hello")
    roundtrip(pair.client, pair.server)    # let both say what they have to say
    assert pair.server.received == b"hello"
"""
from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from emu.tcp import Connection, Event, Listener, Segment, Settings, State, decode, encode, reset_for
from emu.tcp.chunk import LOST, RETRANS, SACKED
from emu.tcp.window import SKB_OVERHEAD

MS = 1_000_000
SECOND = 1_000_000_000


class Host:
    """One end: its connection (and, for the server, its listener), what it sent and what it heard."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.settings = Settings()
        self.connection: Connection | None = None
        self.listener: Listener | None = None
        self.sent: list[tuple[int, Segment]] = []
        self.events: list[Event] = []
        self.received = bytearray()
        self.reads = True
        self.lose: Callable[[int, Segment], bool] = lambda number, segment: False

        self.pair: Pair

    def __repr__(self) -> str:
        return self.name

    @property
    def tcp(self) -> Connection:
        """Its connection, which must be there."""
        assert self.connection is not None
        return self.connection

    @property
    def state(self) -> State:
        return self.tcp.state

    def said(self, start: int = 0) -> list[Segment]:
        """What it sent, lost or not, from segment number `start` on."""
        return [segment for _, segment in self.sent[start:]]

    def heard(self, kind: type[Event]) -> list[Event]:
        """The events of one kind it got."""
        return [event for event in self.events if isinstance(event, kind)]


class Pair:
    """client and server, `delay` ns apart. Every segment passes through encode and decode."""

    def __init__(self, delay: int = 50_000, mss: int = 1460, mss_server: int | None = None) -> None:
        self.now = SECOND
        self.delay = delay
        self.mss = mss
        self.mss_server = mss_server or mss
        self.client = Host("client")
        self.server = Host("server")
        self.client.pair = self.server.pair = self
        self.wire: list[tuple[int, int, Host, Segment]] = []
        self._number = 0
        self.log: list[tuple[int, Host, Segment, bool]] = []

    # -- opening

    def listen(self, backlog: int = 128) -> None:
        self.server.listener = Listener(backlog, self.server.settings, lambda peer, sport, dport: 900_000, lambda peer, sport, dport: 77)

    def connect(self) -> None:
        client = self.client
        client.connection = Connection(40000, 80, 100_000, 55, self.mss, client.settings)
        client.connection.connect(self.now)
        self.flush()

    def open(self) -> Pair:
        """Handshake done, nothing under way."""
        self.listen()
        self.connect()
        self.run(10 * self.delay + MS)
        return self

    # -- speaking

    def write(self, host: Host, data: bytes) -> int:
        assert host.connection is not None
        taken = host.connection.write(data)
        self.flush()
        return taken

    def close(self, host: Host) -> None:
        assert host.connection is not None
        host.connection.close()
        self.flush()

    def shutdown(self, host: Host) -> None:
        assert host.connection is not None
        host.connection.shutdown_write()
        self.flush()

    def abort(self, host: Host) -> None:
        assert host.connection is not None
        host.connection.abort()
        self.flush()

    def read(self, host: Host, n: int = -1) -> bytes:
        assert host.connection is not None
        data = host.connection.read(n)
        host.received += data
        self.flush()
        return data

    # -- time

    def flush(self) -> None:
        """Put what both ends want to send on the wire, hear their events, read what is readable."""
        again = True
        while again:
            again = False
            for host in (self.client, self.server):
                if host.listener is not None:
                    for _, segment in host.listener.segments_to_send(self.now):
                        self._send(host, segment)
                connection = host.connection
                if connection is None:
                    continue
                for segment in connection.segments_to_send(self.now):
                    self._send(host, segment)
                while (event := connection.next_event()) is not None:
                    host.events.append(event)
                if host.reads and connection.readable():
                    host.received += connection.read()
                    again = True

    def _send(self, host: Host, segment: Segment) -> None:
        number = len(host.sent)
        host.sent.append((self.now, segment))
        lost = host.lose(number, segment)
        self.log.append((self.now, host, segment, lost))
        if not lost:
            other = self.server if host is self.client else self.client
            copy = decode(encode(segment))
            assert copy == segment
            self._number += 1
            heappush(self.wire, (self.now + self.delay, self._number, other, copy))

    def next_time(self) -> int | None:
        times = [self.wire[0][0]] if self.wire else []
        for host in (self.client, self.server):
            for machine in (host.connection, host.listener):
                when = machine.next_timeout() if machine is not None else None
                if when is not None:
                    times.append(max(when, self.now))
        return min(times, default=None)

    def step(self) -> bool:
        when = self.next_time()
        if when is None:
            return False
        self.now = when
        if self.wire and self.wire[0][0] <= when:
            _, _, host, segment = heappop(self.wire)
            self.deliver(host, segment)
        else:
            for host in (self.client, self.server):
                for machine in (host.connection, host.listener):
                    if machine is not None and (due := machine.next_timeout()) is not None and due <= self.now:
                        machine.handle_timer(self.now)
        self.flush()
        return True

    def deliver(self, host: Host, segment: Segment) -> None:
        """Give a segment to a host as its stack would: connection, listener, or RST."""
        connection = host.connection
        if connection is not None:
            connection.receive(segment, self.now)
        elif host.listener is not None:
            child = host.listener.receive(segment, self.now, "peer", self.mss_server)
            if child is not None:
                host.connection = child
        else:
            answer = reset_for(segment)
            if answer is not None:
                self._send(host, answer)

    def run(self, duration: int) -> None:
        """Let time pass."""
        end = self.now + duration
        while (when := self.next_time()) is not None and when <= end:
            self.step()
        self.now = end
        self.flush()

    def finish(self, limit: int = 10_000) -> None:
        """Until nothing is left to happen."""
        for _ in range(limit):
            if not self.step():
                return
        raise AssertionError("it does not come to an end")

    # -- looking

    def story(self, start: int = 0) -> str:
        """What went over the wire, as in a capture."""
        zero = self.log[0][0] if self.log else 0
        lines = []
        for when, host, segment, lost in self.log[start:]:
            lines.append(f"{(when - zero) / 1e9:11.6f} {'C>S' if host is self.client else '   S>C'} {'LOST ' if lost else ''}{segment!r}")
        return "\n".join(lines)


def roundtrip(one: Host, other: Host) -> None:
    """Both send what they have to send and hear it, and the answers to that: no timer but short ones comes due."""
    assert one.pair is other.pair
    one.pair.run(4 * one.pair.delay)


def drop(host: Host, count: int = 1) -> None:
    """The next `count` segments the host sends are lost."""
    first = len(host.sent)
    host.lose = lambda number, segment: first <= number < first + count


def check(tcp: Connection) -> None:
    """The counts agree with the queues they count."""
    queue = tcp.rtx_queue
    assert tcp.packets_out == len(queue)
    assert tcp.lost_out == sum(1 for chunk in queue if chunk.sacked & LOST)
    assert tcp.retrans_out == sum(1 for chunk in queue if chunk.sacked & RETRANS)
    if tcp.sack_ok:
        assert tcp.sacked_out == sum(1 for chunk in queue if chunk.sacked & SACKED)
    edges = [edge for chunk in queue for edge in (chunk.seq, chunk.end)]
    assert edges[1:-1:2] == edges[2::2]
    if queue:
        assert edges[0] == tcp.snd_una
        assert edges[-1] == tcp.snd_nxt
    assert tcp.recv_len == sum(len(payload) for payload, _ in tcp.recv_queue) - tcp.recv_offset
    assert tcp.rmem == sum(truesize for _, truesize in tcp.recv_queue) + sum(len(early[2]) + SKB_OVERHEAD for early in tcp.ofo)
    if tcp.state is not State.CLOSE:
        assert tcp.wmem == sum(len(chunk.data) + chunk.cost for waiting in (queue, tcp.write_queue) for chunk in waiting)


def shape(segment: Segment) -> str:
    """Flags and payload length, the way a person reads a capture: `S`, `S.`, `.`, `P. 77`, `F.`."""
    letters = "".join(letter for bit, letter in ((2, "S"), (1, "F"), (4, "R"), (8, "P"), (16, ".")) if segment.flags & bit)
    return f"{letters} {len(segment.payload)}" if segment.payload else letters
