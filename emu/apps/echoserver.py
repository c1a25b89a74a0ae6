"""The image echoserver of the tutorials: an HTTP server that tells the client how its request looked from there."""

from __future__ import annotations

import re
from collections.abc import Callable

import h11

from emu.apps.http_server import Answer, HttpServer


class EchoServer(HttpServer):
    """`old`: what versions up to 1.4 print. The client's address comes without its port, as nginx's $remote_addr."""

    def __init__(self, hostname: str, port: int = 8080, *, old: bool = False, log: Callable[[str], object] | None = None) -> None:
        super().__init__(hostname, port, log=log)
        self.old = old

    async def respond(self, request: h11.Request, body: bytes, peer: tuple[str, int]) -> Answer:
        """The request, told back."""
        headers: dict[str, str] = {}
        for name, value in sorted(request.headers):
            key = name.decode("latin-1").lower()
            headers[key] = f"{headers[key]}, {value.decode('latin-1')}" if key in headers else value.decode("latin-1")
        path, _, query = request.target.decode("latin-1").partition("?")
        host = re.sub(r":[0-9]*$", "", headers.get("host", self.hostname))
        uri = f"http://{host}:{self.port}{request.target.decode('latin-1')}"
        method, version = request.method.decode("ascii"), request.http_version.decode("ascii")
        text = body.decode("latin-1") or "-no body in request-"
        if self.old:
            lines = ["CLIENT VALUES:", f"client_address={peer[0]}", f"command={method}", f"real path={path}", f"query={query or 'nil'}",
                     f"request_version={version}", f"request_uri={uri}", "", "SERVER VALUES:", "server_version=nginx: 1.10.0 - lua: 10001", "",
                     "HEADERS RECEIVED:", *(f"{name}={value}" for name, value in headers.items()), "BODY:", text]  # fmt: skip
        else:
            lines = ["", "", f"Hostname: {self.hostname}", "", "Pod Information:", "\t-no pod information available-", "", "Server values:",
                     "\tserver_version=nginx: 1.13.3 - lua: 10008", "", "Request Information:", f"\tclient_address={peer[0]}", f"\tmethod={method}",
                     f"\treal path={path}", f"\tquery={query}", f"\trequest_version={version}", "\trequest_scheme=http", f"\trequest_uri={uri}", "",
                     "Request Headers:", *(f"\t{name}={value}  " for name, value in headers.items()), "", "Request Body:", f"\t{text}", ""]  # fmt: skip
        return 200, ("\n".join(lines) + ("" if self.old else "\n")).encode("latin-1"), [("Content-Type", "text/plain")]


def is_old(tag: str) -> bool:
    """Whether a tag (`1.4`) is of the time before the answer's present form."""
    match = re.match(r"1\.([0-9]+)", tag)
    return match is not None and int(match.group(1)) <= 4
