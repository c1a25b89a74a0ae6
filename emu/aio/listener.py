"""A listening TCP socket whose program accepts when it pleases: connections nobody accepted yet wait in the backlog, as with accept(2)."""

from __future__ import annotations

import asyncio
from typing import cast

from emu.aio import context
from emu.aio.icmp import AsyncSocket
from emu.aio.stream import StreamTransport
from emu.net.sock.tcp_listen import TcpListener
from emu.wire.addr import ip_int

STREAM_LIMIT = 65536
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Listener(AsyncSocket):
    """`Listener(address, port, backlog)`, then `await accept()`. Raises OSError EADDRINUSE, EADDRNOTAVAIL ..."""

    def __init__(self, address: str, port: int, backlog: int, *, reuse_address: bool = True, interface: str = "") -> None:
        sk = TcpListener(context.netns())
        sk.reuse_address = reuse_address
        try:
            if interface:
                sk.bind_to_device(interface)
            sk.bind(ip_int(address), port)
            sk.listen(backlog)
        except OSError:
            sk.close()
            raise
        super().__init__(sk)

    async def accept(self) -> Streams:
        """The connection that waited longest, once there is one."""
        listener = cast("TcpListener", self.sk)
        while (sk := listener.accept()) is None:
            await self.event()
        reader = asyncio.StreamReader(limit=STREAM_LIMIT)
        protocol = asyncio.StreamReaderProtocol(reader)
        opened: asyncio.Future[None] = self._loop.create_future()
        transport = StreamTransport(self._loop, sk, protocol, waiter=opened)
        await opened
        return reader, asyncio.StreamWriter(transport, protocol, reader, self._loop)
