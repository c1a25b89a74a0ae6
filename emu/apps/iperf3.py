"""iperf3: its control connection (cookie, states, parameters and results as JSON) and one test stream, TCP or UDP, either way (iperf 3.12)."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from dataclasses import dataclass
from random import Random
from typing import Any

from emu.aio.listener import Listener
from emu.apps.iperf3_stream import CONNECT, HEADER, PACING_S, Stream, TcpStream, UdpStream, send_paced
from emu.apps.iperf3_text import DASHES, RULE, Numbers, heading, interval, summary, summary_heading
from emu.apps.nc import ROUND_S
from emu.apps.stdio import Stdio

PORT, BACKLOG, STREAM = 5201, 5, 5  # STREAM: the descriptor that iperf3's lines name
COOKIE, ALPHABET = 37, "abcdefghijklmnopqrstuvwxyz234567"  # characters, the last one a zero
TEST_START, TEST_RUNNING, TEST_END = 1, 2, 4  # iperf_api.h
PARAM_EXCHANGE, CREATE_STREAMS, CLIENT_TERMINATE, EXCHANGE_RESULTS, DISPLAY_RESULTS, IPERF_DONE, ACCESS_DENIED = 9, 10, 12, 13, 14, 16, 255
UDP_RATE, UDP_LENGTH, TCP_LENGTH = 1_000_000, 1448, 131072
DENIED = "the server is busy running a test. try again later"


class Failed(Exception):
    """What iperf3 says before it gives up."""


@dataclass(frozen=True, slots=True)
class Options:
    """`octets`: -n, else `seconds`. `rate`: bits a second, 0 for as many as can be. `every`: seconds between lines, 0 for none. `length`: of a block."""

    port: int = PORT
    udp: bool = False
    reverse: bool = False
    seconds: int = 10
    octets: int = 0
    rate: int = 0
    length: int = TCP_LENGTH
    every: float = 1.0
    bind: str = ""
    one_off: bool = False


class Control:
    """The control connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        writer.transport.latency_s = ROUND_S  # type: ignore[attr-defined]

    async def put(self, data: bytes) -> None:
        """One write(2)."""
        self.writer.write(data)
        await self.writer.drain()
        await asyncio.sleep(ROUND_S)

    async def state(self, number: int) -> None:
        """Tell the state."""
        await self.put(bytes((number,)))

    async def next_state(self, *wanted: int) -> int:
        """Wait for a state. Raises Failed for another."""
        try:
            number = (await self.reader.readexactly(1))[0]
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Failed("control socket has closed unexpectedly") from None
        if number == ACCESS_DENIED:
            raise Failed(DENIED)
        if number not in wanted:
            raise Failed("received an unknown control message")
        return number

    async def put_json(self, value: dict[str, Any]) -> None:
        """Length and text, each in a write of its own (JSON_write)."""
        data = json.dumps(value, separators=(",", ":")).encode()
        await self.put(len(data).to_bytes(4, "big"))
        await self.put(data)

    async def json(self) -> dict[str, Any]:
        """What the other side says of itself. Raises Failed."""
        try:
            size = int.from_bytes(await self.reader.readexactly(4), "big")
            found = json.loads(await self.reader.readexactly(min(size, 1 << 20)))
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            found = None
        if not isinstance(found, dict):
            raise Failed("unable to receive parameters from client")
        return found


