"""The test stream of iperf3: blocks of data over TCP, or numbered datagrams over UDP, at a pace, and what was counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from struct import pack, unpack_from
from typing import Any, cast

from emu.apps.iperf3_text import Numbers

TCP_BLOCK = 128 * 1024
PACING_S = 0.001
# A sender without -b is as fast as its CPU. Here a program takes no time, so it is given one: a block of 128 KB every 50 ms.
UNLIMITED_BPS = TCP_BLOCK * 8 / 0.05
HEADER = 12  # of a datagram: seconds, microseconds, number
CONNECT, ANSWER = (0x36373839).to_bytes(4, "little"), (0x39383736).to_bytes(4, "little")


class Stream:
    """Counts. `total`: since the start; `take()`: since the last time."""

    def __init__(self, udp: bool) -> None:
        self.udp = udp
        self.total = Numbers()
        self.last = Numbers()
        self.transit: float | None = None
        self.sockname: tuple[str, int] = ("", 0)
        self.peername: tuple[str, int] = ("", 0)

    async def send(self, data: bytes) -> None:
        """One block."""
        raise NotImplementedError

    async def receive(self) -> None:
        """Count what comes until it is over."""
        raise NotImplementedError

    def close(self) -> None:
        """The end."""

    def look(self) -> None:
        """Read the connection's own counters."""

    def take(self, now: float) -> Numbers:
        """What was counted since the last time; `now` in seconds of the test."""
        self.look()
        total, last = self.total, self.last
        found = Numbers(
            last.end, now, total.octets - last.octets, total.packets - last.packets, total.lost - last.lost, total.jitter,
            total.retransmits - last.retransmits, total.cwnd,
        )  # fmt: skip
        self.last = Numbers(0.0, now, total.octets, total.packets, total.lost, total.jitter, total.retransmits, total.cwnd)
        total.end = now
        return found


class TcpStream(Stream):
    """A connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(udp=False)
        self.reader, self.writer = reader, writer
        self.sockname, self.peername = writer.get_extra_info("sockname"), writer.get_extra_info("peername")
        writer.transport.set_write_buffer_limits(high=0)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()
        self.total.octets += len(data)

    async def receive(self) -> None:
        try:
            while data := await self.reader.read(TCP_BLOCK):
                self.total.octets += len(data)
        except ConnectionError:
            pass

    def close(self) -> None:
        self.writer.close()

    def look(self) -> None:
        connection: Any = getattr(getattr(self.writer.get_extra_info("socket"), "sk", None), "conn", None)
        if connection is not None:
            self.total.retransmits, self.total.cwnd = connection.total_retrans, connection.cwnd * connection.mss_cache


class UdpStream(Stream, asyncio.DatagramProtocol):
    """A socket; a server's takes its peer from the first datagram and answers it. `clock`: the time in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        Stream.__init__(self, udp=True)
        self.clock = clock
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.failed: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)
        self.sockname = transport.get_extra_info("sockname")
        self.peername = transport.get_extra_info("peername") or ("", 0)

    def error_received(self, exc: Exception) -> None:
        if not self.ready.done():
            self.ready.set_exception(exc)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self.ready.done():
            if not self.peername[1]:
                self.peername = addr
                self.transport.sendto(ANSWER, addr)
            self.ready.set_result(None)
        elif len(data) >= HEADER and addr == self.peername:
            self._count(data)

    def _count(self, data: bytes) -> None:
        seconds, micros, number = unpack_from("!3I", data)
        total = self.total
        total.octets += len(data)
        if number > total.packets:
            total.lost += number - total.packets - 1
            total.packets = number
        elif total.lost:
            total.lost -= 1  # out of order
        transit = self.clock() - (seconds + micros / 1e6)
        if self.transit is not None:
            total.jitter += (abs(transit - self.transit) - total.jitter) / 16
        self.transit = transit

    async def send(self, data: bytes) -> None:
        self.total.packets += 1
        self.total.octets += len(data)
        now = round(self.clock() * 1e6)
        self.transport.sendto(pack("!3I", now // 1_000_000, now % 1_000_000, self.total.packets) + data[HEADER:], self.peername)

    async def receive(self) -> None:
        await self.over

    def close(self) -> None:
        self.transport.close()


async def send_paced(stream: Stream, length: int, rate: float, seconds: float, octets: int) -> None:
    """Blocks of `length` octets at `rate` bits a second (0: as fast as a program is here), for so long or (`octets`) until so many are sent."""
    loop = asyncio.get_running_loop()
    start, sent = loop.time(), 0
    block = bytes(index & 0xFF for index in range(length))
    while True:
        due = sent * 8 / (rate or UNLIMITED_BPS)
        due = -(-round(due * 1e9) // round(PACING_S * 1e9)) * PACING_S
        if octets and sent >= octets:
            return
        if not octets and due >= seconds:
            await asyncio.sleep(max(start + seconds - loop.time(), 0.0))
            return
        await asyncio.sleep(max(start + due - loop.time(), 0.0))
        if not octets and loop.time() - start >= seconds:
            return
        try:
            async with asyncio.timeout(None if octets else start + seconds - loop.time()):
                await stream.send(block)
        except TimeoutError:
            return
        sent += length
