"""Echo over UDP and TCP (RFC 862), servers and clients."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import cast

from emu.apps.entry import Parser, run
from emu.apps.stdio import Stdio


class _UdpEcho(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(data, addr)


async def udp_echo_server(port: int = 7, host: str = "0.0.0.0", listening: Callable[[], object] = lambda: None) -> None:
    """Send every datagram back, until cancelled; `listening` is called first. Raises OSError EADDRINUSE."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(_UdpEcho, local_addr=(host, port))
    listening()
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        transport.close()


class _UdpAnswer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def udp_request(host: str, port: int, data: bytes, *, timeout: float | None = 5.0, source_port: int = 0) -> bytes:
    """Send a datagram and wait for one. Raises TimeoutError, ConnectionRefusedError (the port is closed), OSError."""
    local = ("0.0.0.0", source_port) if source_port else None
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(_UdpAnswer, local_addr=local, remote_addr=(host, port))
    try:
        transport.sendto(data)
        async with asyncio.timeout(timeout):
            return await protocol.answer
    finally:
        transport.close()


async def tcp_echo_server(port: int = 7, host: str = "0.0.0.0", listening: Callable[[], object] = lambda: None) -> None:
    """Send every byte back, until cancelled; `listening` is called first. Raises OSError EADDRINUSE."""
    server = await asyncio.start_server(_tcp_echo, host, port)
    listening()
    try:
        await server.serve_forever()
    finally:
        server.close()


async def _tcp_echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except ConnectionError:
        pass  # the client is gone
    finally:
        writer.close()


async def tcp_request(host: str, port: int, data: bytes, *, timeout: float | None = 5.0) -> bytes:
    """Connect, send, half-close, return all that comes back. Raises TimeoutError, ConnectionRefusedError, OSError."""
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            async with asyncio.TaskGroup() as group:  # what comes back may fill the windows before all is sent
                group.create_task(_send_all(writer, data))
                answer = group.create_task(reader.read())
            return answer.result()
        finally:
            writer.close()


async def _send_all(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()
    writer.write_eof()


async def main(words: list[str], stdio: Stdio) -> int:
    """The command line: a server, or with --to a client that sends one text and prints what comes back."""
    parser = Parser("echo", "Echo over UDP (or TCP): a server, which says when it listens, or with --to a client.", stdio)
    parser.add_argument("port", type=int)
    parser.add_argument("--tcp", action="store_true", help="TCP instead of UDP")
    parser.add_argument("--to", metavar="ADDRESS", help="be the client of the server there")
    parser.add_argument("--text", default="hello", help="what the client sends (default: hello)")
    parser.add_argument("--timeout", type=float, default=1.0, metavar="SECONDS", help="how long the client waits (default: 1)")
    options = parser.parse_args(words)
    try:
        if options.to is None:
            await (tcp_echo_server if options.tcp else udp_echo_server)(
                options.port, listening=lambda: stdio.write(f"listening on port {options.port}\n".encode())
            )
            return 0
        answer = await (tcp_request if options.tcp else udp_request)(options.to, options.port, options.text.encode(), timeout=options.timeout)
    except TimeoutError:
        stdio.error(f"{options.to}:{options.port}: timed out\n".encode())
        return 28
    except OSError as error:
        stdio.error(f"port {options.port}: {os.strerror(error.errno) if error.errno else error}\n".encode())
        return 7
    stdio.write(answer + b"\n")
    return 0


if __name__ == "__main__":
    run(main)
