"""Programs for containers: what `run_pod(serve_http=...)` and friends run."""

from __future__ import annotations

from typing import Any

from emu.apps.echo import udp_echo_server
from emu.apps.http_server import HttpServer, readiness
from emu.k8s.container import Program, RunningContainer


def http(port: int) -> Program:
    """An HTTP server that answers /hostname, /clientip, /echo?msg= and, by the container's health, /ready."""

    async def program(container: RunningContainer) -> Any:
        def ready(method: str, path: str, query: dict[str, list[str]], body: bytes, client: tuple[str, int]) -> tuple[int, bytes] | None:
            return readiness(container.healthy) if path == "/ready" else None

        await HttpServer(container.hostname, port, handler=ready).serve()

    return program


def udp_echo(port: int) -> Program:
    """A UDP server that sends every datagram back."""

    async def program(container: RunningContainer) -> Any:
        await udp_echo_server(port)

    return program
