"""The loop's network calls: names, connections, servers, datagram endpoints, all in the namespace of the calling program."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

from emu.aio import context
from emu.aio.datagram import DatagramTransport
from emu.aio.resolver import AddrInfo
from emu.aio.server import Server
from emu.aio.stream import StreamTransport
from emu.net.sock.errno import os_error
from emu.net.sock.tcp import TcpSocket
from emu.net.sock.tcp_listen import TcpListener
from emu.net.sock.udp import UdpSocket
from emu.wire.addr import ip_int, ip_text

if TYPE_CHECKING:
    from emu.aio.loop import Loop
    from emu.net.netns import Namespace


class Endpoints(asyncio.AbstractEventLoop):
    """The part of `Loop` that knows sockets."""

    def _loop(self) -> Loop:
        return cast("Loop", self)

    async def getaddrinfo(self, host: Any, port: Any, *, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> list[AddrInfo]:  # type: ignore[override]  # noqa: A002
        """socket.getaddrinfo in the calling program's namespace."""
        return await self._loop().resolver.getaddrinfo(context.netns(), host, port, family, type, proto, flags)

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> tuple[str, str]:
        """Numeric only: there is no reverse lookup."""
        return sockaddr[0], str(sockaddr[1])

    # -- TCP ------------------------------------------------------------------------------------------------------------------------

    async def create_connection(  # type: ignore[override]
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], host: Any = None, port: Any = None, *, ssl: Any = None, family: int = 0, proto: int = 0,
        flags: int = 0, sock: Any = None, local_addr: tuple[str, int] | None = None, server_hostname: str | None = None, interface: str = "", **kwargs: Any,
    ) -> tuple[asyncio.BaseTransport, asyncio.BaseProtocol]:  # fmt: skip
        """As asyncio's; `interface`: SO_BINDTODEVICE. Raises OSError with Linux's errno, ConnectionRefusedError and so on."""
        _refuse(ssl=ssl, sock=sock, server_hostname=server_hostname)
        if host is None and port is None:
            raise ValueError("host and port was not specified and no sock specified")
        loop = self._loop()
        ns = context.netns()
        found = await loop.resolver.getaddrinfo(ns, host, port, family, socket.SOCK_STREAM, proto, flags)
        local = None
        if local_addr is not None:
            local = (await loop.resolver.getaddrinfo(ns, local_addr[0], local_addr[1], family, socket.SOCK_STREAM, proto, flags))[0][4]
        errors: list[OSError] = []
        sk: TcpSocket | None = None
        for *_, address in found:
            try:
                sk = await _connect(loop, ns, address, local, interface)
                break
            except OSError as error:
                errors.append(error)
        if sk is None:
            if len(errors) == 1 or all(str(error) == str(errors[0]) for error in errors):
                raise errors[0]
            raise OSError(f"Multiple exceptions: {', '.join(str(error) for error in errors)}")
        protocol = protocol_factory()
        waiter: asyncio.Future[None] = loop.create_future()
        transport = StreamTransport(loop, sk, protocol, waiter=waiter)
        try:
            await waiter
        except BaseException:
            transport.close()
            raise
        return transport, protocol

    async def create_server(  # type: ignore[override]
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], host: Any = None, port: Any = None, *, family: int = socket.AF_UNSPEC,
        flags: int = socket.AI_PASSIVE, sock: Any = None, backlog: int = 100, ssl: Any = None, reuse_address: bool | None = None,
        reuse_port: bool | None = None, start_serving: bool = True, **kwargs: Any,
    ) -> Server:  # fmt: skip
        """As asyncio's. Raises OSError EADDRINUSE, EADDRNOTAVAIL ..."""
        _refuse(ssl=ssl, sock=sock)
        if host is None and port is None:
            raise ValueError("Neither host/port nor sock were specified")
        loop = self._loop()
        ns = context.netns()
        hosts = [host if host != "" else None] if host is None or isinstance(host, str) or not isinstance(host, Iterable) else list(host)
        addresses: dict[tuple[str, int], None] = {}
        for one in hosts:
            for *_, address in await loop.resolver.getaddrinfo(ns, one, port, family, socket.SOCK_STREAM, 0, flags):
                addresses[address] = None
        listeners: list[TcpListener] = []
        server: Server | None = None
        try:
            for address in addresses:
                listener = TcpListener(ns)
                listeners.append(listener)
                listener.reuse_address = reuse_address is None or bool(reuse_address)
                listener.reuse_port = bool(reuse_port)
                try:
                    listener.bind(ip_int(address[0]), address[1])
                except OSError as error:
                    text = f"error while attempting to bind on address {address!r}: {str(error.strerror).lower()}"
                    raise OSError(error.errno, text) from None
            server = Server(loop, listeners, protocol_factory, backlog)
            if start_serving:
                server.listen()
                await asyncio.sleep(0)
        except BaseException:
            for listener in listeners:
                listener.close()
            if server is not None:
                server.close()
            raise
        return server

    # -- UDP ------------------------------------------------------------------------------------------------------------------------

    async def create_datagram_endpoint(  # type: ignore[override]
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], local_addr: Any = None, remote_addr: Any = None, *, family: int = 0, proto: int = 0,
        flags: int = 0, reuse_address: bool | None = None, reuse_port: bool | None = None, allow_broadcast: bool | None = None, sock: Any = None,
    ) -> tuple[asyncio.BaseTransport, asyncio.BaseProtocol]:  # fmt: skip
        """As asyncio's. Raises OSError EADDRINUSE, EADDRNOTAVAIL, ENETUNREACH ..."""
        _refuse(sock=sock)
        if reuse_address:
            raise ValueError("Passing `reuse_address=True` is no longer supported, as the usage of SO_REUSEPORT in UDP poses a significant security concern.")
        loop = self._loop()
        ns = context.netns()
        if local_addr is None and remote_addr is None and family == socket.AF_UNSPEC:
            raise ValueError("unexpected address family")
        resolve = loop.resolver.getaddrinfo
        local = (await resolve(ns, local_addr[0], local_addr[1], family, socket.SOCK_DGRAM, proto, flags))[0][4] if local_addr is not None else None
        remote = (await resolve(ns, remote_addr[0], remote_addr[1], family, socket.SOCK_DGRAM, proto, flags))[0][4] if remote_addr is not None else None
        sk = UdpSocket(ns)
        try:
            sk.reuse_port = bool(reuse_port)
            sk.broadcast = bool(allow_broadcast)
            if local is not None:
                sk.bind(ip_int(local[0]), local[1])
            if remote is not None:
                sk.connect(ip_int(remote[0]), remote[1])
        except OSError:
            sk.close()
            raise
        protocol = protocol_factory()
        transport = DatagramTransport(loop, sk, cast("asyncio.DatagramProtocol", protocol), remote)
        waiter: asyncio.Future[None] = loop.create_future()
        loop.call_soon(_wake, waiter)
        try:
            await waiter
        except BaseException:
            transport.close()
            raise
        return transport, protocol


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _refuse(**given: Any) -> None:
    for name, value in given.items():
        if value:
            raise NotImplementedError(f"{name}= is not supported on emulated sockets")


async def _connect(loop: Loop, ns: Namespace, address: tuple[str, int], local: tuple[str, int] | None, interface: str) -> TcpSocket:
    """A connected socket, or the error that connect() ends with, worded as asyncio does on Linux."""
    sk = TcpSocket(ns)
    try:
        if interface:
            sk.bind_to_device(interface)
        if local is not None:
            sk.bind(ip_int(local[0]), local[1])
        done: asyncio.Future[None] = loop.create_future()

        def event() -> None:
            if (sk.connected or sk.error or sk.dead) and not done.done():
                done.set_result(None)

        sk.on_event = event
        sk.connect(ip_int(address[0]), address[1])
        await done
        sk.on_event = None
        error = sk.take_error()
        if error:
            template = os_error(error)
            raise type(template)(error, f"Connect call failed {(ip_text(sk.daddr), sk.dport)}")
    except BaseException:
        sk.close()
        raise
    return sk
