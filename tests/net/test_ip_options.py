"""IPv4 options: record route and timestamp are filled in and echoed, bad ones are answered, source routes refused."""

from __future__ import annotations

import pytest

from emu.wire.checksum import verify
from tests.net.router import Router, echo, show, udp

A, R1, R2, B = (bytes((10, 0, *rest)) for rest in ((1, 2), (1, 1), (2, 1), (2, 2)))


@pytest.fixture
def net() -> Router:
    return Router()


def options(packet: bytes) -> bytes:
    assert verify(packet[: (packet[0] & 15) * 4])
    return packet[20 : (packet[0] & 15) * 4]


def test_record_route_there_and_back(net: Router) -> None:
    """As `ping -R` shows it: the way out of each router, both of the far end's, and back."""
    empty = b"\x07\x27\x04" + bytes(36) + b"\0"
    net.send("a", echo("10.0.1.2", "10.0.2.2", options=empty))
    assert options(net.got("b")[0])[:7] == b"\x07\x27\x08" + R2
    assert options(net.got("a")[0])[:19] == b"\x07\x27\x14" + R2 + B + B + R1


def test_a_full_record_is_carried(net: Router) -> None:
    full = b"\x07\x07\x08\x01\x02\x03\x04\0"
    net.send("a", udp("10.0.1.2", "10.0.2.2", options=full))
    assert options(net.got("b")[0]) == full


def test_timestamps_with_addresses(net: Router) -> None:
    net.run(2)
    net.send("a", udp("10.0.1.2", "10.0.2.2", options=b"\x44\x0c\x05\x01" + bytes(8)))
    filled = options(net.got("b")[0])
    assert filled[:8] == b"\x44\x0c\x0d\x01" + R2
    assert int.from_bytes(filled[8:12], "big") == (net.sim.now - 10_000_000) // 1_000_000


def test_timestamps_without_room_are_counted(net: Router) -> None:
    net.send("a", udp("10.0.1.2", "10.0.2.2", options=b"\x44\x08\x09\x00" + b"\1\2\3\4"))
    assert options(net.got("b")[0]) == b"\x44\x08\x09\x10" + b"\1\2\3\4"


def test_unknown_options_are_carried(net: Router) -> None:
    net.send("a", udp("10.0.1.2", "10.0.2.2", options=b"\x99\x03\x07\x01"))
    assert options(net.got("b")[0]) == b"\x99\x03\x07\x01"


# (options, byte the error points at)
BAD = [
    (b"\x07\x01\0\0", 20),
    (b"\x07\x09\x04\0", 20),
    (b"\x01\x01\x01\x07", 23),
    (b"\x07\x02\0\0", 21),
    (b"\x07\x03\x03\0", 22),
    (b"\x07\x04\x04\0", 22),
    (b"\x44\x04\x04\0", 22),
    (b"\x44\x04\x05\xf0", 23),
    (b"\x07\x03\x04\x07" + b"\x03\x04\0\0", 23),
    (b"\x94\x03\0\0", 21),
    (b"\x86\x04\0\0", 20),
]


@pytest.mark.parametrize(("bad", "byte"), BAD)
def test_a_malformed_option_is_a_parameter_problem(net: Router, bad: bytes, byte: int) -> None:
    net.receive("r", "va", udp("10.0.1.2", "10.0.2.2", options=bad))
    (answer,) = net.sent("r", "va")
    assert show(answer) == "10.0.1.1 > 10.0.1.2 icmp 12/0 ttl 64 tos c0"
    assert answer[24] == byte
    assert net.reasons() == ["IP_INHDR"]


def test_a_source_route_is_refused_in_silence(net: Router) -> None:
    net.receive("r", "va", udp("10.0.1.2", "10.0.1.1", options=b"\x83\x07\x04" + B + b"\0"))
    assert net.sent("r", "va") == []
    assert net.drops == [("r", "NOT_SPECIFIED", "source route to 10.0.1.1 refused (accept_source_route) on va")]
