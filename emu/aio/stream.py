"""Stream transports: asyncio's Transport over an emulated TCP connection, with asyncio's flow control and half close."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from emu.aio.context import current_process
from emu.aio.socket import TransportSocket
from emu.net.sock.errno import ENOTCONN
from emu.wire.addr import ip_text

if TYPE_CHECKING:
    from emu.aio.loop import Loop
    from emu.aio.server import Server
    from emu.net.sock.tcp import TcpSocket

MAX_READ = 256 * 1024
HIGH_WATER = 64 * 1024


class StreamTransport(asyncio.Transport):
    """One connection. Reads eagerly unless paused; `write` keeps what the socket does not take and pauses the protocol above the high-water mark."""

    def __init__(
        self, loop: Loop, sk: TcpSocket, protocol: asyncio.BaseProtocol, server: Server | None = None, waiter: asyncio.Future[None] | None = None
    ) -> None:  # fmt: skip
        peer = (ip_text(sk.daddr), sk.dport)
        super().__init__({"socket": TransportSocket(sk), "sockname": (ip_text(sk.saddr), sk.sport), "peername": peer})
        self._loop = loop
        self._sk = sk
        self._protocol = protocol
        self._server = server
        self._buffer = bytearray()
        self._high, self._low = HIGH_WATER, HIGH_WATER // 4
        self._protocol_paused = False
        self._open = False  # connection_made was called
        self._paused = False
        self._closing = False
        self._dead = False  # connection_lost is under way
        self._eof_sent = False
        self._eof_received = False
        self.latency_s = 0.0  # how long it takes a program to be given the CPU when something came
        self._read_later = False
        self._context = contextvars.copy_context()
        self._process = current_process.get()
        if self._process is not None:
            self._process.resources[self] = None
        if server is not None:
            server.attach(self)
        sk.set_nodelay(True)  # as asyncio does
        sk.owner = self
        sk.on_event = self._on_event
        loop.call_soon(self._start, waiter)

    def _start(self, waiter: asyncio.Future[None] | None) -> None:
        if self._dead:
            return
        self._open = True
        self._protocol.connection_made(self)
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        self._sk.wake()  # what came before

    # -- from the socket ------------------------------------------------------------------------------------------------------------

    def _on_event(self) -> None:
        if self._open and not self._dead:
            self._loop.enter(self._context.run, self._event)

    def _event(self) -> None:
        if self._buffer and self._sk.writable:
            self._write_more()
        if self._paused:
            return
        if not self.latency_s:
            self._read()
        elif not self._read_later:
            self._read_later = True
            self._loop.call_later(self.latency_s, self._late, context=self._context)

    def _late(self) -> None:
        self._read_later = False
        self._read()

    def _read(self) -> None:
        sk = self._sk
        while not (self._paused or self._closing or self._eof_received or self._dead):
            try:
                data = sk.recv(MAX_READ)
            except OSError as error:
                self._fatal(error, "Fatal read error on socket transport")
                return
            if data is None:
                return
            if not data:
                self._eof()
                return
            try:
                self._feed(data)
            except Exception as error:  # noqa: BLE001 - a program's bug ends its connection, not the world
                self._fatal(error, "Fatal error: protocol.data_received() call failed.")
                return
        if (self._eof_received or self._closing) and sk.error and not self._dead:
            self._fatal_os(sk.take_error())

    def _feed(self, data: bytes) -> None:
        protocol = self._protocol
        if not isinstance(protocol, asyncio.BufferedProtocol):
            protocol.data_received(data)  # type: ignore[attr-defined]
            return
        view = memoryview(data)
        while view:
            space = memoryview(protocol.get_buffer(len(view)))
            size = min(len(space), len(view))
            if not size:
                raise RuntimeError("get_buffer() returned an empty buffer")
            space[:size] = view[:size]
            protocol.buffer_updated(size)
            view = view[size:]

    def _eof(self) -> None:
        self._eof_received = True
        try:
            keep_open = self._protocol.eof_received()  # type: ignore[attr-defined]
        except Exception as error:  # noqa: BLE001
            self._fatal(error, "Fatal error: protocol.eof_received() call failed.")
            return
        if not keep_open:
            self.close()

    # -- writing --------------------------------------------------------------------------------------------------------------------

    def write(self, data: Any) -> None:
        """Send now what the socket takes, keep the rest."""
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._eof_sent:
            raise RuntimeError("Cannot call write() after write_eof()")
        if not data or self._dead or (self._closing and not self._buffer):
            return
        if self._buffer:
            self._buffer += data
        else:
            try:
                taken = self._sk.send(bytes(data))
            except OSError as error:
                self._fatal(error, "Fatal write error on socket transport")
                return
            if taken == len(data):
                return
            self._buffer += memoryview(data)[taken:]
        if len(self._buffer) > self._high and not self._protocol_paused:
            self._protocol_paused = True
            self._call_protocol("pause_writing")

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        """Write the pieces as one."""
        self.write(b"".join(list_of_data))

    def _write_more(self) -> None:
        while self._buffer:
            try:
                taken = self._sk.send(bytes(memoryview(self._buffer)[:MAX_READ]))
            except OSError as error:
                self._buffer.clear()
                self._fatal(error, "Fatal write error on socket transport")
                return
            if not taken:
                break
            del self._buffer[:taken]
        if self._protocol_paused and len(self._buffer) <= self._low:
            self._protocol_paused = False
            self._call_protocol("resume_writing")
        if not self._buffer and not self._dead:
            if self._closing:
                self._lose(None)
            elif self._eof_sent:
                self._shutdown()

    def _call_protocol(self, name: str) -> None:
        try:
            getattr(self._protocol, name)()
        except Exception as error:  # noqa: BLE001
            self._loop.call_exception_handler({"message": f"protocol.{name}() failed", "exception": error, "transport": self, "protocol": self._protocol})

    def write_eof(self) -> None:
        """FIN after what is buffered; reading goes on."""
        if self._closing or self._eof_sent:
            return
        self._eof_sent = True
        if not self._buffer:
            self._shutdown()

    def _shutdown(self) -> None:
        try:
            self._sk.shutdown()
        except OSError as error:
            if error.errno != ENOTCONN:
                raise

    def can_write_eof(self) -> bool:
        """TCP can."""
        return True

    def get_write_buffer_size(self) -> int:
        """Bytes that the socket did not take yet."""
        return len(self._buffer)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """(low, high)."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """As in asyncio: 64 KiB and a quarter of it unless given."""
        if high is None:
            high = HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high, self._low = high, low
        if len(self._buffer) > high and not self._protocol_paused:
            self._protocol_paused = True
            self._call_protocol("pause_writing")

    # -- reading --------------------------------------------------------------------------------------------------------------------

    def is_reading(self) -> bool:
        """Neither paused nor closing."""
        return not self._closing and not self._paused

    def pause_reading(self) -> None:
        """Leave data in the socket, whose window then closes."""
        self._paused = True

    def resume_reading(self) -> None:
        """Read again."""
        if self._paused and not self._closing:
            self._paused = False
            self._sk.wake()

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol."""
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Another protocol from now on."""
        self._protocol = protocol

    # -- the end --------------------------------------------------------------------------------------------------------------------

    def is_closing(self) -> bool:
        """close() or abort() was called, or the connection is lost."""
        return self._closing

    def close(self) -> None:
        """Send what is buffered, then close."""
        if self._closing:
            return
        self._closing = True
        if not self._buffer:
            self._lose(None)

    def abort(self) -> None:
        """Close at once; what is buffered here is lost (the kernel still sends what it has, as with asyncio on Linux)."""
        self._buffer.clear()
        self._lose(None)

    def process_exit(self) -> None:
        """Its process is gone: the kernel closes the socket, nobody is told."""
        self._closing = self._dead = True
        self._sk.on_event = None
        self._sk.close()
        if self._server is not None:
            self._server.detach(self)

    def _fatal_os(self, number: int) -> None:
        self._lose(_error(number))

    def _fatal(self, error: Exception, message: str) -> None:
        if not isinstance(error, OSError):  # lost connections are an ordinary thing
            self._loop.call_exception_handler({"message": message, "exception": error, "transport": self, "protocol": self._protocol})
        self._lose(error)

    def _lose(self, error: Exception | None) -> None:
        if self._dead:
            return
        self._dead = self._closing = True
        self._loop.call_soon(self._connection_lost, error, context=self._context)

    def _connection_lost(self, error: Exception | None) -> None:
        try:
            if self._open:
                self._protocol.connection_lost(error)
        finally:
            self._sk.on_event = None
            self._sk.close()
            if self._process is not None:
                self._process.resources.pop(self, None)
            if self._server is not None:
                self._server.detach(self)


def _error(number: int) -> OSError:
    from emu.net.sock.errno import os_error

    return os_error(number)
