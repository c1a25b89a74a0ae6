"""Listening servers: asyncio's Server over emulated listening sockets."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emu.aio.context import current_process
from emu.aio.socket import TransportSocket
from emu.aio.stream import StreamTransport

if TYPE_CHECKING:
    from emu.aio.loop import Loop
    from emu.net.sock.tcp_listen import TcpListener


class Server(asyncio.AbstractServer):
    """What `create_server` and `start_server` return."""

    def __init__(self, loop: Loop, listeners: list[TcpListener], factory: Callable[[], asyncio.BaseProtocol], backlog: int) -> None:
        self._loop = loop
        self._listeners: list[TcpListener] | None = listeners
        self._factory = factory
        self._backlog = backlog
        self._serving = False
        self._forever: asyncio.Future[None] | None = None
        self._clients: dict[StreamTransport, None] = {}
        self._waiters: list[asyncio.Future[None]] = []
        self._context = contextvars.copy_context()
        self._process = current_process.get()
        if self._process is not None:
            self._process.resources[self] = None
        for listener in listeners:
            listener.owner = self
            listener.on_event = self._on_event

    def __repr__(self) -> str:
        return f"<Server sockets={self.sockets!r}>"

    @property
    def sockets(self) -> tuple[TransportSocket, ...]:
        """The listening sockets, none once closed."""
        return tuple(TransportSocket(listener) for listener in self._listeners or ())

    def get_loop(self) -> Loop:
        """The loop."""
        return self._loop

    def is_serving(self) -> bool:
        """Whether it accepts connections."""
        return self._serving

    def listen(self) -> None:
        """Begin to accept. Raises OSError EADDRINUSE."""
        if not self._serving and self._listeners is not None:
            for listener in self._listeners:
                listener.listen(self._backlog)
            self._serving = True

    async def start_serving(self) -> None:
        """As in asyncio."""
        self.listen()
        await asyncio.sleep(0)

    async def serve_forever(self) -> None:
        """Serve until cancelled; then the server is closed."""
        if self._forever is not None:
            raise RuntimeError(f"server {self!r} is already being awaited on serve_forever()")
        if self._listeners is None:
            raise RuntimeError(f"server {self!r} is closed")
        self.listen()
        self._forever = self._loop.create_future()
        try:
            await self._forever
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            self._forever = None

    def _on_event(self) -> None:
        self._loop.enter(self._context.run, self._accept)

    def _accept(self) -> None:
        for listener in self._listeners or ():
            while self._listeners is not None and not listener.closed:
                sk = listener.accept()
                if sk is None:
                    break
                try:
                    protocol = self._factory()
                except Exception as error:  # noqa: BLE001 - a program's bug
                    self._loop.call_exception_handler({"message": "Error on transport creation for incoming connection", "exception": error})
                    sk.close()
                    continue
                StreamTransport(self._loop, sk, protocol, server=self)

    def attach(self, transport: StreamTransport) -> None:
        """A connection of this server was made."""
        self._clients[transport] = None

    def detach(self, transport: StreamTransport) -> None:
        """A connection of this server is gone."""
        self._clients.pop(transport, None)
        if not self._clients and self._listeners is None:
            self._wake_waiters()

    def close(self) -> None:
        """Stop listening; connections that were accepted live on."""
        listeners, self._listeners = self._listeners, None
        if listeners is None:
            return
        self._serving = False
        for listener in listeners:
            listener.on_event = None
            listener.close()
        if self._process is not None:
            self._process.resources.pop(self, None)
        if self._forever is not None and not self._forever.done():
            self._forever.cancel()
        if not self._clients:
            self._wake_waiters()

    def process_exit(self) -> None:
        """Its process is gone."""
        listeners, self._listeners = self._listeners, None
        self._serving = False
        for listener in listeners or ():
            listener.on_event = None
            listener.close()

    def close_clients(self) -> None:
        """Close every connection of this server."""
        for transport in list(self._clients):
            transport.close()

    def abort_clients(self) -> None:
        """Abort every connection of this server."""
        for transport in list(self._clients):
            transport.abort()

    def _wake_waiters(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def __aexit__(self, *exc: object) -> None:
        self.close()
        if not exc or exc[0] is not GeneratorExit:  # a coroutine that is thrown away cannot wait
            await self.wait_closed()

    async def wait_closed(self) -> None:
        """Until it is closed and its connections are gone."""
        if self._listeners is None and not self._clients:
            return
        waiter: asyncio.Future[Any] = self._loop.create_future()
        self._waiters.append(waiter)
        await waiter
