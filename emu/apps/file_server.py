"""`python3 -m http.server`: the files of a folder, over HTTP/1.0."""

from __future__ import annotations

import asyncio
import html
import mimetypes
import os
from email.utils import formatdate
from time import gmtime, strftime
from urllib.parse import quote, unquote, urlsplit

from emu.apps.http_server import EPOCH_S
from emu.apps.stdio import Stdio

SERVER = "SimpleHTTP/0.6 Python/3.11.2"


class FileServer:
    """Serves `folder` at `host`:`port` until cancelled; a line on standard error for each request."""

    def __init__(self, stdio: Stdio, host: str, port: int, folder: str) -> None:
        self.stdio, self.host, self.port, self.folder = stdio, host, port, folder

    async def serve(self) -> int:
        """Raises OSError when the port is taken."""
        server = await asyncio.start_server(self._connection, self.host, self.port)
        self.stdio.write(f"Serving HTTP on {self.host} port {self.port} (http://{self.host}:{self.port}/) ...\n".encode())
        try:
            await server.serve_forever()
        finally:
            server.close()
        return 0

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readline()).decode("latin-1").split()
            while (await reader.readline()).strip():
                pass
            if len(request) == 3:
                await self._answer(writer, *request)
        except (ConnectionError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, method: str, target: str, version: str) -> None:
        now = EPOCH_S + asyncio.get_running_loop().time()
        if method not in ("GET", "HEAD"):
            status, kind, body = "501 Unsupported method", "text/html;charset=utf-8", f"Unsupported method ({method!r})\n".encode()
        else:
            status, kind, body = self._find(unquote(urlsplit(target).path))
        stamp = strftime("%d/%b/%Y %H:%M:%S", gmtime(now))
        peer = writer.get_extra_info("peername")[0]
        if not status.startswith("200"):
            self.stdio.error(f"{peer} - - [{stamp}] code {status[:3]}, message {status[4:]}\n".encode())
        self.stdio.error(f'{peer} - - [{stamp}] "{method} {target} {version}" {status[:3]} -\n'.encode())
        head = f"HTTP/1.0 {status}\r\nServer: {SERVER}\r\nDate: {formatdate(now, usegmt=True)}\r\nContent-type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode("latin-1"))
        if method != "HEAD":
            writer.write(body)
        await writer.drain()

    def _find(self, path: str) -> tuple[str, str, bytes]:
        """Status, content type and content."""
        parts = [part for part in path.split("/") if part not in ("", ".", "..")]
        name = os.path.join(self.folder, *parts)
        if os.path.isdir(name) and os.path.isfile(os.path.join(name, "index.html")):
            name = os.path.join(name, "index.html")
        try:
            if os.path.isdir(name):
                entries = [entry + "/" * os.path.isdir(os.path.join(name, entry)) for entry in sorted(os.listdir(name), key=str.lower)]
                items = "\n".join(f'<li><a href="{quote(entry)}">{html.escape(entry)}</a></li>' for entry in entries)
                title = f"Directory listing for {html.escape(path)}"
                head = f'<!DOCTYPE HTML>\n<html lang="en">\n<head>\n<title>{title}</title>\n</head>\n'
                page = f"{head}<body>\n<h1>{title}</h1>\n<hr>\n<ul>\n{items}\n</ul>\n<hr>\n</body>\n</html>\n"
                return "200 OK", "text/html; charset=utf-8", page.encode()
            with open(name, "rb") as file:
                return "200 OK", mimetypes.guess_type(name)[0] or "application/octet-stream", file.read()
        except OSError:
            return "404 File not found", "text/html;charset=utf-8", b"<!DOCTYPE HTML>\n<p>Error code: 404</p>\n<p>Message: File not found.</p>\n"
