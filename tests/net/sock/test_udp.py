"""UDP sockets: who gets a datagram, who is told that it could not be delivered."""

from __future__ import annotations

from struct import pack

import pytest

from emu.iproute import link, route
from emu.net.sock.base import PMTUDISC_DO
from emu.net.sock.udp import UdpSocket
from emu.wire.addr import ip_int
from emu.wire.frame import Frame
from tests.aio.lab import Lab, Routed, give

A_IP, B_IP = ip_int("10.0.0.1"), ip_int("10.0.0.2")


@pytest.fixture
def lab() -> Lab:
    return Lab()


def udp(ns: object, port: int = 0, addr: int = 0, **options: object) -> UdpSocket:
    sk = UdpSocket(ns)  # type: ignore[arg-type]
    for name, value in options.items():
        setattr(sk, name, value)
    if port:
        sk.bind(addr, port)
    return sk


def heard(sk: UdpSocket) -> list[bytes]:
    found = []
    while (datagram := sk.recv()) is not None:
        found.append(datagram[0])
    return found


def sent(lab: Lab, device: str = "a.eth0") -> list[bytes]:
    """IP packets that a device transmitted."""
    return [wire[14:] for _, name, way, wire in lab.frames if name == device and way == "tx" and wire[12:14] == b"\x08\x00"]


def test_a_datagram_arrives_with_its_source(lab: Lab) -> None:
    server, client = udp(lab.b, 53), udp(lab.a, 4000)
    assert client.sendto(b"hello", B_IP, 53) == 5
    lab.go()
    lab.go(1)
    assert server.recvfrom() == (b"hello", ("10.0.0.1", 4000))
    with pytest.raises(BlockingIOError):
        server.recvfrom()


def test_the_answer_is_caused_by_the_question(lab: Lab) -> None:
    server, client = udp(lab.b, 53), udp(lab.a, 4000)
    server.on_event = lambda: [server.sendto(data.upper(), A_IP, 4000) for data in heard(server)]
    client.sendto(b"hello", B_IP, 53)
    lab.go(1)
    assert heard(client) == [b"HELLO"]
    question, answer = min(lab.causes), max(lab.causes)
    assert lab.causes[answer] == question != answer


def test_udp_has_df_and_an_id_that_is_not_zero(lab: Lab) -> None:
    udp(lab.b, 53)
    client = udp(lab.a)
    client.connect(B_IP, 53)
    client.send(b"one")
    client.send(b"two")
    lab.go(1)
    packets = sent(lab)
    ids = [int.from_bytes(packet[4:6], "big") for packet in packets]
    assert [packet[6:8] for packet in packets] == [b"\x40\x00"] * 2
    assert ids[0] != 0
    assert ids[1] == (ids[0] + 1) & 0xFFFF, "a connected socket counts its own packets"


def test_without_leave_to_fragment_the_id_is_zero(lab: Lab) -> None:
    client = udp(lab.a, pmtudisc=PMTUDISC_DO)
    client.sendto(b"x", B_IP, 53)
    lab.go(1)
    assert sent(lab)[0][4:8] == b"\x00\x00\x40\x00"


def test_a_closed_port_is_refused_to_a_connected_socket_only(lab: Lab) -> None:
    connected, loose = udp(lab.a), udp(lab.a)
    connected.connect(B_IP, 99)
    connected.send(b"x")
    loose.sendto(b"x", B_IP, 99)
    lab.go(1)
    with pytest.raises(ConnectionRefusedError, match="Connection refused"):
        connected.recv()
    assert connected.recv() is None, "the error was taken"
    assert loose.recv() is None
    assert [drop[:2] for drop in lab.drops] == [("b", "NO_SOCKET")] * 2
    assert lab.unbalanced() == []


def test_the_next_send_reports_the_refusal_too(lab: Lab) -> None:
    sk = udp(lab.a)
    sk.connect(B_IP, 99)
    sk.send(b"x")
    lab.go(1)
    with pytest.raises(ConnectionRefusedError):
        sk.send(b"y")
    assert sk.send(b"z") == 1


