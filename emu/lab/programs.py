"""Programs for containers: what `run_pod(serve_http=...)` and friends run."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from emu.apps.echo import udp_echo_server
from emu.apps.http_server import HttpServer, readiness
from emu.k8s.container import Program, RunningContainer


@dataclass(frozen=True, slots=True)
class Http:
    """An HTTP server that answers /hostname, /clientip, /echo?msg= and, by the container's health, /ready."""

    port: int

    def __call__(self, container: RunningContainer) -> Coroutine[Any, Any, object]:
        def ready(method: str, path: str, query: dict[str, list[str]], body: bytes, client: tuple[str, int]) -> tuple[int, bytes] | None:
            return readiness(container.healthy) if path == "/ready" else None

        return HttpServer(container.hostname, self.port, handler=ready).serve()

    def command(self, container: RunningContainer) -> str:
        """How a shell would start it, for the journal."""
        return f"python3 -m emu.apps.http_server {self.port} --hostname {container.hostname} --ready-file {container.hostname}.ready"


@dataclass(frozen=True, slots=True)
class UdpEcho:
    """A UDP server that sends every datagram back."""

    port: int

    def __call__(self, container: RunningContainer) -> Coroutine[Any, Any, object]:
        return udp_echo_server(self.port)

    def command(self, container: RunningContainer) -> str:
        """How a shell would start it, for the journal."""
        return f"python3 -m emu.apps.echo {self.port}"


def http(port: int) -> Program:
    """The HTTP server on `port`."""
    return Http(port)


def udp_echo(port: int) -> Program:
    """The UDP echo server on `port`."""
    return UdpEcho(port)
