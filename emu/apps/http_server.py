"""A small HTTP server with the answers of Kubernetes' test image agnhost (netexec): who served, who asked, echo, health."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from email.utils import formatdate
from urllib.parse import parse_qs, unquote, urlsplit

import h11

from emu.apps.entry import MOMENT, Parser, run
from emu.apps.stdio import Stdio

EPOCH_S = 1_735_689_600  # virtual time 0 is 2025-01-01T00:00:00Z
MAX_BODY = 1 << 24
LINGER_S = 0.001
REASONS = {
    200: "OK", 302: "Found", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 412: "Precondition Failed", 413: "Content Too Large",
    501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip

# Status, body, and headers where there are any besides the usual ones.
Answer = tuple[int, bytes] | tuple[int, bytes, list[tuple[str, str]]]
# (method, path, query, body, client's address) -> (status, body)
Handler = Callable[[str, str, dict[str, list[str]], bytes, tuple[str, int]], "tuple[int, bytes] | None"]


class HttpServer:
    """`GET /hostname` (the pod's name), `/clientip` (address:port), `/echo?msg=` (also `&code=`; POST returns its body), `/header?key=`,
    `/healthz` (200 when `ready`, else 412 as agnhost), `/` (its name); 404 for all else. HEAD, keep-alive, pipelining. `handler` may answer first;
    None leaves it to the server.

    `await serve()` runs until cancelled. `requests`: how many were answered; `log` is given a line for each. `moment`:
    seconds from a request to its answer.
    """

    def __init__(
        self, hostname: str, port: int = 8080, *, host: str = "0.0.0.0", ready: bool = True, handler: Handler | None = None,
        log: Callable[[str], object] | None = None, moment: float = 0.0,
    ) -> None:  # fmt: skip
        self.hostname = hostname
        self.port = port
        self.host = host
        self.ready = ready
        self.handler = handler
        self.log = log
        self.moment = moment
        self.requests = 0

    async def serve(self, listening: Callable[[], object] | None = None) -> None:
        """Listen, call `listening`, and answer. Raises OSError EADDRINUSE when the port is taken."""
        server = await asyncio.start_server(self._connection, self.host, self.port)
        if listening is not None:
            listening()
        try:
            await server.serve_forever()
        finally:
            server.close()  # not waiting for clients: at the end of the process the kernel closes what is open

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conn = h11.Connection(h11.SERVER)
        peer = writer.get_extra_info("peername")
        try:
            while await self._exchange(conn, reader, writer, (peer[0], peer[1])):
                conn.start_next_cycle()
            if conn.their_state is h11.MUST_CLOSE:  # we end it: not before the answer is acknowledged
                await asyncio.sleep(LINGER_S)
        except (ConnectionError, TimeoutError):
            pass  # the client is gone
        finally:
            writer.close()

    async def _exchange(self, conn: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: tuple[str, int]) -> bool:
        """One request and its answer; whether another may follow."""
        request: h11.Request | None = None
        body = bytearray()
        try:
            while True:
                event = conn.next_event()
                if event is h11.NEED_DATA:
                    if conn.they_are_waiting_for_100_continue:
                        writer.write(conn.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
                    conn.receive_data(await reader.read(65536))
                elif isinstance(event, h11.Request):
                    request = event
                elif isinstance(event, h11.Data):
                    body += event.data
                    if len(body) > MAX_BODY:
                        raise h11.RemoteProtocolError("body too large", error_status_hint=413)
                elif isinstance(event, h11.EndOfMessage):
                    break
                else:  # the connection is closed, or changes its protocol
                    return False
        except h11.RemoteProtocolError as error:
            if conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                status = error.error_status_hint or 400
                await self._send(conn, writer, status, f"{status} {REASONS.get(status, 'Bad Request')}".encode(), close=True)
            return False
        assert request is not None
        method = request.method.decode("ascii")
        answer = await self.respond(request, bytes(body), peer)
        status = answer[0]
        self.requests += 1
        if self.log is not None:
            self.log(f"{peer[0]}:{peer[1]} {method} {request.target.decode('latin-1')} {status}")
        await self._send(conn, writer, status, answer[1], answer[2] if len(answer) == 3 else [], head=method == "HEAD")
        return conn.our_state is h11.DONE and conn.their_state is h11.DONE

    async def respond(self, request: h11.Request, body: bytes, peer: tuple[str, int]) -> Answer:
        """The answer to a request."""
        parts = split_target(request.target)
        if parts is None:
            return 400, b"400 Bad Request"
        path, query = parts
        if path == "/header" and self.handler is None:
            wanted = query.get("key", [""])[0].lower()
            return 200, next((value for name, value in request.headers if name.decode("latin-1").lower() == wanted), b"")
        return self._answer(request.method.decode("ascii"), path, query, body, peer)

    async def _send(
        self, conn: h11.Connection, writer: asyncio.StreamWriter, status: int, body: bytes, more: list[tuple[str, str]] | None = None, *,
        head: bool = False, close: bool = False,
    ) -> None:  # fmt: skip
        headers = [
            ("Date", formatdate(EPOCH_S + int(asyncio.get_running_loop().time()), usegmt=True)),
            ("Content-Length", str(len(body))),
        ]
        given = [name.lower() for name, _ in more or []]
        if "content-type" not in given:
            headers.append(("Content-Type", "text/plain; charset=utf-8"))
        headers += more or []
        if close:
            headers.append(("Connection", "close"))
        data = conn.send(h11.Response(status_code=status, reason=REASONS.get(status, ""), headers=headers)) or b""
        if not head:
            data += conn.send(h11.Data(data=body)) or b""
        if self.moment:
            await asyncio.sleep(self.moment)
        writer.write(data + (conn.send(h11.EndOfMessage()) or b""))
        await writer.drain()

    def _answer(self, method: str, path: str, query: dict[str, list[str]], body: bytes, peer: tuple[str, int]) -> tuple[int, bytes]:
        if self.handler is not None:
            answer = self.handler(method, path, query, body, peer)
            if answer is not None:
                return answer
        if method not in ("GET", "HEAD", "POST", "PUT"):
            return 405, b"405 method not allowed\n"
        if path in ("/hostname", "/hostName", "/"):
            return 200, self.hostname.encode()
        if path == "/clientip":
            return 200, f"{peer[0]}:{peer[1]}".encode()
        if path == "/echo":
            if method in ("POST", "PUT"):
                return 200, body
            code = query.get("code", ["200"])[0]
            status = int(code) if code.isascii() and code.isdigit() and len(code) == 3 and 200 <= int(code) < 600 and code not in ("204", "304") else 200
            return status, query.get("msg", [""])[0].encode("utf-8", "replace")
        if path in ("/healthz", "/readyz"):
            return (200, b"") if self.ready else (412, b"")
        return 404, b"404 page not found\n"


def split_target(target: bytes) -> tuple[str, dict[str, list[str]]] | None:
    """Path and query of a request target, None when it makes no sense."""
    try:
        parts = urlsplit(target.decode("ascii"))
        return unquote(parts.path) or "/", parse_qs(parts.query, keep_blank_values=True, max_num_fields=100)
    except (ValueError, UnicodeDecodeError):
        return None


async def main(words: list[str], stdio: Stdio) -> int:
    """The command line. One line is printed when it listens."""
    parser = Parser("http_server", "The HTTP server of the stories: /hostname, /clientip, /echo?msg=, /ready. It says when it listens.", stdio)
    parser.add_argument("port", type=int)
    parser.add_argument("--hostname", default="localhost", help="what /hostname answers")
    parser.add_argument("--ready-file", metavar="FILE", help="/ready answers 200 while FILE is there, else 500")
    options = parser.parse_args(words)

    def ready(method: str, path: str, query: dict[str, list[str]], body: bytes, client: tuple[str, int]) -> tuple[int, bytes] | None:
        if path != "/ready":
            return None
        there = options.ready_file is None or os.path.exists(os.path.join(stdio.cwd, options.ready_file))
        return readiness(there)

    server = HttpServer(options.hostname, options.port, handler=ready, moment=MOMENT)
    try:
        await server.serve(lambda: stdio.write(f"{options.hostname}: listening on port {options.port}\n".encode()))
    except OSError as error:
        stdio.error(f"{options.hostname}: port {options.port}: {os.strerror(error.errno or 0)}\n".encode())
        return 1
    return 0


def readiness(ready: bool) -> tuple[int, bytes]:
    """What a kubelet is told on /ready."""
    return (200, b"ready") if ready else (500, b"not ready")


if __name__ == "__main__":
    run(main)
