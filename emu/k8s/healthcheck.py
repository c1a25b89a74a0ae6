"""kube-proxy's health check for load balancers: HTTP on healthCheckNodePort, 200 where the node has a ready endpoint of its own.

Source: pkg/proxy/healthcheck/service_health.go.
"""

from __future__ import annotations

import json
from typing import Any

from emu.aio.loop import Loop
from emu.aio.process import spawn
from emu.apps.http_server import HttpServer
from emu.k8s.api import DELETED
from emu.k8s.objects import Node, Service
from emu.k8s.proxy.state import ServiceState


class HealthCheckServer:
    """One listener per Service that has a healthCheckNodePort, on one node."""

    def __init__(self, state: ServiceState, node: Node, netns: Any, loop: Loop) -> None:
        self.state, self.node, self.netns, self.loop = state, node, netns, loop
        self._listeners: dict[tuple[str, str], tuple[int, Any]] = {}
        state.api.watch("Service", self._on_service)

    def _on_service(self, event: str, service: Service) -> None:
        key = (service.namespace, service.name)
        port = 0 if event == DELETED else service.health_check_node_port
        running = self._listeners.get(key)
        if running is not None and running[0] != port:
            running[1].kill()
            del self._listeners[key]
            running = None
        if port and running is None:
            server = HttpServer(self.node.name, port, handler=lambda *request: self._answer(service))
            self._listeners[key] = port, spawn(self.loop, self.netns, server.serve(), name=f"kube-proxy/healthcheck {service.namespace}/{service.name}")

    def _answer(self, service: Service) -> tuple[int, bytes]:
        count = self.local_endpoints(service)
        body = {"service": {"namespace": service.namespace, "name": service.name}, "localEndpoints": count, "serviceProxyHealthy": True}
        return 200 if count else 503, json.dumps(body).encode()

    def local_endpoints(self, service: Service) -> int:
        """How many addresses on this node are ready endpoints; terminating ones do not count."""
        addresses: dict[str, None] = {}
        for port in service.ports:
            for endpoint in self.state.endpoints(service, port).values():
                if endpoint.node == self.node.name and endpoint.ready:
                    addresses[endpoint.address] = None
        return len(addresses)

    def stop(self) -> None:
        """The node goes down."""
        for _, process in self._listeners.values():
            process.kill()
        self._listeners.clear()
        self.state.api.unwatch("Service", self._on_service)
