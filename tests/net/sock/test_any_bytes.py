"""Segments of any bytes never raise: they are dropped or answered, and what is connected goes on."""

from __future__ import annotations

from struct import pack

from hypothesis import given, settings
from hypothesis import strategies as st

from emu.net.sock.ping import PingSocket
from emu.net.sock.raw import RawSocket
from emu.net.sock.tcp import TcpSocket
from emu.net.sock.tcp_listen import TcpListener
from emu.net.sock.udp import UdpSocket
from emu.wire.addr import ip_int
from emu.wire.checksum import checksum, l4_checksum
from emu.wire.frame import Frame
from tests.aio.lab import Lab

A_IP, B_IP = ip_int("10.0.0.1"), ip_int("10.0.0.2")


class World(Lab):
    """b has one socket of each kind, and a connection from a; `tell` puts a packet from a on b's device."""

    def __init__(self) -> None:
        super().__init__()
        self.listener = TcpListener(self.b)
        self.listener.bind(0, 80)
        self.listener.listen(5)
        self.client = TcpSocket(self.a)
        self.client.connect(B_IP, 80)
        self.go(0.1)
        server = self.listener.accept()
        assert server is not None
        self.server = server
        self.udp = UdpSocket(self.b)
        self.udp.bind(0, 53)
        self.udp.recverr = True
        self.ping = PingSocket(self.b)
        self.ping.sendto(b"\x08\x00\x00\x00\x00\x00\x00\x01", A_IP)
        self.raw = RawSocket(self.b)
        self.go(0.1)

    def tell(self, proto: int, payload: bytes, daddr: int = B_IP, ihl: int = 5, fragment: int = 0) -> None:
        header = pack("!BBHHHBBHII", 0x40 | ihl, 0, 20 + len(payload), 1, fragment, 64, proto, 0, A_IP, daddr)
        header = header[:10] + pack("!H", checksum(header)) + header[12:]
        frame = Frame.make(self.b.devices["eth0"].mac + self.a.devices["eth0"].mac + b"\x08\x00" + header + payload, self.sim.new_id())
        self.world.tp.on_life("born", frame.id)
        self.sim.post_soon(self.b.devices["eth0"].receive, frame)
        self.go(0.01)

    def check(self) -> None:
        """Everything still works, or ended in an orderly way."""
        self.go(400)
        probe = UdpSocket(self.a)
        while self.udp.error_queue:
            self.udp.take_queued_error()
        self.udp.take_error()
        self.udp.queue.clear()
        probe.sendto(b"still there?", B_IP, 53)
        self.go(1)
        datagram = self.udp.recv()
        assert datagram is not None
        assert datagram[0] == b"still there?"
        assert self.unbalanced() == []
        assert self.loop.errors == []


SEQ = st.one_of(st.sampled_from([0, 0, 0, 1, -1]), st.integers(-70000, 70000), st.integers(0, 2**32 - 1))  # from what is expected
FLAGS = st.integers(0, 0x1FF)


@settings(max_examples=80)
@given(st.lists(st.tuples(st.sampled_from([0, 0, 1, 2]), SEQ, SEQ, FLAGS, st.integers(0, 15), st.integers(0, 65535), st.binary(max_size=60)), max_size=12))
def test_tcp_segments(segments: list[tuple[int, int, int, int, int, int, bytes]]) -> None:
    world = World()
    conn = world.server.conn
    assert conn is not None
    for stranger, seq, ack, flags, offset, window, rest in segments:
        sport, dport = world.client.sport if not stranger else 1234, 81 if stranger == 2 else 80
        data = pack("!HHIIHHHH", sport, dport, (conn.rcv_nxt + seq) & 0xFFFFFFFF, (conn.snd_una + ack) & 0xFFFFFFFF, offset << 12 | flags, window, 0, 0) + rest
        data = data[:16] + pack("!H", l4_checksum(A_IP, B_IP, 6, data)) + data[18:]
        world.tell(6, data)
    world.check()


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from([1, 6, 17, 253]), st.binary(max_size=80), st.sampled_from([B_IP, 0xFFFFFFFF, ip_int("10.0.0.255")])), max_size=8))
def test_payloads_of_any_bytes(packets: list[tuple[int, bytes, int]]) -> None:
    world = World()
    for proto, payload, daddr in packets:
        world.tell(proto, payload, daddr)
        if proto == 1 and len(payload) >= 4:
            world.tell(1, payload[:2] + pack("!H", checksum(payload[:2] + b"\0\0" + payload[4:])) + payload[4:], daddr)
    world.check()


@settings(max_examples=80)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([3, 4, 5, 11, 12]), st.integers(0, 16), st.integers(0, 70000), st.sampled_from([1, 6, 17]),
            st.sampled_from([5, 5, 5, 5, 0, 4, 6, 15]), st.binary(max_size=40), SEQ,
        ),
        max_size=10,
    )
)  # fmt: skip
def test_icmp_errors_about_our_packets(errors: list[tuple[int, int, int, int, int, bytes, int]]) -> None:
    world = World()
    conn = world.server.conn
    assert conn is not None
    for kind, code, info, proto, ihl, rest, seq in errors:
        head = {
            1: b"\x08\x00\x00\x00" + pack("!H", world.ping.sport),
            6: pack("!HHI", 80, world.client.sport, (conn.snd_una + seq) & 0xFFFFFFFF),
            17: pack("!HHHH", 53, 1234, 8, 0),
        }[proto]
        quoted = pack("!BBHHHBBHII", 0x40 | ihl, 0, 20 + len(head) + len(rest), 1, 0, 64, proto, 0, B_IP, A_IP) + head + rest
        message = pack("!BBHI", kind, code, 0, info) + quoted
        world.tell(1, message[:2] + pack("!H", checksum(message)) + message[4:])
    world.check()
