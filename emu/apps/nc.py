"""nc, as OpenBSD's netcat in Debian has it: TCP and UDP, connecting and listening."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass

from emu.aio.listener import Listener
from emu.apps.services import service
from emu.apps.stdio import Stdio
from emu.wire.addr import ip_int

# Between a program's system calls, as long as a round of poll, read and write takes: on one CPU what was sent has been answered by then.
ROUND_S = 0.00005
BUFFER = 16384
UDP_SCAN_S = 3
CANNOT_BIND = (98, 99)  # EADDRINUSE, EADDRNOTAVAIL


@dataclass(frozen=True, slots=True)
class Options:
    """`wait`: -w, seconds of silence after which it ends, None for ever. `quit_after`: -q, seconds after the end of input; None: as long as the peer likes."""

    udp: bool = False
    listen: bool = False
    keep: bool = False
    shut: bool = False
    scan: bool = False
    verbose: bool = False
    source: str = ""
    port: int = 0
    wait: float | None = None
    quit_after: float | None = None
    closed_input: bool = False
    broadcast: bool = False


async def nc(stdio: Stdio, host: str, ports: list[int], options: Options) -> int:
    """Run it; the exit status. Never raises for what the network does."""
    try:
        if options.listen:
            return await _listen(stdio, host or "0.0.0.0", ports[0], options)
        status = 1
        for port in ports:
            connected = await (_udp(stdio, host, port, options) if options.udp else _connect(stdio, host, port, options))
            status = 0 if connected else status
        return status
    except socket.gaierror as error:
        stdio.error(f'nc: getaddrinfo for host "{host}" port {ports[0]}: {error.strerror}\n'.encode())
    except OSError as error:
        stdio.error(f"nc: {error.strerror}\n".encode())
    return 1


def _local(options: Options) -> tuple[str, int] | None:
    return (options.source or "0.0.0.0", options.port) if options.source or options.port else None


async def _connect(stdio: Stdio, host: str, port: int, options: Options) -> bool:
    try:
        async with asyncio.timeout(options.wait):
            reader, writer = await asyncio.open_connection(host, port, local_addr=_local(options))
    except TimeoutError as error:
        if error.errno:  # Linux gave up, not -w
            _failed(stdio, host, port, options, f"failed: {_reason(error)}")
        else:
            _failed(stdio, host, port, options, "timed out: Operation now in progress")
        return False
    except socket.gaierror:
        raise
    except OSError as error:
        if error.errno in CANNOT_BIND and _local(options):
            raise OSError(error.errno, f"bind failed: {error.strerror}") from None
        _failed(stdio, host, port, options, f"failed: {_reason(error)}")
        return False
    _succeeded(stdio, host, port, options)
    if options.scan:
        writer.close()
    else:
        await _talk(stdio, reader, writer, options)
    return True


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def _failed(stdio: Stdio, host: str, port: int, options: Options, why: str) -> None:
    if options.verbose:
        stdio.error(f"nc: connect to {host} port {port} ({'udp' if options.udp else 'tcp'}) {why}\n".encode())


def _succeeded(stdio: Stdio, host: str, port: int, options: Options) -> None:
    name = "udp" if options.udp else "tcp"
    if options.verbose:
        stdio.error(f"Connection to {host} {port} port [{name}/{service(port, name) or '*'}] succeeded!\n".encode())


async def _talk(stdio: Stdio, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, options: Options) -> None:
    """Standard input to the peer, the peer's words to standard output (readwrite() in netcat.c): over when both have ended; a listener's when the peer has."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    ended = {"input": options.closed_input, "peer": False}
    silence: list[asyncio.TimerHandle] = []

    def end() -> None:
        if not over.done():
            over.set_result(None)

    def heard() -> None:
        """Something happened: -w counts anew."""
        for timer in silence:
            timer.cancel()
        silence[:] = [loop.call_later(options.wait, end)] if options.wait is not None else []

    def finished(what: str) -> None:
        ended[what] = True
        if all(ended.values()) or (options.listen and ended["peer"]):
            end()

    async def send() -> None:
        while not options.closed_input and (data := await stdio.read()):
            for start in range(0, len(data), BUFFER):
                try:
                    writer.write(data[start : start + BUFFER])
                    await writer.drain()
                except OSError:
                    end()
                    return
                heard()
                await asyncio.sleep(ROUND_S)
        if options.shut and not options.closed_input:
            writer.write_eof()
        finished("input")
        if options.quit_after is not None:
            await asyncio.sleep(options.quit_after)
            end()

    async def receive() -> None:
        try:
            while data := await reader.read(BUFFER):
                heard()
                stdio.write(data)
        except ConnectionError:
            end()
        finished("peer")

    heard()
    writer.transport.latency_s = ROUND_S  # type: ignore[attr-defined]
    await asyncio.sleep(ROUND_S)
    tasks = [asyncio.create_task(send()), asyncio.create_task(receive())]
    await over
    for task in tasks:
        task.cancel()
    for timer in silence:
        timer.cancel()
    writer.close()


