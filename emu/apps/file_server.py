"""`python3 -m http.server`: the files of a folder, over HTTP/1.0."""

from __future__ import annotations

import asyncio
import html
import mimetypes
import os
from email.utils import formatdate
from http import HTTPStatus
from time import gmtime, strftime
from urllib.parse import quote, unquote, urlsplit

from emu.apps.http_server import EPOCH_S
from emu.apps.stdio import Stdio

SERVER = "SimpleHTTP/0.6 Python/3.11.2"
REASONS = {200: "OK", 301: "Moved Permanently"}
BACKLOG = 5
CALL_S = 0.00001  # from one system call to the next: what was sent has been answered


class FileServer:
    """Serves `folder` at `host`:`port` until cancelled; a line on standard error for each request.

    A file's own time is the wall clock's: to its clients every file is as old as the world.
    """

    def __init__(self, stdio: Stdio, host: str, port: int, folder: str) -> None:
        self.stdio, self.host, self.port, self.folder = stdio, host, port, folder

    async def serve(self) -> int:
        """Raises OSError when the port is taken."""
        server = await asyncio.start_server(self._connection, self.host, self.port, backlog=BACKLOG)
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
        headers = [("Server", SERVER), ("Date", formatdate(now, usegmt=True))]
        body: bytes | None = None
        if method in ("GET", "HEAD"):
            status, more, body = self._find(target)
            headers += more
        else:
            status, reason = 501, f"Unsupported method ({method!r})"
        if body is None:
            status, reason = (status, reason) if status == 501 else (404, "File not found")
            body = error_page(status, reason)
            headers += [("Connection", "close"), ("Content-Type", "text/html;charset=utf-8"), ("Content-Length", str(len(body)))]
        else:
            reason = REASONS[status]
        stamp = strftime("%d/%b/%Y %H:%M:%S", gmtime(now))
        peer = writer.get_extra_info("peername")[0]
        if status >= 400:
            self.stdio.error(f"{peer} - - [{stamp}] code {status}, message {reason}\n".encode())
        self.stdio.error(f'{peer} - - [{stamp}] "{method} {target} {version}" {status} -\n'.encode())
        head = f"HTTP/1.0 {status} {reason}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
        writer.write(head.encode("latin-1"))
        await asyncio.sleep(CALL_S)
        if method != "HEAD":
            writer.write(body)
            await asyncio.sleep(CALL_S)
        await writer.drain()

    def _find(self, target: str) -> tuple[int, list[tuple[str, str]], bytes | None]:
        """Status, headers and content, None for none."""
        path = unquote(urlsplit(target).path)
        parts = [part for part in path.split("/") if part not in ("", ".", "..")]
        name = os.path.join(self.folder, *parts)
        if os.path.isdir(name):
            if not path.endswith("/"):
                return 301, [("Location", urlsplit(target)._replace(path=urlsplit(target).path + "/").geturl()), ("Content-Length", "0")], b""
            index = next((page for page in ("index.html", "index.htm") if os.path.isfile(os.path.join(name, page))), None)
            if index is None:
                return self._listing(name, path)
            name = os.path.join(name, index)
        elif path.endswith("/"):
            return 404, [], None
        try:
            with open(name, "rb") as file:
                body = file.read()
        except OSError:
            return 404, [], None
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return 200, [("Content-type", kind), ("Content-Length", str(len(body))), ("Last-Modified", formatdate(EPOCH_S, usegmt=True))], body

    def _listing(self, name: str, path: str) -> tuple[int, list[tuple[str, str]], bytes | None]:
        try:
            entries = sorted(os.listdir(name), key=str.lower)
        except OSError:
            return 404, [], None
        title = f"Directory listing for {html.escape(path, quote=False)}"
        lines = ["<!DOCTYPE HTML>", '<html lang="en">', "<head>", '<meta charset="utf-8">', f"<title>{title}</title>\n</head>", f"<body>\n<h1>{title}</h1>"]
        lines.append("<hr>\n<ul>")
        for entry in entries:
            full = os.path.join(name, entry)
            link = entry + "/" * os.path.isdir(full)
            shown = entry + "@" if os.path.islink(full) else link
            lines.append(f'<li><a href="{quote(link)}">{html.escape(shown, quote=False)}</a></li>')
        body = "\n".join([*lines, "</ul>\n<hr>\n</body>\n</html>\n"]).encode("utf-8", "surrogateescape")
        return 200, [("Content-type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))], body


def error_page(status: int, reason: str) -> bytes:
    """What a browser shows."""
    import http.server as real

    words: dict[HTTPStatus, tuple[str, str]] = real.BaseHTTPRequestHandler.responses  # type: ignore[assignment]
    page: str = real.DEFAULT_ERROR_MESSAGE  # type: ignore[attr-defined]
    explanation = html.escape(words[HTTPStatus(status)][1], quote=False)
    return (page % {"code": status, "message": html.escape(reason, quote=False), "explain": explanation}).encode()
