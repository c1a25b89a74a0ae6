"""An HTTP reverse proxy: ends the client's connection, opens one of its own to a backend, and says for whom (X-Forwarded-For)."""

from __future__ import annotations

from collections.abc import Callable

import h11

from emu.apps.http_client import HttpError, http_request
from emu.apps.http_server import HttpServer

UPSTREAM_SECONDS = 60.0  # nginx's proxy_read_timeout
HOP_BY_HOP = ("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "content-length", "host", "user-agent")

# (host, path) -> `address:port` of the backend, or the status to answer instead
Route = Callable[[str, str], str | int]


class HttpProxy(HttpServer):
    """`route` is asked for every request."""

    def __init__(self, hostname: str, port: int, route: Route) -> None:
        super().__init__(hostname, port)
        self.route = route

    async def respond(self, request: h11.Request, body: bytes, peer: tuple[str, int]) -> tuple[int, bytes]:
        """What the backend answers; 404 without a route, 502 and 504 if the backend does not do its part."""
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
        host = next((value for name, value in headers if name.lower() == "host"), "")
        target = request.target.decode("latin-1")
        backend = self.route(host.partition(":")[0].lower(), target.partition("?")[0])
        if isinstance(backend, int):
            return backend, {404: b"404 Not Found\n", 503: b"503 Service Temporarily Unavailable\n"}.get(backend, b"")
        forwarded = ", ".join([*(value for name, value in headers if name.lower() == "x-forwarded-for"), peer[0]])
        passed = [(name, value) for name, value in headers if name.lower() not in (*HOP_BY_HOP, "x-forwarded-for", "x-real-ip")]
        agent = next((value for name, value in headers if name.lower() == "user-agent"), "")
        passed += [("Host", host), ("X-Forwarded-For", forwarded), ("X-Real-IP", peer[0]), ("X-Forwarded-Host", host), ("X-Forwarded-Proto", "http"),
                   ("Connection", "close")]  # fmt: skip
        try:
            answer = await http_request(
                request.method.decode("ascii"), f"http://{backend}{target}", content=body, headers=passed, timeout=UPSTREAM_SECONDS, user_agent=agent
            )
        except TimeoutError:
            return 504, b"504 Gateway Time-out\n"
        except (OSError, HttpError):
            return 502, b"502 Bad Gateway\n"
        return answer.status, answer.content