async def _listen(stdio: Stdio, host: str, port: int, options: Options) -> int:
    if options.udp:
        return await _udp_server(stdio, host, port, options)
    server = Listener(host, port, 1)
    if options.verbose:
        stdio.error(f"Listening on {host} {server.sockname[1]}\n".encode())
    while True:
        reader, writer = await server.accept()
        if options.verbose:
            peer = writer.get_extra_info("peername")
            stdio.error(f"Connection received on {peer[0]} {peer[1]}\n".encode())
        await _talk(stdio, reader, writer, options)
        await asyncio.sleep(ROUND_S)
        if not options.keep:
            server.close()  # not before: who came meanwhile was connected, and is reset now
            return 0


class _Datagrams(asyncio.DatagramProtocol):
    """Datagrams and errors in a queue; None: the socket reported an error."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[bytes, tuple[str, int]] | None] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.queue.put_nowait((data, addr))

    def error_received(self, exc: Exception) -> None:
        self.queue.put_nowait(None)


async def _udp(stdio: Stdio, host: str, port: int, options: Options) -> bool:
    loop = asyncio.get_running_loop()
    try:
        transport, protocol = await loop.create_datagram_endpoint(
            _Datagrams, local_addr=_local(options), remote_addr=(host, port), allow_broadcast=options.broadcast
        )
    except socket.gaierror:
        raise
    except OSError as error:
        if error.errno in CANNOT_BIND and _local(options):
            raise OSError(error.errno, f"bind failed: {error.strerror}") from None
        _failed(stdio, host, port, options, f"failed: {_reason(error)}")
        return False
    try:
        if options.scan:
            if options.verbose and not await _udp_test(transport, protocol, options):
                return False
            _succeeded(stdio, host, port, options)
            return True
        _succeeded(stdio, host, port, options)
        await _udp_talk(stdio, transport, protocol, None, options)
        return True
    finally:
        transport.close()


async def _udp_test(transport: asyncio.DatagramTransport, protocol: _Datagrams, options: Options) -> bool:
    """udptest(): a byte, another, and one a second for -w (3) seconds; nobody complains, so somebody listens."""
    for pause in (0.0, ROUND_S, *(1.0 for _ in range(round(options.wait or UDP_SCAN_S)))):
        await asyncio.sleep(pause)
        if not protocol.queue.empty():
            return False
        transport.sendto(b"X")
    return True


async def _udp_server(stdio: Stdio, host: str, port: int, options: Options) -> int:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(_Datagrams, local_addr=(host, port), reuse_port=True)
    if options.verbose:
        stdio.error(f"Bound on {host} {port}\n".encode())
    try:
        while (first := await protocol.queue.get()) is None:
            pass
        data, peer = first
        if options.verbose:
            stdio.error(f"Connection received on {peer[0]} {peer[1]}\n".encode())
        if not options.keep:
            transport.get_extra_info("socket").sk.connect(ip_int(peer[0]), peer[1])  # others find the port closed from now on
        stdio.write(data)
        await _udp_talk(stdio, transport, protocol, None if options.keep else peer, options, answer=peer)
        return 0
    finally:
        transport.close()


async def _udp_talk(
    stdio: Stdio, transport: asyncio.DatagramTransport, protocol: _Datagrams, only: tuple[str, int] | None, options: Options,
    answer: tuple[str, int] | None = None,
) -> None:  # fmt: skip
    """As `_talk`; `only`: whose datagrams are heard, None for anybody's; `answer`: where input goes, None for the connected peer."""
    over = asyncio.get_running_loop().create_future()

    def end() -> None:
        if not over.done():
            over.set_result(None)

    async def send() -> None:
        while not options.closed_input and (data := await stdio.read()):
            for start in range(0, len(data), BUFFER):
                transport.sendto(data[start : start + BUFFER], answer)
        if options.quit_after is not None:
            await asyncio.sleep(options.quit_after)
            end()

    async def receive() -> None:
        while True:
            try:
                async with asyncio.timeout(options.wait):
                    found = await protocol.queue.get()
            except TimeoutError:
                break
            if found is None:
                break
            if only is None or found[1] == only:
                stdio.write(found[0])
        end()

    tasks = [asyncio.create_task(send()), asyncio.create_task(receive())]
    await over
    for task in tasks:
        task.cancel()
