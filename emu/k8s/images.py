"""What a container's image does when it runs here: the emulated program behind an image's name."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from emu.apps.echo import tcp_echo_server, udp_echo_server
from emu.apps.http_server import HttpServer, readiness

if TYPE_CHECKING:
    from emu.k8s.container import RunningContainer

Run = Callable[["RunningContainer"], Coroutine[Any, Any, object]]

# Images that serve HTTP, and the port they serve on when the container declares none.
WEB = {
    "nginx": 80, "httpd": 80, "apache": 80, "caddy": 80, "traefik": 80, "http-echo": 5678, "echoserver": 8080, "echo-server": 8080, "hello-app": 8080,
    "hello-node": 8080, "hello-world": 80, "whoami": 80, "podinfo": 9898, "httpbin": 80, "serve_hostname": 9376, "serve-hostname": 9376,
    "gb-frontend": 80, "guestbook-php-redis": 80, "kubernetes-bootcamp": 8080, "nginxhello": 80, "nginx-hello": 80,
}  # fmt: skip
# Images that do nothing by themselves.
SLEEPERS = (
    "busybox", "alpine", "curl", "ubuntu", "debian", "centos", "fedora", "netshoot", "pause", "dnsutils", "jessie-dnsutils", "bash", "toolbox", "sleep",
)  # fmt: skip


def base_name(image: str) -> str:
    """`registry.k8s.io/e2e-test-images/agnhost:2.39` is `agnhost`."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def program_of(container: RunningContainer) -> Coroutine[Any, Any, object] | None:
    """The program to run, None for a container that sleeps. A program given by a script comes before what the image would do."""
    spec = container.spec
    if spec.program is not None:
        program: Coroutine[Any, Any, object] = spec.program(container)
        return program
    if container.init and not spec.sidecar:
        return _done()
    words = [*spec.command, *spec.args]
    if spec.command and re.search(r"\bsleep\b|\btail\b|while ", " ".join(words)):
        return None
    name = base_name(spec.image)
    if name == "agnhost":
        return _agnhost(container, words)
    if name in WEB:
        return _web(container, [port.container_port for port in spec.ports if port.protocol == "TCP"] or [WEB[name]], words)
    if name in SLEEPERS or not spec.image:
        return None if container.pod.spec.restart_policy == "Always" or not words else _done()
    return _plain(container)


def note_of(container: Any) -> str:
    """What a person should know of an image that is not known here; empty for those that are."""
    name = base_name(container.image)
    if container.program is not None or not name or name in WEB or name in SLEEPERS or name == "agnhost":
        return ""
    ports = ", ".join(f"{port.container_port}/{port.protocol}" for port in container.ports)
    return f"image {container.image} is not known here: it " + (f"echoes on {ports}" if ports else "listens nowhere")


async def _done() -> int:
    """A container that has nothing to wait for."""
    return 0


async def _web(container: RunningContainer, ports: list[int], words: list[str]) -> None:
    text = _option(words, "-text", "--text")

    def answer(method: str, path: str, query: dict[str, list[str]], body: bytes, client: tuple[str, int]) -> tuple[int, bytes] | None:
        if path == "/ready":
            return readiness(container.healthy)
        if text is not None:
            return 200, f"{text}\n".encode()
        return 200, container.hostname.encode()

    listen = _option(words, "-listen", "--listen")
    if listen is not None and listen.rpartition(":")[2].isdigit():
        ports = [int(listen.rpartition(":")[2])]
    await asyncio.gather(*(HttpServer(container.hostname, port, handler=answer).serve() for port in ports))


async def _agnhost(container: RunningContainer, words: list[str]) -> None:
    """`agnhost netexec`, `serve-hostname`, `pause`."""
    verb = next((word for word in words if word in ("netexec", "serve-hostname", "pause", "porter", "connect")), "pause" if not words else words[0])
    if verb == "netexec":
        http, udp = int(_option(words, "--http-port") or 8080), int(_option(words, "--udp-port") or 8081)
        tasks = [HttpServer(container.hostname, http).serve()]
        if udp > 0:
            tasks.append(udp_echo_server(udp))
        await asyncio.gather(*tasks)
    elif verb == "serve-hostname":
        await _web(container, [int(_option(words, "--port") or 9376)], [])
    else:
        await asyncio.get_running_loop().create_future()


async def _plain(container: RunningContainer) -> None:
    """An echo on every declared port; no more than sleep without any."""
    ports = container.spec.ports
    servers = [udp_echo_server(port.container_port) if port.protocol == "UDP" else tcp_echo_server(port.container_port) for port in ports]
    await asyncio.gather(*servers, asyncio.get_running_loop().create_future())


def _option(words: list[str], *names: str) -> str | None:
    """`--port=80` or `--port 80`."""
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else words[index + 1] if index + 1 < len(words) else None
    return None
