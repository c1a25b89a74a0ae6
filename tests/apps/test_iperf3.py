"""iperf3: its lines as the real one prints them, what travels on the control connection, both protocols and both ways."""

from __future__ import annotations

import json
from random import Random
from struct import pack

import pytest

from emu.apps.iperf3 import Options, client, server
from emu.apps.iperf3_stream import UdpStream
from emu.apps.iperf3_text import Numbers, amount, interval, size, summary
from tests.aio.lab import B, Lab


class Said:
    """Standard output and error as text."""

    cwd = "/"

    def __init__(self) -> None:
        self.text = self.errors = ""

    def path(self, name: str) -> str:
        return name

    async def read(self) -> bytes:
        return b""

    def write(self, data: bytes) -> None:
        self.text += data.decode()

    def error(self, data: bytes) -> None:
        self.errors += data.decode()


def measure(options: Options, lab: Lab | None = None) -> tuple[int, Said, Said]:
    """A client's status and words, and the server's words."""
    lab = lab or Lab()
    at_client, at_server = Said(), Said()
    lab.spawn(lab.b, server(at_server, Options()))
    lab.go(0.1)
    status = lab.run(lab.a, client(at_client, B, options, Random(1)))
    lab.go(0.1)
    return status, at_client, at_server


def test_lines_of_the_real_one() -> None:
    found = Numbers(0, 1, 512 * 1024, retransmits=0, cwnd=223 * 1024)
    assert interval(5, found, udp=False, sends=True) == "[  5]   0.00-1.00   sec   512 KBytes  4.19 Mbits/sec    0    223 KBytes       "
    assert summary(5, found, udp=False, sends=True) == "[  5]   0.00-1.00   sec   512 KBytes  4.19 Mbits/sec    0             sender"
    assert summary(5, found, udp=False, sends=False) == "[  5]   0.00-1.00   sec   512 KBytes  4.19 Mbits/sec                  receiver"
    datagrams = Numbers(0, 2, 173 * 1448, 173, jitter=0.000012)
    assert summary(5, datagrams, udp=True, sends=False) == "[  5]   0.00-2.00   sec   245 KBytes  1.00 Mbits/sec  0.012 ms  0/173 (0%)  receiver"
    assert interval(5, Numbers(0, 1, 87 * 1448, 87), udp=True, sends=True) == "[  5]   0.00-1.00   sec   123 KBytes  1.01 Mbits/sec  87  "


def test_units() -> None:
    assert [amount(number, "Bytes", 1024) for number in (0, 1448, 1024 * 1023.9, 2.12 * 1024**2)] == ["0.00 Bytes", "1.41 KBytes", "1024 KBytes", "2.12 MBytes"]
    assert (size("10K"), size("1.5M", 1000), size("7")) == (10240, 1_500_000, 7)


@pytest.mark.parametrize("reverse", [False, True])
def test_tcp_at_a_pace(reverse: bool) -> None:
    status, at_client, at_server = measure(Options(seconds=2, rate=4_000_000, reverse=reverse))
    assert status == 0
    assert "  0.00-2.00   sec  1.00 MBytes  4.19 Mbits/sec    0             sender\n" in at_client.text
    assert "  0.00-2.00   sec  1.00 MBytes  4.19 Mbits/sec                  receiver\n" in at_client.text
    assert at_client.text.endswith("\n\niperf Done.\n")
    assert f" {'sender' if reverse else 'receiver'}\n" in at_server.text
    assert "(test #2)" in at_server.text


def test_udp_counts_what_was_lost_and_what_came_late() -> None:
    async def counted() -> Numbers:
        stream = UdpStream(lambda: 1.0)
        stream.peername = (B, 5201)
        stream.ready.set_result(None)
        for number, micros in ((2, 999_000), (3, 999_000), (6, 997_000), (4, 999_000)):
            stream.datagram_received(pack("!3I", 0, micros, number) + bytes(88), (B, 5201))
        stream.datagram_received(bytes(100), ("10.0.0.9", 5201))
        return stream.total

    lab = Lab()
    total = lab.run(lab.a, counted())
    assert (total.octets, total.packets, total.lost) == (400, 6, 2)
    assert total.jitter == pytest.approx((0.002 / 16) * 15 / 16 + 0.002 / 16)


def test_the_control_connection() -> None:
    lab = Lab()
    measure(Options(udp=True, octets=3000, rate=1_000_000, length=1000), lab)
    sent = [wire for _, where, way, wire in lab.frames if (where, way) == ("a.eth0", "tx")]
    segments = [wire[66:] for wire in sent if wire[23] == 6 and wire[46] >> 4 == 8 and len(wire) > 66]
    datagrams = [wire[42:] for wire in sent if wire[23] == 17]
    assert len(segments[0]) == 37
    assert segments[0].endswith(b"\0")
    asked = json.loads(segments[2])
    assert int.from_bytes(segments[1], "big") == len(segments[2])
    assert (asked["udp"], asked["num"], asked["len"], asked["parallel"]) == (True, 3000, 1000, 1)
    assert [len(datagram) for datagram in datagrams] == [4, 1000, 1000, 1000]
    assert [int.from_bytes(datagram[8:12], "big") for datagram in datagrams[1:]] == [1, 2, 3]
    answered = b"".join(wire[66:] for _, where, way, wire in lab.frames if (where, way) == ("b.eth0", "tx") and wire[23] == 6 and wire[46] >> 4 == 8)
    assert answered[:5] == bytes((9, 10, 1, 2, 13))
    assert answered[-1] == 14
    assert segments[-1] == bytes((16,))


def test_a_busy_server_and_none() -> None:
    lab = Lab()
    first, second = Said(), Said()
    lab.spawn(lab.b, server(Said(), Options()))
    lab.go(0.1)
    lab.spawn(lab.a, client(first, B, Options(seconds=2, rate=1_000_000), Random(1)))
    lab.go(1)
    assert lab.run(lab.a, client(second, B, Options(), Random(2))) == 1
    assert second.errors == "iperf3: error - the server is busy running a test. try again later\n"
    lab.go(2)
    assert "iperf Done." in first.text
    assert lab.run(lab.a, client(second, B, Options(port=9), Random(2))) == 1
    assert second.errors.endswith("iperf3: error - unable to connect to server: Connection refused\n")