class Test:
    """What client and server share: the lines, and running one stream."""

    knows_retransmits = False  # a client has the column of retransmissions even when it receives

    def __init__(self, stdio: Stdio, options: Options, sends: bool) -> None:
        self.stdio, self.options, self.sends = stdio, options, sends
        self.loop = asyncio.get_running_loop()
        self.stream = Stream(options.udp)
        self.start = 0.0

    def say(self, *lines: str) -> None:
        """Lines to standard output."""
        self.stdio.write("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))

    def connected(self) -> None:
        """The line that names both ends."""
        (local, local_port), (remote, remote_port) = self.stream.sockname, self.stream.peername
        self.say(f"[{STREAM:3d}] local {local} port {local_port} connected to {remote} port {remote_port}")

    async def run(self, until: asyncio.Task[Any]) -> None:
        """Lines until the task is over, the last for what is left."""
        self.start = self.loop.time()
        self.say(heading(udp=self.options.udp, sends=self.sends or (self.knows_retransmits and not self.options.udp)))
        ticks, every = 0, self.options.every
        while not until.done():
            ticks += 1
            wait = self.start + ticks * every - self.loop.time() if every else None
            done, _ = await asyncio.wait([until], timeout=wait)
            if not done:
                await asyncio.sleep(0)
                if until.done():
                    break
                self._interval(self.loop.time() - self.start)
        until.result()
        now = self.loop.time() - self.start
        if self.stream.last.end < now - 0.1 * every or not ticks or self.stream.total.octets > self.stream.last.octets or not self.stream.last.end:
            self._interval(now)

    def _interval(self, now: float) -> None:
        self.say(interval(STREAM, self.stream.take(now), udp=self.options.udp, sends=self.sends))

    def results(self) -> dict[str, Any]:
        """What the other side is told."""
        total = self.stream.total
        counts = {"id": 1, "bytes": total.octets, "retransmits": total.retransmits if self.sends and not self.options.udp else -1, "jitter": total.jitter}
        counts |= {"errors": total.lost, "packets": total.packets, "start_time": 0, "end_time": round(total.end, 6)}
        retransmits = 1 if self.sends and not self.options.udp else -1
        return {"cpu_util_total": 0, "cpu_util_user": 0, "cpu_util_system": 0, "sender_has_retransmits": retransmits, "streams": [counts]}

    def show(self, theirs: dict[str, Any] | None) -> None:
        """The summary; `theirs`: the other side's results, which only a client shows."""
        udp, mine, lines = self.options.udp, self.stream.total, []
        other = _numbers(theirs) if theirs is not None else None
        sent, received = (mine, other) if self.sends else (other, mine)
        if sent is not None:
            # A sender of datagrams cannot know what was lost.
            shown = Numbers(0.0, sent.end, sent.octets, sent.packets, 0, 0.0, max(sent.retransmits, 0)) if udp else sent
            lines.append(summary(STREAM, shown, udp=udp, sends=True))
        if received is not None:
            lines.append(summary(STREAM, received, udp=udp, sends=False))
        self.say(DASHES, summary_heading(udp=udp, sends=sent is not None), *lines)


def _numbers(results: dict[str, Any]) -> Numbers:
    try:
        found = results["streams"][0]
        return Numbers(
            0.0, float(found["end_time"]), int(found["bytes"]), int(found["packets"]), int(found["errors"]), float(found["jitter"]),
            max(int(found["retransmits"]), 0),
        )  # fmt: skip
    except (KeyError, IndexError, TypeError, ValueError):
        raise Failed("unable to receive results") from None


# -- client


async def client(stdio: Stdio, host: str, options: Options, draw: Random) -> int:
    """iperf3 -c. The exit status."""
    test = Test(stdio, options, not options.reverse)
    test.knows_retransmits = True
    try:
        await _client(test, host, options, "".join(draw.choice(ALPHABET) for _ in range(COOKIE - 1)).encode() + b"\0")
    except Failed as error:
        stdio.error(f"iperf3: error - {error}\n".encode())
        return 1
    return 0


async def _client(test: Test, host: str, options: Options, cookie: bytes) -> None:
    local = (options.bind, 0) if options.bind else None
    try:
        control = Control(*await asyncio.open_connection(host, options.port, local_addr=local))
    except OSError as error:
        words = "Resource temporarily unavailable" if isinstance(error, socket.gaierror) else _words(error)
        raise Failed(f"unable to connect to server: {words}") from None
    test.say(f"Connecting to host {host}, port {options.port}")
    if options.reverse:
        test.say(f"Reverse mode, remote host {host} is sending")
    try:
        await control.put(cookie)
        await control.next_state(PARAM_EXCHANGE)
        await control.put_json(_parameters(options))
        await control.next_state(CREATE_STREAMS)
        stream = test.stream = await _open(host, options, local, cookie)
        test.connected()
        await control.next_state(TEST_START)
        await control.next_state(TEST_RUNNING)
        length = max(options.length, HEADER) if options.udp else options.length
        receiving: asyncio.Task[None] | None = None
        if options.reverse:
            receiving = asyncio.create_task(stream.receive())
            await test.run(asyncio.create_task(_enough(stream, options)))
        else:
            await test.run(asyncio.create_task(send_paced(stream, length, options.rate, options.seconds, options.octets)))
        await control.state(TEST_END)
        await control.next_state(EXCHANGE_RESULTS)
        await control.put_json(test.results())
        theirs = await control.json()
        await control.next_state(DISPLAY_RESULTS)
        if receiving is not None:
            receiving.cancel()
        stream.close()
        test.show(theirs)
        await control.state(IPERF_DONE)
        test.say("", "iperf Done.")
    except ConnectionError as error:
        raise Failed(f"unable to send control message: {_words(error)}") from None
    finally:
        control.writer.close()


async def _enough(stream: Stream, options: Options) -> None:
    """A receiver decides when it is over, too."""
    if not options.octets:
        await asyncio.sleep(options.seconds)
    while stream.total.octets < options.octets:  # noqa: ASYNC110 - iperf3 looks at its counters now and then, too
        await asyncio.sleep(PACING_S)


def _parameters(options: Options) -> dict[str, Any]:
    kind = "udp" if options.udp else "tcp"
    found: dict[str, Any] = {kind: True, "omit": 0, "time": 0 if options.octets else options.seconds, "num": options.octets, "blockcount": 0, "parallel": 1}
    found |= {"reverse": True} if options.reverse else {}
    found |= {"len": options.length} | ({"bandwidth": options.rate} if options.rate else {})
    return found | {"pacing_timer": 1000, "client_version": "3.12"}


async def _open(host: str, options: Options, local: tuple[str, int] | None, cookie: bytes) -> Stream:
    if not options.udp:
        stream = TcpStream(*await asyncio.open_connection(host, options.port, local_addr=local))
        stream.writer.write(cookie)
        return stream
    loop = asyncio.get_running_loop()
    transport, datagrams = await loop.create_datagram_endpoint(lambda: UdpStream(loop.time), local_addr=local, remote_addr=(host, options.port))
    transport.sendto(CONNECT)
    try:
        async with asyncio.timeout(30):
            await datagrams.ready
    except (TimeoutError, OSError):
        raise Failed("unable to read from stream socket: Resource temporarily unavailable") from None
    return datagrams


# -- server


async def server(stdio: Stdio, options: Options) -> int:
    """iperf3 -s: one test after the other."""
    address = options.bind or "0.0.0.0"
    try:
        listener = Listener(address, options.port, BACKLOG)
    except OSError as error:
        stdio.error(f"iperf3: error - unable to start listener for connections: {_words(error)}\niperf3: exiting\n".encode())
        return 1
    number = 0
    while True:
        number += 1
        stdio.write(f"{RULE}\nServer listening on {options.port} (test #{number})\n{RULE}\n".encode())
        try:
            await _serve(stdio, options, listener)
        except Failed as error:
            stdio.error(f"iperf3: error - {error}\n".encode())
        except ConnectionError:
            stdio.error(b"iperf3: the client has terminated\n")
        if options.one_off:
            return 0


async def _serve(stdio: Stdio, options: Options, listener: Listener) -> None:
    control = Control(*await listener.accept())
    peer = control.writer.get_extra_info("peername")
    try:
        cookie = await _cookie(control.reader)
        stdio.write(f"Accepted connection from {peer[0]}, port {peer[1]}\n".encode())
        await control.state(PARAM_EXCHANGE)
        asked = _asked(await control.json(), options)
        test = Test(stdio, asked, asked.reverse)
        socket_ = await _datagrams(options, test.loop) if asked.udp else None
        try:
            await control.state(CREATE_STREAMS)
            test.stream = await _accept(listener, cookie, control.writer.get_extra_info("sockname")[0], socket_)
            test.connected()
            refusing = asyncio.create_task(_refuse(listener))
            try:
                await _test(test, control)
            finally:
                refusing.cancel()
                test.stream.close()
            await control.state(EXCHANGE_RESULTS)
            await control.json()
            await control.put_json(test.results())
            await control.state(DISPLAY_RESULTS)
            test.show(None)
            await control.next_state(IPERF_DONE)
        finally:
            if socket_ is not None:
                socket_.close()
    finally:
        control.writer.close()


async def _test(test: Test, control: Control) -> None:
    """From the start to the client's word that it is over."""
    await control.state(TEST_START)
    await control.state(TEST_RUNNING)
    options, stream = test.options, test.stream
    work = asyncio.create_task(send_paced(stream, options.length, options.rate, 1e9, options.octets) if options.reverse else stream.receive())
    try:
        await test.run(asyncio.create_task(control.next_state(TEST_END)))
    finally:
        work.cancel()


async def _cookie(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readexactly(COOKIE)
    except asyncio.IncompleteReadError:
        raise Failed("unable to receive cookie at server") from None


def _asked(found: dict[str, Any], options: Options) -> Options:
    def whole(name: str) -> int:
        value = found.get(name, 0)
        return value if isinstance(value, int) else 0

    udp = bool(found.get("udp"))
    length = min(max(whole("len") or (UDP_LENGTH if udp else TCP_LENGTH), HEADER), 1 << 20)
    return Options(options.port, udp, bool(found.get("reverse")), whole("time"), whole("num"), whole("bandwidth"), length, options.every)


async def _datagrams(options: Options, loop: asyncio.AbstractEventLoop) -> UdpStream:
    local = (options.bind or "0.0.0.0", options.port)
    return (await loop.create_datagram_endpoint(lambda: UdpStream(loop.time), local_addr=local))[1]


async def _accept(listener: Listener, cookie: bytes, address: str, datagrams: UdpStream | None) -> Stream:
    if datagrams is not None:
        await datagrams.ready
        datagrams.sockname = (address, datagrams.sockname[1])  # iperf3 connects the socket
        return datagrams
    while True:
        stream = TcpStream(*await listener.accept())
        if await _cookie(stream.reader) == cookie:
            return stream
        stream.writer.write(bytes((ACCESS_DENIED,)))
        stream.close()


async def _refuse(listener: Listener) -> None:
    """Whoever comes while a test runs."""
    while True:
        _, writer = await listener.accept()
        writer.write(bytes((ACCESS_DENIED,)))
        writer.close()


def _words(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