def test_the_error_queue_names_the_router_that_dropped() -> None:
    lab = Routed()
    sk = udp(lab.a, recverr=True, ttl=1)
    sk.sendto(b"probe", ip_int("10.0.9.2"), 33434)
    lab.go(1)
    error = sk.take_queued_error()
    assert error is not None
    assert (error.errno, error.type, error.code) == (113, 11, 0)
    assert error.offender == ip_int("10.0.0.254")
    assert (error.daddr, error.dport, error.data) == (ip_int("10.0.9.2"), 33434, b"probe")
    assert sk.take_queued_error() is None


def test_too_big_is_told_with_the_mtu() -> None:
    lab = Routed()
    link.set_mtu(lab.router, "right", 1000)
    sk = udp(lab.a, recverr=True, pmtudisc=PMTUDISC_DO)
    sk.connect(ip_int("10.0.9.2"), 9)
    sk.send(bytes(1400))
    lab.go(1)
    error = sk.take_queued_error()
    assert error is not None
    assert (error.errno, error.info) == (90, 1000)
    with pytest.raises(OSError, match="Message too long"):
        sk.send(bytes(1400))  # the path MTU is known now
    assert sk.send(bytes(900)) == 900


def test_a_large_datagram_is_fragmented_and_put_together_again(lab: Lab) -> None:
    server, client = udp(lab.b, 53), udp(lab.a)
    data = bytes(range(256)) * 20
    client.sendto(data, B_IP, 53)
    lab.go(1)
    assert heard(server) == [data]
    assert lab.unbalanced() == []
    with pytest.raises(OSError, match="Message too long"):
        client.sendto(bytes(65508), B_IP, 53)


def test_broadcast_needs_permission_and_reaches_every_socket(lab: Lab) -> None:
    first, second = udp(lab.b, 67, reuse_address=True), udp(lab.b, 67, reuse_address=True)
    elsewhere = udp(lab.b, 67, B_IP, reuse_address=True)
    client = udp(lab.a)
    with pytest.raises(PermissionError):
        client.sendto(b"x", ip_int("10.0.0.255"), 67)
    client.broadcast = True
    client.sendto(b"x", ip_int("10.0.0.255"), 67)
    client.sendto(b"y", ip_int("10.0.0.255"), 68)
    lab.go(1)
    assert heard(first) == heard(second) == [b"x"]
    assert heard(elsewhere) == [], "it is bound to another address"
    assert lab.drops == [], "a broadcast nobody wants is no error"
    assert lab.unbalanced() == []


def test_the_socket_that_names_more_of_the_datagram_gets_it(lab: Lab) -> None:
    anywhere, here, peer = (udp(lab.b, reuse_address=True) for _ in range(3))
    anywhere.bind(0, 53)
    here.bind(B_IP, 53)
    peer.bind(B_IP, 53)
    peer.connect(A_IP, 1000)
    on_device = udp(lab.b, reuse_address=True)
    on_device.bind_to_device("lo")
    on_device.bind(0, 53)
    udp(lab.a, 1000).sendto(b"from 1000", B_IP, 53)
    udp(lab.a, 2000).sendto(b"from 2000", B_IP, 53)
    give(lab.b, "eth0", "10.0.0.3/24")
    udp(lab.a, 3000).sendto(b"to .3", ip_int("10.0.0.3"), 53)
    lab.go(1)
    assert (heard(peer), heard(here), heard(anywhere), heard(on_device)) == ([b"from 1000"], [b"from 2000"], [b"to .3"], [])


def test_of_equal_sockets_the_latest_bound_wins(lab: Lab) -> None:
    first, second = udp(lab.b, 53, reuse_address=True), udp(lab.b, 53, reuse_address=True)
    udp(lab.a).sendto(b"x", B_IP, 53)
    lab.go(1)
    assert (heard(first), heard(second)) == ([], [b"x"])


def test_a_reuseport_group_shares_by_flow(lab: Lab) -> None:
    group = [udp(lab.b, 53, reuse_port=True) for _ in range(4)]
    clients = [udp(lab.a, 2000 + number) for number in range(64)]
    for _ in range(2):
        for client in clients:
            client.sendto(b"%d" % client.sport, B_IP, 53)
    lab.go(1)
    shares = [heard(sk) for sk in group]
    assert sum(len(share) for share in shares) == 128
    assert all(len(share) >= 10 for share in shares), "every socket has its part"
    assert all(share.count(data) == 2 for share in shares for data in share), "a flow stays with one socket"


