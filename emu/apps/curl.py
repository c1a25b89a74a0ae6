"""curl for http:// URLs, with the messages and exit statuses of curl 7.88."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import h11

from emu.apps.nc import ROUND_S
from emu.apps.stdio import Stdio

CANNOT_BIND = (98, 99)  # EADDRINUSE, EADDRNOTAVAIL
USER_AGENT = "curl/7.88.1"


@dataclass(slots=True)
class Request:
    """What the command line asks for.

    `source`, `interface`: address and device to send from, `local_ports`: the range to try. `resolve`: (host, port) -> address.
    """

    url: str
    method: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: bytes | None = None
    silent: bool = False
    show_error: bool = False
    verbose: bool = False
    include: bool = False
    head: bool = False
    fail: bool = False
    output: str = ""
    write_out: str = ""
    limit: float | None = None
    connect_limit: float | None = None
    source: str = ""
    interface: str = ""
    local_ports: tuple[int, int] = (0, 0)
    follow: bool = False
    most_redirects: int = 50
    get: bool = False
    upload: bytes | None = None
    retries: int = 0
    retry_refused: bool = False
    retry_delay: float = 0.0
    resolve: dict[tuple[str, int], str] = field(default_factory=dict)


class Failed(Exception):
    """curl's exit status and what it says."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Transfer:
    """One request. `facts`: what -w can print."""

    def __init__(self, stdio: Stdio, request: Request) -> None:
        self.stdio, self.request = stdio, request
        self.start = asyncio.get_running_loop().time()
        self.facts: dict[str, Any] = {"http_code": 0, "size_download": 0, "num_connects": 0, "remote_ip": "", "local_ip": "", "remote_port": 0, "local_port": 0}
        self.connect_s = 0.0
        self.received = 0
        self.connected = False
        self.location = ""

    @property
    def milliseconds(self) -> int:
        """Since it began."""
        return int((asyncio.get_running_loop().time() - self.start) * 1000 + 0.5)

    async def run(self) -> int:
        """The exit status."""
        request = self.request
        status = 0
        delay = request.retry_delay or 1.0
        for attempt in range(request.retries + 1):
            status, again = await self._attempt()
            if not again or attempt == request.retries:
                break
            await asyncio.sleep(delay)
            delay = request.retry_delay or min(delay * 2, 600.0)
        self.facts["exitcode"] = status
        self._write_out()
        return status

    async def _attempt(self) -> tuple[int, bool]:
        """The exit status, and whether --retry would try again."""
        request = self.request
        self.start = asyncio.get_running_loop().time()
        try:
            try:
                async with asyncio.timeout(request.limit):
                    await self._run()
            except TimeoutError:
                if not self.connected:
                    raise Failed(28, f"Connection timed out after {self.milliseconds} milliseconds") from None
                raise Failed(28, f"Operation timed out after {self.milliseconds} milliseconds with {self.received} bytes received") from None
        except Failed as error:
            self.facts["errormsg"] = str(error)
            if not request.silent or request.show_error:
                self.stdio.error(f"curl: ({error.status}) {error}\n".encode())
            return error.status, error.status in (6, 28) or (error.status == 7 and request.retry_refused)
        return 0, self.facts["http_code"] in (408, 429, 500, 502, 503, 504)

    async def _run(self) -> None:
        request = self.request
        url = request.url if "://" in request.url else f"http://{request.url}"
        usual = "HEAD" if request.head else "PUT" if request.upload is not None else "GET" if request.data is None or request.get else "POST"
        method = request.method or usual
        data = request.upload if request.upload is not None else None if request.get else request.data
        if request.get and request.data is not None:
            url += ("&" if "?" in url else "?") + request.data.decode("latin-1")
        for redirects in range(request.most_redirects + 1):
            parts = urlsplit(url)
            if parts.scheme != "http":
                raise Failed(1, f'Protocol "{parts.scheme}" not supported or disabled in libcurl')
            try:
                host, port = parts.hostname, parts.port or 80
            except ValueError:
                host, port = None, 0
            if not host:
                raise Failed(3, "URL using bad/illegal format or missing URL")
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            self.facts |= {"url_effective": url if parts.path else f"{url}/", "num_redirects": redirects, "method": method}
            self.location = ""
            reader, writer = await self._connect(host, port)
            try:
                await self._exchange(reader, writer, method, data, target, parts.netloc.rpartition("@")[2])
            finally:
                self._say("*", f"Closing connection {redirects}")
                writer.close()
            if not (request.follow and self.location):
                return
            url = urljoin(url, self.location)
            if self.facts["http_code"] in (301, 302, 303) and method == "POST" and not request.method:
                method, data = "GET", None
        raise Failed(47, f"Maximum ({request.most_redirects}) redirects followed")

    async def _connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        request = self.request
        address = request.resolve.get((host, port), host)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(address, port, family=socket.AF_INET, type=socket.SOCK_STREAM)
        except socket.gaierror:
            raise Failed(6, f"Could not resolve host: {host}") from None
        address = str(found[0][4][0])
        self._say("*", f"  Trying {address}:{port}...")
        try:
            async with asyncio.timeout(request.connect_limit):
                reader, writer = await self._open(address, port)
        except TimeoutError as error:
            if error.errno is None and request.limit is not None and request.connect_limit is None:
                raise
            why = "Timeout was reached" if error.errno is None else "Couldn't connect to server"
            raise Failed(28, f"Failed to connect to {host} port {port} after {self.milliseconds} ms: {why}") from None
        except OSError as error:
            if error.errno in CANNOT_BIND and (request.source or request.local_ports[0]):
                raise Failed(45, f"bind failed with errno {error.errno}: {os.strerror(error.errno or 0)}") from None
            self._say("*", f"connect to {address} port {port} failed: {os.strerror(error.errno) if error.errno else error}")
            text = f"Failed to connect to {host} port {port} after {self.milliseconds} ms: Couldn't connect to server"
            self._say("*", text)
            self._say("*", "Closing connection 0")
            raise Failed(7, text) from None
        writer.transport.latency_s = ROUND_S  # type: ignore[attr-defined]
        await asyncio.sleep(ROUND_S)
        self.connected = True
        self.connect_s = asyncio.get_running_loop().time() - self.start
        local, remote = writer.get_extra_info("sockname"), writer.get_extra_info("peername")
        self.facts |= {"local_ip": local[0], "local_port": local[1], "remote_ip": remote[0], "remote_port": remote[1], "num_connects": 1}
        self._say("*", f"Connected to {host} ({address}) port {port} (#0)")
        return reader, writer

    async def _open(self, address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        request = self.request
        first, last = request.local_ports
        local = first
        while True:
            source = (request.source or "0.0.0.0", local) if request.source or local else None
            try:
                return await asyncio.open_connection(address, port, local_addr=source, interface=request.interface)
            except OSError as error:
                if error.errno not in CANNOT_BIND or not local or local >= last:
                    raise
            local += 1

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, content: bytes | None, target: str, authority: str
    ) -> None:  # fmt: skip
        request = self.request
        headers = [("Host", authority), ("User-Agent", USER_AGENT), ("Accept", "*/*")]
        given = {name.lower() for name, _ in request.headers}
        headers = [(name, value) for name, value in headers if name.lower() not in given] + [pair for pair in request.headers if pair[1]]
        if content is not None:
            headers.append(("Content-Length", str(len(content))))
            if "content-type" not in given and request.upload is None:
                headers.append(("Content-Type", "application/x-www-form-urlencoded"))
        connection = h11.Connection(h11.CLIENT)
        try:
            data = connection.send(h11.Request(method=method, target=target, headers=headers)) or b""
            if content:
                data += connection.send(h11.Data(data=content)) or b""
            data += connection.send(h11.EndOfMessage()) or b""
        except h11.LocalProtocolError as error:
            raise Failed(3, f"URL using bad/illegal format or missing URL ({error})") from None
        for line in (f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), ""):
            self._say(">", line)
        writer.write(data)
        await self._receive(connection, reader)

    async def _receive(self, connection: h11.Connection, reader: asyncio.StreamReader) -> None:
        request = self.request
        body = bytearray()
        heard = False
        told = False
        try:
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    data = await reader.read(65536)
                    heard = heard or bool(data)
                    connection.receive_data(data)
                elif isinstance(event, h11.Response):
                    self._response(event)
                elif isinstance(event, h11.Data):
                    self.received += len(event.data)
                    if not told:
                        told = True
                        self._say("{", f"[{len(event.data)} bytes data]")
                    if self.location and request.follow:
                        continue
                    if request.output:
                        body += event.data
                    else:
                        self.stdio.write(bytes(event.data))
                elif isinstance(event, h11.EndOfMessage):
                    break
                elif not isinstance(event, h11.InformationalResponse):
                    raise Failed(52, "Empty reply from server")
        except h11.RemoteProtocolError:
            raise Failed(1, "Received HTTP/0.9 when not allowed") if heard and not self.facts["http_code"] else Failed(
                18 if heard else 52, "transfer closed with outstanding read data remaining" if heard else "Empty reply from server"
            ) from None
        except ConnectionError as error:
            raise Failed(56, f"Recv failure: {os.strerror(error.errno) if error.errno else error}") from None
        self.facts["size_download"] = self.received
        if request.output and not (self.location and request.follow):
            self._store(bytes(body))

    def _store(self, body: bytes) -> None:
        try:
            with open(self.stdio.path(self.request.output), "wb") as file:
                file.write(body)
        except OSError:
            raise Failed(23, "Failure writing output to destination") from None

    def _response(self, event: h11.Response) -> None:
        request = self.request
        self.facts["http_code"] = event.status_code
        lines = [f"HTTP/{event.http_version.decode()} {event.status_code} {event.reason.decode('latin-1')}"]
        lines += [f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in event.headers.raw_items()]
        if event.http_version == b"1.0":
            self._say("*", "HTTP 1.0, assume close after body")
        for line in (*lines, ""):
            self._say("<", line)
        if 300 <= event.status_code < 400:
            self.location = next((value.decode("latin-1") for name, value in event.headers if name == b"location"), "")
        if request.include or request.head:
            self.stdio.write("".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1"))
        if request.fail and event.status_code >= 400:
            raise Failed(22, f"The requested URL returned error: {event.status_code}")

    def _say(self, mark: str, line: str) -> None:
        if self.request.verbose:
            self.stdio.error(f"{mark} {line}".rstrip(" ").encode() + (b" \n" if not line else b"\n"))

    def _write_out(self) -> None:
        took = asyncio.get_running_loop().time() - self.start
        facts = {
            **self.facts,
            "http_code": f"{self.facts['http_code']:03d}",
            "response_code": f"{self.facts['http_code']:03d}",
            "time_total": f"{took:.6f}",
            "time_connect": f"{self.connect_s:.6f}",
            "url": self.request.url,
        }
        text = self.request.write_out.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r")
        text = re.sub(r"%\{(\w+)\}|%%", lambda found: str(facts.get(found[1], "")) if found[1] else "%", text)
        self.stdio.write(text.encode())


async def curl(stdio: Stdio, request: Request) -> int:
    """Fetch it; the exit status. Never raises for what the network does."""
    return await Transfer(stdio, request).run()
