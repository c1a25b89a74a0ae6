"""A kubelet's probes of a container: httpGet and tcpSocket (pkg/probe in Kubernetes)."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from emu.apps.entry import Parser, run
from emu.apps.http_client import HttpError, http_request
from emu.apps.stdio import Stdio

USER_AGENT = "kube-probe/1.36"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """`success`, and in `message` the kubelet's words for the event."""

    success: bool
    message: str = ""

    def __bool__(self) -> bool:
        return self.success


async def http_probe(address: str, port: int, path: str = "/", *, timeout: float = 1.0, headers: list[tuple[str, str]] | None = None) -> ProbeResult:
    """httpGet: success is a status from 200 to 399 in time."""
    url = f"http://{address}:{port}{path if path.startswith('/') else '/' + path}"
    lines = [*(headers or []), ("Connection", "close")]
    try:
        response = await http_request("GET", url, headers=lines, timeout=timeout, user_agent=USER_AGENT)
    except TimeoutError:
        return ProbeResult(False, f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)')
    except OSError as error:
        return ProbeResult(False, f'Get "{url}": dial tcp {address}:{port}: connect: {_words(error)}')
    except HttpError as error:
        return ProbeResult(False, f'Get "{url}": {error}')
    if 200 <= response.status < 400:
        return ProbeResult(True)
    return ProbeResult(False, f"HTTP probe failed with statuscode: {response.status}")


async def tcp_probe(address: str, port: int, *, timeout: float = 1.0) -> ProbeResult:
    """tcpSocket: success is a connection in time; it is closed at once."""
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        return ProbeResult(False, f"dial tcp {address}:{port}: i/o timeout")
    except OSError as error:
        return ProbeResult(False, f"dial tcp {address}:{port}: connect: {_words(error)}")
    writer.close()
    return ProbeResult(True)


_WORDS = {101: "network is unreachable", 104: "connection reset by peer", 110: "connection timed out", 111: "connection refused", 113: "no route to host"}


def _words(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "no such host"
    return _WORDS.get(error.errno or 0, str(error.strerror).lower())


async def main(words: list[str], stdio: Stdio) -> int:
    """The command line: status 0 for success, 1 for failure with the kubelet's words."""
    parser = Parser("probe", "Ask once, as a kubelet's readiness probe does: http://ADDRESS:PORT/PATH, or tcp://ADDRESS:PORT for a connection only.", stdio)
    parser.add_argument("url")
    parser.add_argument("--timeout", type=float, default=1.0, metavar="SECONDS", help="(default: 1)")
    options = parser.parse_args(words)
    parts = urlsplit(options.url)
    if parts.scheme not in ("http", "tcp") or parts.hostname is None or parts.port is None:
        parser.error(f"{options.url}: neither http://ADDRESS:PORT/PATH nor tcp://ADDRESS:PORT")
    if parts.scheme == "tcp":
        result = await tcp_probe(parts.hostname, parts.port, timeout=options.timeout)
    else:
        result = await http_probe(parts.hostname, parts.port, parts.path or "/", timeout=options.timeout)
    stdio.write(f"{options.url}: {result.message or 'success'}\n".encode())
    return 0 if result else 1


if __name__ == "__main__":
    run(main)