def test_the_receive_buffer_is_bounded(lab: Lab) -> None:
    server, client = udp(lab.b, 53), udp(lab.a)
    for _ in range(400):
        client.sendto(b"x", B_IP, 53)
        lab.go(0.001)
    assert len(heard(server)) == 212992 // 832
    assert {reason for _, reason, _ in lab.drops} == {"SOCKET_RCVBUFF"}
    client.sendto(b"again", B_IP, 53)
    lab.go(1)
    assert heard(server) == [b"again"]
    assert lab.unbalanced() == []


def frame(lab: Lab, payload: bytes) -> Frame:
    """An IP packet with this UDP segment, from a to b's device."""
    header = pack("!BBHHHBBHII", 0x45, 0, 20 + len(payload), 1, 0, 64, 17, 0, A_IP, B_IP)
    total = int.from_bytes(header, "big") % 0xFFFF
    header = header[:10] + pack("!H", 0xFFFF - total) + header[12:]
    return Frame.make(lab.b.devices["eth0"].mac + lab.a.devices["eth0"].mac + b"\x08\x00" + header + payload, lab.sim.new_id())


@pytest.mark.parametrize(
    ("segment", "reason"),
    [
        (pack("!HHHH", 1, 53, 10, 0xBEEF) + b"ab", "UDP_CSUM"),
        (pack("!HHHH", 1, 53, 7, 0), "PKT_TOO_SMALL"),
        (pack("!HHHH", 1, 53, 11, 0) + b"ab", "PKT_TOO_SMALL"),
        (pack("!HHH", 1, 53, 6), "PKT_TOO_SMALL"),
    ],
)
def test_what_is_wrong_with_a_segment_is_told(lab: Lab, segment: bytes, reason: str) -> None:
    server = udp(lab.b, 53)
    lab.sim.post_soon(lab.b.devices["eth0"].receive, frame(lab, segment))
    lab.go(1)
    assert heard(server) == []
    assert [drop[1] for drop in lab.drops] == [reason]


def test_no_checksum_is_no_error_and_padding_is_cut_off(lab: Lab) -> None:
    server = udp(lab.b, 53)
    lab.sim.post_soon(lab.b.devices["eth0"].receive, frame(lab, pack("!HHHH", 1, 53, 10, 0) + b"ab, and more"))
    lab.go(1)
    assert heard(server) == [b"ab"]


def test_errors_before_anything_is_sent(lab: Lab) -> None:
    sk = udp(lab.a)
    with pytest.raises(OSError, match="Network is unreachable"):
        sk.sendto(b"x", ip_int("192.0.2.1"), 53)
    with pytest.raises(OSError, match="Network is unreachable"):
        sk.connect(ip_int("192.0.2.1"), 53)
    with pytest.raises(OSError, match="Destination address required"):
        sk.send(b"x")
    with pytest.raises(OSError, match="Invalid argument"):
        sk.sendto(b"x", B_IP, 0)
    with pytest.raises(OSError, match="No such device"):
        sk.bind_to_device("eth7")
    sk.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        sk.sendto(b"x", B_IP, 53)


def test_a_route_that_changes_is_followed_at_once(lab: Lab) -> None:
    sk = udp(lab.a)
    sk.sendto(b"x", B_IP, 53)
    route.add(lab.a, "10.0.0.2/32", type="unreachable")
    with pytest.raises(OSError, match="No route to host"):
        sk.sendto(b"x", B_IP, 53)


def test_0_0_0_0_is_this_host(lab: Lab) -> None:
    server, client = udp(lab.a, 53), udp(lab.a)
    client.sendto(b"x", 0, 53)
    lab.go(1)
    assert server.recvfrom()[1][0] == "127.0.0.1"


def test_a_deleted_namespace_takes_its_sockets_along(lab: Lab) -> None:
    sk = udp(lab.b, 53)
    lab.machine.delete_netns("b")
    lab.go(1)
    assert sk.closed
