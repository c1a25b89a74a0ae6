"""Datagram transports: asyncio's DatagramTransport over an emulated UDP socket."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any

from emu.aio.context import current_process
from emu.aio.socket import TransportSocket
from emu.net.sock.udp import UdpSocket
from emu.wire.addr import ip_int, ip_text

if TYPE_CHECKING:
    from emu.aio.loop import Loop


class DatagramTransport(asyncio.DatagramTransport):
    """`sendto` never waits: UDP sends or drops. Errors of the socket reach `error_received`."""

    def __init__(self, loop: Loop, sk: UdpSocket, protocol: asyncio.DatagramProtocol, address: tuple[str, int] | None) -> None:
        super().__init__({"socket": TransportSocket(sk), "sockname": (ip_text(sk.saddr), sk.sport), "peername": address})
        self._loop = loop
        self._sk = sk
        self._protocol = protocol
        self._address = address
        self._closing = False
        self._open = False
        self._context = contextvars.copy_context()
        self._process = current_process.get()
        if self._process is not None:
            self._process.resources[self] = None
        sk.owner = self
        sk.on_event = self._on_event
        loop.call_soon(self._start)

    def _start(self) -> None:
        self._open = True
        self._protocol.connection_made(self)
        if not self._sk.closed:
            self._sk.wake()  # what came before

    def _on_event(self) -> None:
        if self._open:
            self._loop.enter(self._context.run, self._read)

    def _read(self) -> None:
        sk = self._sk
        received = self._protocol.datagram_received
        while not self._closing:
            try:
                datagram = sk.recv()
            except OSError as error:
                self._protocol.error_received(error)
                continue
            if datagram is None:
                if sk.closed:
                    self._lost(None)
                return
            try:
                received(datagram[0], (ip_text(datagram[1]), datagram[2]))
            except Exception as error:  # noqa: BLE001 - a program's bug ends its transport, not the world
                self._fatal(error)
                return

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Send one datagram to `addr` (address, port), or to the peer of a connected one."""
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._address is not None:
            if addr not in (None, self._address):
                raise ValueError(f"Invalid address: must be None or {self._address}")
        elif addr is None:
            raise ValueError("no destination address given")
        if self._closing:
            return
        try:
            if addr is None or self._address is not None:
                self._sk.send(bytes(data))
            else:
                self._sk.sendto(bytes(data), ip_int(addr[0]), addr[1])
        except OSError as error:
            self._protocol.error_received(error)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol."""
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Another protocol from now on."""
        self._protocol = protocol  # type: ignore[assignment]

    def is_closing(self) -> bool:
        """close() was called."""
        return self._closing

    def get_write_buffer_size(self) -> int:
        """Always 0."""
        return 0

    def close(self) -> None:
        """Close the socket; `connection_lost(None)` follows."""
        if not self._closing:
            self._lost(None)

    abort = close

    def process_exit(self) -> None:
        """Its process is gone: close the socket, tell nobody."""
        self._closing = True
        self._sk.on_event = None
        self._sk.close()

    def _lost(self, error: Exception | None) -> None:
        self._closing = True
        self._sk.on_event = None
        self._sk.close()
        if self._process is not None:
            self._process.resources.pop(self, None)
        self._loop.call_soon(self._protocol.connection_lost, error)

    def _fatal(self, error: Exception) -> None:
        self._loop.call_exception_handler(
            {"message": "Fatal error: protocol.datagram_received() call failed.", "exception": error, "transport": self, "protocol": self._protocol}
        )
        self._lost(error)
