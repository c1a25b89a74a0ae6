"""wget for http:// URLs, with the messages and exit statuses of GNU Wget 1.21."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass, field
from time import gmtime, strftime
from urllib.parse import urljoin, urlsplit

import h11

from emu.apps.nc import ROUND_S
from emu.apps.stdio import Stdio

EPOCH_S = 1_735_689_600
USER_AGENT = "Wget/1.21.3"
NETWORK, PROTOCOL, SERVER = 4, 7, 8  # exit statuses
REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(slots=True)
class Request:
    """What the command line asks for. `output`: -O, "" for the URL's own name. `tries`: 0 for ever."""

    output: str = ""
    quiet: bool = False
    terse: bool = False
    spider: bool = False
    show_headers: bool = False
    timeout: float | None = None
    tries: int = 20
    method: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: bytes | None = None
    source: str = ""
    most_redirects: int = 20


class Failed(Exception):
    """The exit status and what wget says."""

    def __init__(self, status: int, text: str, again: bool = False) -> None:
        super().__init__(text)
        self.status, self.again = status, again


class Wget:
    """One URL."""

    def __init__(self, stdio: Stdio, request: Request) -> None:
        self.stdio, self.request = stdio, request
        self.status, self.reason = 0, ""
        self.headers: list[tuple[str, str]] = []

    def say(self, text: str) -> None:
        """To standard error, unless -q or -nv."""
        if not self.request.quiet and not self.request.terse:
            self.stdio.error(text.encode("utf-8", "surrogateescape"))

    @property
    def now(self) -> str:
        """As log lines begin."""
        return strftime("%Y-%m-%d %H:%M:%S", gmtime(EPOCH_S + int(asyncio.get_running_loop().time())))

    async def run(self, url: str) -> int:
        """The exit status."""
        if "://" not in url:
            url = f"http://{url}"
        if self.request.spider:
            self.say("Spider mode enabled. Check if remote file exists.\n")
        attempt = 0
        redirects = 0
        while True:
            attempt += 1
            if attempt > 1:
                await asyncio.sleep(min(attempt - 1, 10))  # --waitretry
            count = f"(try:{attempt:2d})  " if attempt > 1 else ""
            self.say(f"--{self.now}--  {count}{url}\n")
            try:
                body = await self._fetch(url)
            except Failed as error:
                if not self.request.quiet:
                    self.stdio.error(f"{error}\n".encode())
                if error.again and (not self.request.tries or attempt < self.request.tries):
                    self.say("Retrying.\n\n")
                    continue
                return error.status
            location = next((value for name, value in self.headers if name.lower() == "location"), "")
            if self.status in REDIRECTS and location and redirects < self.request.most_redirects:
                redirects += 1
                attempt = 0
                url = urljoin(url, location)
                self.say(f"Location: {location} [following]\n")
                continue
            return self._finish(url, body)

    async def _fetch(self, url: str) -> bytes:
        parts = urlsplit(url)
        if parts.scheme != "http":
            raise Failed(1, f"emu: not emulated: wget of {parts.scheme}://")
        host, port = parts.hostname or "", parts.port or 80
        reader, writer = await self._connect(host, port)
        try:
            async with asyncio.timeout(self.request.timeout):
                return await self._exchange(reader, writer, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), parts.netloc)
        except TimeoutError:
            raise Failed(NETWORK, "Read error (Connection timed out) in headers.", again=True) from None
        except ConnectionError as error:
            raise Failed(NETWORK, f"Read error ({_words(error)}) in headers.", again=True) from None
        except h11.ProtocolError:
            raise Failed(NETWORK, "No data received.", again=True) from None
        finally:
            writer.close()

    async def _connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        numeric = host.replace(".", "").isdigit()
        if not numeric:
            self.say(f"Resolving {host} ({host})... ")
        try:
            found = await loop.getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            self.say(f"failed: {error.strerror}.\n")
            raise Failed(NETWORK, f"wget: unable to resolve host address ‘{host}’") from None
        address = str(found[0][4][0])
        if not numeric:
            self.say(f"{', '.join(str(one[4][0]) for one in found)}\n")
        where = f"{address}:{port}" if numeric else f"{host} ({host})|{address}|:{port}"
        self.say(f"Connecting to {where}... ")
        local = (self.request.source, 0) if self.request.source else None
        try:
            async with asyncio.timeout(self.request.timeout):
                reader, writer = await asyncio.open_connection(address, port, local_addr=local)
        except TimeoutError:
            raise Failed(NETWORK, "failed: Connection timed out.", again=True) from None
        except OSError as error:
            raise Failed(NETWORK, f"failed: {_words(error)}.", again=not isinstance(error, ConnectionRefusedError)) from None
        writer.transport.latency_s = ROUND_S  # type: ignore[attr-defined]
        await asyncio.sleep(ROUND_S)
        self.say("connected.\n")
        return reader, writer

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str, authority: str) -> bytes:
        request = self.request
        connection = h11.Connection(h11.CLIENT)
        method = request.method or ("POST" if request.data is not None else "HEAD" if request.spider else "GET")
        headers = [("Host", authority), ("User-Agent", USER_AGENT), ("Accept", "*/*"), ("Accept-Encoding", "identity"), ("Connection", "Keep-Alive")]
        if request.data is not None:
            headers += [("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", str(len(request.data)))]
        given = [name.lower() for name, _ in request.headers]
        headers = [pair for pair in headers if pair[0].lower() not in given] + request.headers
        data = connection.send(h11.Request(method=method, target=target, headers=headers)) or b""
        if request.data:
            data += connection.send(h11.Data(data=request.data)) or b""
        writer.write(data + (connection.send(h11.EndOfMessage()) or b""))
        self.say("HTTP request sent, awaiting response... ")
        body = bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Response):
                self._response(event)
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return bytes(body)
            elif not isinstance(event, h11.InformationalResponse):
                raise h11.RemoteProtocolError("closed")

    def _response(self, event: h11.Response) -> None:
        self.status, self.reason = event.status_code, event.reason.decode("latin-1")
        self.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers.raw_items()]
        if self.request.show_headers:
            lines = [f"HTTP/{event.http_version.decode()} {self.status} {self.reason}", *(f"{name}: {value}" for name, value in self.headers)]
            if not self.request.quiet:
                self.stdio.error(b"\n")
            self.stdio.error("".join(f"  {line}\n" for line in lines).encode("latin-1"))
        else:
            self.say(f"{self.status} {self.reason}\n")

    def _finish(self, url: str, body: bytes) -> int:
        if self.status >= 400 or self.status in REDIRECTS:
            if self.request.spider:
                self.say("Remote file does not exist -- broken link!!!\n\n")
            elif not self.request.quiet:
                line = f"{url}:\n" if self.request.terse else ""
                self.stdio.error(f"{line}{self.now} ERROR {self.status}: {self.reason}.\n{'' if self.request.terse else chr(10)}".encode())
            return SERVER
        kind = next((value for name, value in self.headers if name.lower() == "content-type"), "")
        length = next((value for name, value in self.headers if name.lower() == "content-length"), "unspecified")
        self.say(f"Length: {length}" + (f" [{kind.split(';')[0]}]" if kind else "") + "\n")
        if self.request.spider:
            self.say("Remote file exists.\n\n")
            return 0
        if self.request.output == "-":
            self.say("Saving to: ‘STDOUT’\n\n")
            self.stdio.write(body)
            name = "-"
        else:
            name = self.request.output or os.path.basename(urlsplit(url).path) or "index.html"
            self.say(f"Saving to: ‘{name}’\n\n")
            try:
                with open(self.stdio.path(name), "wb") as file:
                    file.write(body)
            except OSError as error:
                self.stdio.error(f"{name}: {error.strerror}\n".encode())
                return 3
        whole = f"{len(body)}/{length}" if length.isdigit() else f"{len(body)}"
        if self.request.terse and not self.request.quiet:
            self.stdio.error(f'{self.now} URL:{url} [{whole}] -> "{name}" [1]\n'.encode())
        shown = "written to stdout" if name == "-" else f"‘{name}’ saved"
        self.say(f"{self.now} ({len(body) / 1000:.2f} KB/s) - {shown} [{whole}]\n\n")
        return 0


def _words(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
