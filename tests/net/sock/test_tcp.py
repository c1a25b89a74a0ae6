"""TCP sockets between the machine and IP: handshakes, resets, errors, timers, and what the packets look like."""

from __future__ import annotations

from struct import pack, unpack
from typing import Any

import pytest

from emu.iproute import link
from emu.net.sock.tcp import TcpSocket
from emu.net.sock.tcp_listen import TcpListener
from emu.tcp.states import State
from emu.wire.addr import ip_int
from emu.wire.checksum import l4_checksum
from emu.wire.frame import Frame
from tests.aio.lab import Lab, Routed

A_IP, B_IP = ip_int("10.0.0.1"), ip_int("10.0.0.2")
S, A, F, R, P = 2, 16, 1, 4, 8


@pytest.fixture
def lab() -> Lab:
    return Lab()


def listener(ns: Any, port: int = 80, addr: int = 0, backlog: int = 5, **options: Any) -> TcpListener:
    sk = TcpListener(ns)
    for name, value in options.items():
        setattr(sk, name, value)
    sk.bind(addr, port)
    sk.listen(backlog)
    return sk


def pair(lab: Lab, port: int = 80) -> tuple[TcpSocket, TcpSocket, TcpListener]:
    """A connection from a to b."""
    server = listener(lab.b, port)
    client = TcpSocket(lab.a)
    client.connect(ip_int("10.0.9.2") if isinstance(lab, Routed) else B_IP, port)
    lab.go(0.1)
    accepted = server.accept()
    assert client.connected
    assert accepted is not None
    return client, accepted, server


def flags(lab: Lab, device: str = "a.eth0") -> list[tuple[str, int]]:
    """(direction, TCP flags) of the segments a device saw."""
    return [(way, wire[47]) for _, name, way, wire in lab.frames if name == device and wire[12:14] == b"\x08\x00" and wire[23] == 6]


def test_a_connection_is_made_used_and_ended(lab: Lab) -> None:
    client, server, listening = pair(lab)
    assert client.peername() == (B_IP, 80)
    assert server.peername() == (A_IP, client.sport)
    assert client.send(b"question") == 8
    lab.go(0.1)
    assert server.recv() == b"question"
    assert server.recv() is None
    server.send(b"answer")
    server.close()
    lab.go(0.1)
    assert client.recv() == b"answer"
    assert client.recv() == b""
    client.close()
    lab.go(0.1)
    assert (client.state, server.state) == (State.CLOSE, State.TIME_WAIT)
    lab.go(61)
    assert lab.a.sockets.established == {}
    assert lab.b.sockets.established == {}
    listening.close()
    assert lab.a.sockets.tcp_bound == lab.b.sockets.tcp_bound == {}
    assert lab.unbalanced() == []
    assert lab.drops == []


def test_the_packets_are_numbered_and_marked_as_linux_does(lab: Lab) -> None:
    client, *_ = pair(lab)
    client.send(b"x")
    lab.go(0.1)
    ip = [(way, unpack("!HH", wire[18:22])) for _, name, way, wire in lab.frames if name == "a.eth0" and wire[12:14] == b"\x08\x00"]
    ids = [number for way, (number, _) in ip if way == "tx"]
    assert all(fragment == 0x4000 for _, (_, fragment) in ip), "DF on all"
    assert ids == [(ids[0] + step) & 0xFFFF for step in range(len(ids))], "a connection counts its packets"
    assert ip[1] == ("rx", (0, 0x4000)), "SYN-ACK has id 0"
    assert ids[0]
    for *_, wire in lab.frames:
        if wire[12:14] == b"\x08\x00" and wire[23] == 6:
            assert l4_checksum(*unpack("!II", wire[26:34]), 6, wire[34:50] + b"\0\0" + wire[52:]) == unpack("!H", wire[50:52])[0]


def test_a_closed_port_refuses_at_once(lab: Lab) -> None:
    client = TcpSocket(lab.a)
    client.connect(B_IP, 81)
    lab.go(0.1)
    assert not client.connected
    assert client.take_error() == 111
    assert flags(lab) == [("tx", S), ("rx", R | A)]
    reset = lab.frames[-1][3]
    assert (reset[18:20], unpack("!IIBBH", reset[38:50])[0::4]) == (b"\0\0", (0, 0)), "IP id 0, sequence 0, window 0"
    assert [drop[:2] for drop in lab.drops] == [("b", "NO_SOCKET")]
    assert lab.unbalanced() == []


