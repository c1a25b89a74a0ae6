"""Which Service an Ingress sends a request to (networking.k8s.io/v1 HTTPIngressPath), and which endpoint of it."""

from __future__ import annotations

from collections.abc import Iterator

from emu.k8s.api import Api
from emu.k8s.objects import Backend, Ingress, Service, ServicePort
from emu.k8s.proxy.state import ServiceState

NOT_FOUND, UNAVAILABLE = 404, 503


def host_rank(rule: str, host: str) -> int:
    """2 for the host itself, 1 for a wildcard of one label, 0 for any host, -1 for another."""
    if not rule:
        return 0
    if rule == host:
        return 2
    if rule.startswith("*."):
        first, _, rest = host.partition(".")
        return 1 if first and rest == rule[2:] else -1
    return -1


def path_rank(rule: str, kind: str, path: str) -> int:
    """How well a path fits; -1 for not at all. Exact goes before any prefix, a longer prefix before a shorter one."""
    if kind == "Exact":
        return 1_000_000 if rule == path else -1
    wanted = [part for part in rule.split("/") if part]
    given = [part for part in path.split("/") if part]
    return len(wanted) if given[: len(wanted)] == wanted else -1


class Routing:
    """All Ingresses of the cluster, as one routing table. Backends are taken in turn."""

    def __init__(self, api: Api, services: ServiceState) -> None:
        self.api = api
        self.services = services
        self._turn: dict[tuple[str, str, int], int] = {}

    def route(self, host: str, path: str) -> str | int:
        """`address:port` of an endpoint, or 404 (no rule) or 503 (no Service, no such port, no ready endpoint)."""
        found = self.find(host, path)
        if found is None:
            return NOT_FOUND
        ingress, backend = found
        service = self.api.services.get((ingress.namespace, backend.service))
        port = None if service is None else next((port for port in service.ports if backend.port in (port.port, port.name)), None)
        if service is None or port is None:
            return UNAVAILABLE
        endpoints = [text for text, endpoint in self.services.endpoints(service, port).items() if endpoint.ready]
        if not endpoints:
            return UNAVAILABLE
        return self._next(service, port, endpoints)

    def find(self, host: str, path: str) -> tuple[Ingress, Backend] | None:
        """The Ingress and the backend that a request belongs to; the oldest of equals."""
        best: tuple[int, int] = (-1, -1)
        found: tuple[Ingress, Backend] | None = None
        for ingress, rank, backend in self._candidates(host, path):
            if rank > best:
                best, found = rank, (ingress, backend)
        return found

    def _candidates(self, host: str, path: str) -> Iterator[tuple[Ingress, tuple[int, int], Backend]]:
        for ingress in self.api.all("Ingress").values():
            for rule in ingress.rules:
                by_host = host_rank(rule.host, host)
                if by_host < 0:
                    continue
                for each in rule.paths:
                    by_path = path_rank(each.path, each.path_type, path)
                    if by_path >= 0:
                        yield ingress, (by_host, by_path), each.backend
            if ingress.default_backend is not None:
                yield ingress, (-1, 0), ingress.default_backend

    def _next(self, service: Service, port: ServicePort, endpoints: list[str]) -> str:
        key = (service.namespace, service.name, port.port)
        turn = self._turn.get(key, 0)
        self._turn[key] = turn + 1
        return endpoints[turn % len(endpoints)]
