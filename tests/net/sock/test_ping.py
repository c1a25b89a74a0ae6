"""Ping and raw sockets."""

from __future__ import annotations

import pytest

from emu.net.sock.base import PMTUDISC_DO
from emu.net.sock.ping import PingSocket
from emu.net.sock.raw import RawSocket
from emu.wire.addr import ip_int
from tests.aio.lab import Lab

A_IP, B_IP = ip_int("10.0.0.1"), ip_int("10.0.0.2")
ECHO = b"\x08\x00\x00\x00\x00\x00\x00\x01payload"


@pytest.fixture
def lab() -> Lab:
    return Lab()


def test_an_echo_request_gets_its_reply(lab: Lab) -> None:
    sk = PingSocket(lab.a)
    sk.sendto(ECHO, B_IP)
    lab.go(1)
    reply = sk.recv()
    assert reply is not None
    message, source, ttl, *_ = reply
    assert (message[0], message[4:6], message[6:]) == (0, sk.sport.to_bytes(2, "big"), b"\x00\x01payload")
    assert (source, ttl) == (B_IP, 64)
    assert sk.recv() is None
    assert lab.unbalanced() == []


def test_requests_have_df_and_replies_have_not(lab: Lab) -> None:
    sk = PingSocket(lab.a)
    sk.sendto(ECHO, B_IP)
    sk.pmtudisc = PMTUDISC_DO
    sk.sendto(ECHO, B_IP)
    lab.go(1)
    packets = [(wire[34], wire[18:20] != b"\0\0", wire[20] & 0x40) for _, name, way, wire in lab.frames if way == "tx" and wire[12:14] == b"\x08\x00"]
    assert packets == [(8, True, 0x40), (8, False, 0x40), (0, True, 0), (0, True, 0)]


def test_each_socket_has_its_own_identifier(lab: Lab) -> None:
    first, second = PingSocket(lab.a), PingSocket(lab.a)
    for sk in (first, second):
        sk.sendto(ECHO, B_IP)
    lab.go(1)
    assert first.sport != second.sport
    for sk in (first, second):
        assert sk.recv() is not None
        assert sk.recv() is None
    third = PingSocket(lab.a)
    with pytest.raises(OSError, match="Address already in use"):
        third.bind(0, first.sport)


def test_only_echo_requests_can_be_sent(lab: Lab) -> None:
    for message in (b"", ECHO[:7], b"\x00" + ECHO[1:], b"\x08\x01" + ECHO[2:]):
        with pytest.raises(OSError, match="Invalid argument"):
            PingSocket(lab.a).sendto(message, B_IP)
    with pytest.raises(OSError, match="Network is unreachable"):
        PingSocket(lab.a).sendto(ECHO, ip_int("192.0.2.1"))
    with pytest.raises(PermissionError):
        PingSocket(lab.a).sendto(ECHO, ip_int("10.0.0.255"))


def test_a_host_that_does_not_answer_arp_is_told_by_the_error_queue(lab: Lab) -> None:
    sk = PingSocket(lab.a)
    sk.recverr = True
    sk.sendto(ECHO, ip_int("10.0.0.77"))
    lab.go(5)
    error = sk.take_queued_error()
    assert error is not None
    assert (error.type, error.code, error.offender, error.data[6:8]) == (3, 1, A_IP, b"\x00\x01")
    assert lab.unbalanced() == []


def test_a_reply_nobody_waits_for_is_dropped(lab: Lab) -> None:
    sk = PingSocket(lab.a)
    sk.sendto(ECHO, B_IP)
    sk.close()
    lab.go(1)
    assert [drop[1] for drop in lab.drops] == ["NO_SOCKET"]


def test_raw_sockets_get_copies_with_the_ip_header(lab: Lab) -> None:
    raw, other, filtered = RawSocket(lab.a), RawSocket(lab.a, 17), RawSocket(lab.a)
    filtered.icmp_filter = 1 << 0
    sk = PingSocket(lab.a)
    sk.sendto(ECHO, B_IP)
    lab.go(1)
    packet = raw.recv()
    assert packet is not None
    assert (packet[0][0], packet[0][9], packet[0][20], packet[1]) == (0x45, 1, 0, B_IP)
    assert other.recv() is None
    assert filtered.recv() is None
    assert sk.recv() is not None, "the ping socket gets it all the same"
    assert lab.unbalanced() == []


def test_a_raw_socket_sends_any_protocol(lab: Lab) -> None:
    receiver, sender = RawSocket(lab.b, 253), RawSocket(lab.a, 253)
    sender.sendto(b"experiment", B_IP)
    lab.go(1)
    packet = receiver.recv()
    assert packet is not None
    assert packet[0][20:] == b"experiment"
    assert lab.drops == []


def test_a_protocol_without_sockets_is_refused_by_icmp(lab: Lab) -> None:
    sender = RawSocket(lab.a, 253)
    sender.connect(B_IP)
    sender.sendto(b"experiment", B_IP)
    lab.go(1)
    with pytest.raises(OSError, match="Protocol not available"):
        sender.recv()
    assert [drop[1] for drop in lab.drops] == ["IP_NOPROTO"]
