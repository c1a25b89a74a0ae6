"""A kubelet's probes of a container: httpGet and tcpSocket (pkg/probe in Kubernetes)."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

from emu.apps.http_client import HttpError, http_request

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
