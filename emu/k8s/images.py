"""What a container's image does when it runs here: the emulated program behind an image's name."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from emu.apps import agnhost, echoserver, guestbook, redis
from emu.apps.agnhost import option
from emu.apps.echo import tcp_echo_server, udp_echo_server
from emu.apps.http_server import HttpServer, readiness

if TYPE_CHECKING:
    from emu.k8s.container import RunningContainer
    from emu.k8s.objects import Container

Run = Callable[["RunningContainer"], Coroutine[Any, Any, object]]

# Images that serve HTTP, and the port they serve on when the container declares none.
WEB = {
    "nginx": 80, "nginx-slim": 80, "httpd": 80, "apache": 80, "caddy": 80, "traefik": 80, "http-echo": 5678, "echo-server": 8080, "hello-app": 8080,
    "hello-node": 8080, "hello-world": 80, "whoami": 80, "podinfo": 9898, "httpbin": 80, "serve_hostname": 9376, "serve-hostname": 9376,
    "nginx-unprivileged": 8080, "tomcat": 8080, "jenkins": 8080, "wordpress": 80, "drupal": 80, "joomla": 80, "phpmyadmin": 80, "adminer": 8080, "ghost": 2368,
    "grafana": 3000, "prometheus": 9090, "hello-kubernetes": 8080, "kuard-amd64": 8080, "kubernetes-bootcamp": 8080, "nginxhello": 80, "nginx-hello": 80,
}  # fmt: skip
# Images of the guestbook: frontends, and followers that know their leader's name.
FRONTENDS = ("gb-frontend", "guestbook-php-redis")
FOLLOWERS = {"gb-redis-follower": "redis-leader", "gb-redisslave": "redis-master"}
OTHERS = ("agnhost", "echoserver", "redis", *FRONTENDS, *FOLLOWERS)
# Images that do nothing by themselves.
SLEEPERS = (
    "busybox", "busyboxplus", "alpine", "curl", "ubuntu", "debian", "centos", "fedora", "netshoot", "pause", "dnsutils",
    "jessie-dnsutils", "bash", "toolbox", "sleep",
)  # fmt: skip
SLEEPS = re.compile(r"\bsleep\b|\btail\b|while ")
SLEEPS_FOR = re.compile(r"\bsleep\s+([0-9]+(?:\.[0-9]+)?)([smhd]?)\b")
UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def base_name(image: str) -> str:
    """`registry.k8s.io/e2e-test-images/agnhost:2.39` is `agnhost`."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def tag_of(image: str) -> str:
    """`echoserver:1.10` has the tag `1.10`; empty without one."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]


def program_of(container: RunningContainer) -> Coroutine[Any, Any, object] | None:
    """The program to run, None for a container that sleeps. A program given by a script comes before what the image would do."""
    spec = container.spec
    if spec.program is not None:
        program: Coroutine[Any, Any, object] = spec.program(container)
        return program
    if container.init and not spec.sidecar:
        return _done()
    words = [*spec.command, *spec.args]
    for_ever = container.pod.spec.restart_policy == "Always" or spec.sidecar
    if spec.command and SLEEPS.search(" ".join(words)):
        return None if for_ever else _slept(" ".join(words))
    name = base_name(spec.image)
    if name in OTHERS:
        return _known(container, name, words)
    if name in WEB:
        return _web(container, [port.container_port for port in spec.ports if port.protocol == "TCP"] or [WEB[name]], words)
    if name in SLEEPERS or not spec.image:
        return None if for_ever or not words else _done()
    return _plain(container) if for_ever or any(_ports(spec)) else _done()


def note_of(container: Any) -> str:
    """What a person should know of an image that is not known here; empty for those that are."""
    name = base_name(container.image)
    if container.program is not None or not name or name in WEB or name in SLEEPERS:
        return ""
    if name == "agnhost":
        verb = agnhost.verb([*container.command, *container.args])
        return "" if verb in agnhost.VERBS else f"agnhost {verb} is not emulated: it only sleeps"
    if name in OTHERS:
        return ""
    tcp, udp, http = _ports(container)
    echo = ", ".join([*(f"{port}/TCP" for port in tcp), *(f"{port}/UDP" for port in udp)])
    does = [f"echoes on {echo}"] if echo else []
    if http:
        does.append(f"serves HTTP on {', '.join(map(str, http))}")
    return f"image {container.image} is not known here: it {' and '.join(does) or 'listens nowhere'}"


async def _done() -> int:
    """A container that has nothing to wait for."""
    return 0


async def _slept(words: str) -> int:
    """A container that sleeps for the time it says, else for ever, and is done."""
    found = SLEEPS_FOR.search(words)
    await (asyncio.sleep(float(found.group(1)) * UNITS[found.group(2)]) if found else asyncio.get_running_loop().create_future())
    return 0


def _known(container: RunningContainer, name: str, words: list[str]) -> Coroutine[Any, Any, object]:
    """The images that have a program of their own."""
    spec, hostname, log = container.spec, container.hostname, container.log.append
    declared = next((port.container_port for port in spec.ports if port.protocol == "TCP"), 0)
    if name == "agnhost":
        return agnhost.run(words, hostname, dict(spec.env), lambda: container.healthy, log)
    if name == "echoserver":  # nginx inside listens on 8080, whatever the container declares
        return echoserver.EchoServer(hostname, old=echoserver.is_old(tag_of(spec.image)), log=log).serve()
    if name in FRONTENDS:
        old = re.match(r"v[1-4]$", tag_of(spec.image)) is not None
        names = ("redis-master", "redis-slave") if old else ("redis-leader", "redis-follower")
        return guestbook.Guestbook(hostname, declared or 80, *names, log=log).serve()
    leader = option(words, "--replicaof", "--slaveof") or FOLLOWERS.get(name, "")
    host, _, _ = leader.partition(" ")
    given = option(words, "--port")
    return redis.Redis(int(given) if given is not None and given.isdigit() else redis.PORT, (host, redis.PORT) if host else None).serve()


async def _web(container: RunningContainer, ports: list[int], words: list[str]) -> None:
    text = option(words, "-text", "--text")
    asked = [path for paths in _probed(container.spec)[0].values() for path in paths]
    name, version = base_name(container.spec.image), (tag_of(container.spec.image) or "1.0") + ".0"  # hello-app:2.0 calls itself 2.0.0

    def answer(method: str, path: str, query: dict[str, list[str]], body: bytes, client: tuple[str, int]) -> tuple[int, bytes] | None:
        if path == "/ready" or (not container.healthy and path in asked):
            return readiness(container.healthy)
        if text is not None:
            return 200, f"{text}\n".encode()
        if name == "hello-app":
            return 200, f"Hello, world!\nVersion: {version}\nHostname: {container.hostname}\n".encode()
        return 200, container.hostname.encode()

    listen = option(words, "-listen", "--listen")
    if listen is not None and listen.rpartition(":")[2].isdigit():
        ports = [int(listen.rpartition(":")[2])]
    await asyncio.gather(*(HttpServer(container.hostname, port, handler=answer, log=container.log.append).serve() for port in ports))


async def _plain(container: RunningContainer) -> None:
    """An echo on every declared port, HTTP where an httpGet probe asks for it or the port's name says so; no more than sleep without any."""
    tcp, udp, http = _ports(container.spec)
    servers: list[Coroutine[Any, Any, object]] = [udp_echo_server(port) for port in udp]
    servers += [tcp_echo_server(port) for port in tcp]
    if http:
        servers.append(_web(container, http, []))
    await asyncio.gather(*servers, asyncio.get_running_loop().create_future())


def _ports(spec: Container) -> tuple[list[int], list[int], list[int]]:
    """What an unknown image listens on: TCP, UDP, and TCP with HTTP. A probe tells of a port, declared or not."""
    http, plain = _probed(spec)
    for each in spec.ports:
        if each.protocol == "TCP" and (each.name == "web" or re.match(r"http(?!s)", each.name)):
            http.setdefault(each.container_port, [])
    declared = dict.fromkeys(port.container_port for port in spec.ports if port.protocol == "TCP")
    tcp = [port for port in (declared | dict.fromkeys(plain)) if port not in http]
    return tcp, [port.container_port for port in spec.ports if port.protocol == "UDP"], list(http)


def _probed(spec: Container) -> tuple[dict[int, list[str]], list[int]]:
    """Ports that probes ask: by HTTP, with the paths; by a mere connection."""
    http: dict[int, list[str]] = {}
    plain: list[int] = []
    for probe in (spec.startup, spec.readiness, spec.liveness):
        port = spec.port_number(probe.port) if probe is not None and not probe.exec else None
        if probe is None or port is None:
            continue
        if probe.path is None:
            plain.append(port)
        else:
            http.setdefault(port, []).append(probe.path.partition("?")[0])
    return http, plain