def test_nobody_answers_and_connect_gives_up(lab: Lab) -> None:
    link.set_down(lab.b, "eth0")
    link.set_up(lab.b, "eth0")
    lab.b.protocols = lab.b.protocols | {6: lambda ns, skb: ns.drop(skb, "NETFILTER_DROP")}
    client = TcpSocket(lab.a)
    client.connect(B_IP, 80)
    lab.go(300)
    assert client.take_error() == 110
    times = [t // 1_000_000_000 for t, name, way, wire in lab.frames if name == "a.eth0" and way == "tx" and wire[12:14] == b"\x08\x00"]
    assert times == [0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67]


def test_a_host_that_is_not_there_is_no_route_to_host(lab: Lab) -> None:
    client = TcpSocket(lab.a)
    client.connect(ip_int("10.0.0.99"), 80)
    lab.go(10)
    assert client.take_error() == 113
    assert lab.unbalanced() == []


def test_routes_that_refuse(lab: Lab) -> None:
    for address in ("192.0.2.1", "10.0.0.255", "224.0.0.1"):
        with pytest.raises(OSError, match="Network is unreachable"):
            TcpSocket(lab.a).connect(ip_int(address), 80)


def test_a_segment_of_no_connection_is_reset(lab: Lab) -> None:
    client, server, _ = pair(lab)
    server.kill()
    client.send(b"x")
    lab.go(0.1)
    with pytest.raises(ConnectionResetError):
        client.recv()
    with pytest.raises(BrokenPipeError):
        client.send(b"y")


def test_close_with_unread_data_resets(lab: Lab) -> None:
    client, server, _ = pair(lab)
    client.send(b"x")
    lab.go(0.1)
    server.close()
    lab.go(0.1)
    assert flags(lab)[-1] == ("rx", R | A)
    with pytest.raises(ConnectionResetError):
        client.recv()


def test_linger_0_resets(lab: Lab) -> None:
    client, _, _ = pair(lab)
    client.linger_zero = True
    client.close()
    assert flags(lab)[-1] == ("tx", R | A)
    assert lab.a.sockets.established == {}


def test_half_close_still_receives(lab: Lab) -> None:
    client, server, _ = pair(lab)
    client.shutdown()
    with pytest.raises(BrokenPipeError):
        client.send(b"more")
    lab.go(0.1)
    assert server.recv() == b""
    server.send(b"but I have more")
    lab.go(0.1)
    assert client.recv() == b"but I have more"
    server.close()
    lab.go(0.1)
    assert client.recv() == b""
    assert client.state is State.TIME_WAIT


def test_time_wait_keeps_the_port_unless_reused(lab: Lab) -> None:
    client, server, listening = pair(lab)
    server.close()
    lab.go(0.1)
    client.close()
    listening.close()
    lab.go(0.1)
    with pytest.raises(OSError, match="Address already in use"):
        listener(lab.b)
    lab.go(61)
    listener(lab.b)


def test_a_server_with_reuse_address_starts_again_at_once(lab: Lab) -> None:
    server = listener(lab.b, reuse_address=True)
    client = TcpSocket(lab.a)
    client.connect(B_IP, 80)
    lab.go(0.1)
    child = server.accept()
    assert child is not None
    child.close()
    server.close()
    lab.go(0.1)
    again = listener(lab.b, reuse_address=True)
    client.close()
    lab.go(0.1)
    assert child.state is State.TIME_WAIT
    repeat = TcpSocket(lab.a)
    repeat.bind(0, client.sport)
    lab.go(1)
    repeat.connect(B_IP, 80)
    lab.go(0.1)
    assert repeat.connected, "a later SYN takes the place of the connection in TIME_WAIT"
    assert again.accept() is not None


def test_a_listener_takes_no_more_than_its_backlog(lab: Lab) -> None:
    server = listener(lab.b, backlog=1)
    clients = []
    for _ in range(4):
        clients.append(TcpSocket(lab.a))
        clients[-1].connect(B_IP, 80)
        lab.go(0.01)
    assert len(server.accept_queue) == 2
    assert server.accept() is not None
    lab.go(10)
    assert len(server.accept_queue) == 2, "a SYN that was ignored comes again"


def test_a_closing_listener_resets_what_nobody_accepted(lab: Lab) -> None:
    server = listener(lab.b)
    client = TcpSocket(lab.a)
    client.connect(B_IP, 80)
    lab.go(0.1)
    server.close()
    lab.go(0.1)
    with pytest.raises(ConnectionResetError):
        client.recv()
    assert lab.b.sockets.tcp_bound == {}


def test_the_listener_of_the_address_wins_and_groups_share(lab: Lab) -> None:
    anywhere = listener(lab.b, reuse_port=True)
    here = [listener(lab.b, addr=B_IP, reuse_port=True) for _ in range(3)]
    for _ in range(48):
        TcpSocket(lab.a).connect(B_IP, 80)
    lab.go(0.1)
    shares = []
    for sk in here:
        count = 0
        while sk.accept() is not None:
            count += 1
        shares.append(count)
    assert anywhere.accept() is None
    assert sum(shares) == 3 * 6, "each has its backlog"
    assert all(shares)


def test_mss_follows_the_route(lab: Lab) -> None:
    link.set_mtu(lab.a, "eth0", 1000)
    client, server, _ = pair(lab)
    syn = next(wire for _, name, way, wire in lab.frames if name == "a.eth0" and wire[23] == 6 and wire[12:14] == b"\x08\x00")
    assert syn[54:58] == pack("!BBH", 2, 4, 960)
    server.send(bytes(5000))
    lab.go(0.1)
    assert max(len(wire) for *_, wire in lab.frames) == 1014
    assert client.recv() == bytes(5000)


def test_path_mtu_discovery_cuts_segments() -> None:
    lab = Routed()
    link.set_mtu(lab.router, "right", 1000)
    client, server, _ = pair(lab)
    client.send(bytes(20000))
    lab.go(5)
    received = b""
    while chunk := server.recv():
        received += chunk
    assert received == bytes(20000)
    assert "PKT_TOO_BIG" in [drop[1] for drop in lab.drops]
    assert lab.unbalanced() == []


def test_tcp_confirms_its_neighbour_so_that_no_arp_is_needed(lab: Lab) -> None:
    client, server, _ = pair(lab)
    for _ in range(200):
        client.send(b"x")
        lab.go(0.25)
        assert server.recv() == b"x"
        server.send(b"y")
        lab.go(0.25)
        assert client.recv() == b"y"
    requests = [wire for _, name, way, wire in lab.frames if name == "a.eth0" and wire[12:14] == b"\x08\x06"]
    assert len(requests) == 2, "one request and its answer in 100 s"


def test_keepalive_asks_an_idle_peer_and_gives_up_on_a_dead_one(lab: Lab) -> None:
    client, server, _ = pair(lab)
    client.set_keepalive(True)
    lab.go(7300)
    assert flags(lab)[-2:] == [("tx", A), ("rx", A)]
    assert client.error == 0
    server.kill()
    lab.b.protocols = lab.b.protocols | {6: lambda ns, skb: ns.drop(skb, "NETFILTER_DROP")}
    lab.go(7200 + 10 * 75)
    assert client.take_error() == 110


def test_reading_makes_what_follows_caused_by_the_segment(lab: Lab) -> None:
    client, server, _ = pair(lab)
    first = max(lab.causes)
    client.send(b"x")
    question = first + 1
    lab.go(0.01)
    server.on_event = lambda: server.recv() and server.send(b"y")
    server.wake()
    lab.go(0.01)
    payloads = [frame_id for frame_id, cause in lab.causes.items() if cause == question]
    assert payloads


def segment(lab: Lab, data: bytes) -> Frame:
    header = pack("!BBHHHBBHII", 0x45, 0, 20 + len(data), 1, 0, 64, 6, 0, A_IP, B_IP)
    header = header[:10] + pack("!H", 0xFFFF - int.from_bytes(header, "big") % 0xFFFF) + header[12:]
    return Frame.make(lab.b.devices["eth0"].mac + lab.a.devices["eth0"].mac + b"\x08\x00" + header + data, lab.sim.new_id())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "PKT_TOO_SMALL"),
        (bytes(19), "PKT_TOO_SMALL"),
        (pack("!HHIIHHHH", 1, 80, 0, 0, 0x4002, 0, 0, 0), "PKT_TOO_SMALL"),
        (pack("!HHIIHHHH", 1, 80, 0, 0, 0xF002, 0, 0, 0), "PKT_TOO_SMALL"),
        (pack("!HHIIHHHH", 1, 80, 0, 0, 0x5002, 0, 0xBEEF, 0), "TCP_CSUM"),
    ],
)
def test_what_is_wrong_with_a_segment_is_told(lab: Lab, data: bytes, reason: str) -> None:
    listener(lab.b)
    lab.sim.post_soon(lab.b.devices["eth0"].receive, segment(lab, data))
    lab.go(1)
    assert [drop[1] for drop in lab.drops] == [reason]
    assert flags(lab) == []


