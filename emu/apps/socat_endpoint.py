"""What socat's addresses become once they are open: sides that are read from and written to."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from emu.apps.nc import ROUND_S
from emu.apps.stdio import Stdio

BLOCK = 8192


class Endpoint:
    """One side. `read()`: b"" at the end. Raises OSError."""

    async def read(self) -> bytes:
        """What comes next."""
        await asyncio.get_running_loop().create_future()
        return b""

    async def write(self, data: bytes) -> None:
        """Say something."""

    def shut(self) -> None:
        """Nothing more will be written."""

    def close(self) -> None:
        """It is over."""


class Standard(Endpoint):
    """Standard input and output."""

    def __init__(self, stdio: Stdio) -> None:
        self.stdio = stdio
        self.given = b""

    async def read(self) -> bytes:
        if not self.given:
            self.given = await self.stdio.read()
        data, self.given = self.given[:BLOCK], self.given[BLOCK:]
        return data

    async def write(self, data: bytes) -> None:
        self.stdio.write(data)


class File(Endpoint):
    """A file."""

    def __init__(self, path: str, flags: int) -> None:
        self.descriptor = os.open(path, flags, 0o666)

    async def read(self) -> bytes:
        return os.read(self.descriptor, BLOCK)

    async def write(self, data: bytes) -> None:
        os.write(self.descriptor, data)

    def close(self) -> None:
        os.close(self.descriptor)


class Echo(Endpoint):
    """`PIPE`, and the command `cat`."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(self) -> bytes:
        return await self.queue.get()

    async def write(self, data: bytes) -> None:
        await asyncio.sleep(ROUND_S)
        self.queue.put_nowait(data)

    def shut(self) -> None:
        self.queue.put_nowait(b"")


class Says(Endpoint):
    """A command that says something and reads nothing."""

    def __init__(self, text: bytes) -> None:
        self.left = [text, b""]

    async def read(self) -> bytes:
        await asyncio.sleep(ROUND_S)
        return self.left.pop(0)


class Stream(Endpoint):
    """A TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        writer.transport.latency_s = ROUND_S  # type: ignore[attr-defined]

    async def read(self) -> bytes:
        return await self.reader.read(BLOCK)

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def shut(self) -> None:
        if not self.writer.is_closing():
            self.writer.write_eof()

    def close(self) -> None:
        self.writer.close()


class Datagrams(asyncio.DatagramProtocol, Endpoint):
    """A UDP socket. `peer`: where it sends, None for where it is connected to. `once`: one datagram, then the end (UDP-RECVFROM)."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[bytes, Any] | Exception] = asyncio.Queue()
        self.transport: Any = None
        self.peer: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.queue.put_nowait((data, addr))

    def error_received(self, exc: Exception) -> None:
        self.queue.put_nowait(exc)

    async def read(self) -> bytes:
        while True:
            found = await self.queue.get()
            if isinstance(found, Exception):
                raise found
            if found[0]:
                return found[0]

    async def write(self, data: bytes) -> None:
        self.transport.sendto(data, self.peer)

    def close(self) -> None:
        self.transport.close()


class Session(Endpoint):
    """One peer of a UDP listener. `once`: after its first datagram it has no more to say."""

    def __init__(self, socket_: Datagrams, peer: Any, once: bool) -> None:
        self.socket, self.peer, self.once = socket_, peer, once
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.alone = False

    async def read(self) -> bytes:
        return await self.queue.get()

    async def write(self, data: bytes) -> None:
        self.socket.transport.sendto(data, self.peer)

    def close(self) -> None:
        if self.alone:
            self.socket.close()
