"""A small HTTP client: one request over one connection, as curl does it."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import h11

from emu.apps.entry import MOMENT, Parser, run
from emu.apps.stdio import Stdio

MAX_BODY = 1 << 26
CLOSE_SECONDS = 0.2
CLOSE = ("Connection", "close")
PAUSE = 0.005  # seconds between two requests of the command line, in which the last frames of a connection arrive


@dataclass(slots=True)
class Response:
    """`headers`: pairs of lower-case name and value in order. `local`, `remote`: (address, port) of the connection. `time_ns`: from connect to the end."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    content: bytes = b""
    local: tuple[str, int] = ("", 0)
    remote: tuple[str, int] = ("", 0)
    time_ns: int = 0

    @property
    def body(self) -> str:
        """The content as text."""
        return self.content.decode("utf-8", "replace")

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        return next((value for key, value in self.headers if key == name.lower()), None)


class HttpError(ValueError):
    """The URL cannot be fetched, or the answer is not HTTP."""


async def http_request(
    method: str, url: str, *, content: bytes = b"", headers: list[tuple[str, str]] | None = None, timeout: float | None = None, user_agent: str = "curl/7.88.1",
    moment: float = 0.0,
) -> Response:  # fmt: skip
    """Fetch `url` (http only). `timeout`: virtual seconds for all of it. `moment`: seconds from what comes to what is sent.

    Raises ConnectionRefusedError, TimeoutError, OSError, socket.gaierror; HttpError.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise HttpError(f"{url!r} is not an http:// URL")
    try:
        port = parts.port or 80
    except ValueError:
        raise HttpError(f"{url!r}: the port is not a number up to 65535") from None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    async with asyncio.timeout(timeout):
        return await _fetch(method, parts.hostname, port, target, parts.netloc.rpartition("@")[2], content, headers or [], user_agent, moment)


async def http_get(url: str, *, timeout: float | None = None, headers: list[tuple[str, str]] | None = None, moment: float = 0.0) -> Response:
    """GET."""
    return await http_request("GET", url, headers=headers, timeout=timeout, moment=moment)


async def _fetch(
    method: str, host: str, port: int, target: str, authority: str, content: bytes, headers: list[tuple[str, str]], user_agent: str,
    moment: float,
) -> Response:  # fmt: skip
    loop = asyncio.get_running_loop()
    start = loop.time()
    reader, writer = await asyncio.open_connection(host, port)
    try:
        conn = h11.Connection(h11.CLIENT)
        given = [name.lower() for name, _ in headers]  # these replace the usual ones, as curl's -H does
        usual = (("Host", authority), ("User-Agent", user_agent), ("Accept", "*/*"))
        lines = [*((name, value) for name, value in usual if name.lower() not in given), *headers]
        if content:
            lines.append(("Content-Length", str(len(content))))
        try:
            data = conn.send(h11.Request(method=method, target=target, headers=lines)) or b""
            if content:
                data += conn.send(h11.Data(data=content)) or b""
            data += conn.send(h11.EndOfMessage()) or b""
        except h11.LocalProtocolError as error:
            raise HttpError(f"{method} {target}: {error}") from None
        if moment:
            await asyncio.sleep(moment)
        writer.write(data)
        await writer.drain()
        response = await _receive(conn, reader)
        if moment:
            await asyncio.sleep(moment)
        if CLOSE in lines:  # the server was asked to close, so it does so first, if it does so at once
            with suppress(TimeoutError, OSError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await reader.read()
        local, remote = writer.get_extra_info("sockname"), writer.get_extra_info("peername")
        response.local, response.remote = (local[0], local[1]), (remote[0], remote[1])
        response.time_ns = round((loop.time() - start) * 1e9)
        return response
    finally:
        writer.close()


async def _receive(conn: h11.Connection, reader: asyncio.StreamReader) -> Response:
    response: Response | None = None
    body = bytearray()
    received = 0
    try:
        while True:
            event = conn.next_event()
            if event is h11.NEED_DATA:
                data = await reader.read(65536)
                received += len(data)
                conn.receive_data(data)
            elif isinstance(event, h11.Response):
                response = Response(event.status_code, [(name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers])
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_BODY:
                    raise HttpError(f"the answer is longer than {MAX_BODY} bytes")
            elif isinstance(event, h11.EndOfMessage):
                break
            elif not isinstance(event, h11.InformationalResponse):
                raise HttpError("the connection was closed before an answer came")
    except h11.RemoteProtocolError as error:
        if not received:
            raise HttpError("the connection was closed before an answer came") from None
        raise HttpError(f"the answer is not HTTP: {error}") from None
    assert response is not None
    response.content = bytes(body)
    return response


async def main(words: list[str], stdio: Stdio) -> int:
    """The command line; prints what was answered. Status: 0 there was an answer, 7 no connection, 28 it took too long, 1 all else (as curl has it)."""
    parser = Parser("http_client", "Fetch a URL with GET, each time over a connection of its own, and print the answer, a line each.", stdio)
    parser.add_argument("url")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS", help="for all of one request (default: 5)")
    parser.add_argument("--count", type=int, default=1, metavar="N", help="how often (default: 1)")
    options = parser.parse_args(words)
    for number in range(options.count):
        if number:
            await asyncio.sleep(PAUSE)
        try:
            response = await http_get(options.url, timeout=options.timeout, moment=MOMENT)
        except TimeoutError:
            stdio.error(f"{options.url}: timed out\n".encode())
            return 28
        except OSError as error:
            stdio.error(f"{options.url}: {os.strerror(error.errno) if error.errno else error}\n".encode())
            return 7
        except HttpError as error:
            stdio.error(f"{options.url}: {error}\n".encode())
            return 1
        stdio.write(response.content if response.content.endswith(b"\n") else response.content + b"\n")
    return 0


if __name__ == "__main__":
    run(main)