def test_an_icmp_error_about_something_else_is_ignored(lab: Lab) -> None:
    client, _, _ = pair(lab)
    forged = pack("!BBHHHBBHII", 0x45, 0, 40, 1, 0, 64, 6, 0, A_IP, B_IP) + pack("!HHI", client.sport, 80, (client.conn.snd_una + 99) & 0xFFFFFFFF)  # type: ignore[union-attr]
    error = lab.a.born(0x800, b"")
    lab.a.err_handlers[6](lab.a, error, 3, 4, 600, forged)
    lab.a.delivered(error)
    client.send(bytes(3000))
    assert max(len(wire) for *_, wire in lab.frames) == 1514


def test_the_namespace_takes_its_connections_along(lab: Lab) -> None:
    client, server, _ = pair(lab)
    told: list[bool] = []
    server.on_event = lambda: told.append(server.dead)
    lab.machine.delete_netns("b")
    lab.go(0)
    assert told == [True]
    client.send(b"x")
    lab.go(0.1)
    assert client.connected, "nobody told the other end"


def test_the_same_seed_gives_the_same_frames_and_another_gives_others() -> None:
    def story(seed: int) -> list[bytes]:
        lab = Lab(seed)
        client, server, _ = pair(lab)
        client.send(b"x" * 5000)
        lab.go(1)
        server.close()
        lab.go(100)
        return [wire for *_, wire in lab.frames]

    assert story(1) == story(1)
    assert story(1) != story(2)
