"""kube-proxy's health check for load balancers, on one node: a listener for each Service that has a healthCheckNodePort."""

from __future__ import annotations

from typing import Any

from emu.aio.loop import Loop
from emu.aio.process import spawn
from emu.apps import service_health
from emu.k8s.api import DELETED
from emu.k8s.objects import Node, Service
from emu.k8s.proxy.state import ServiceState
from emu.trace.points import START, STEP, STOP


class HealthCheckServer:
    """One listener per Service that has a healthCheckNodePort, on one node."""

    def __init__(self, state: ServiceState, node: Node, netns: Any, loop: Loop) -> None:
        self.state, self.node, self.netns, self.loop = state, node, netns, loop
        self._listeners: dict[tuple[str, str], tuple[int, Any]] = {}
        self._told: dict[tuple[str, str], int] = {}  # the journal's: how many local endpoints a listener was started with
        state.api.watch("Service", self._on_service)
        if netns.tp.journal:
            state.api.watch("EndpointSlice", self._on_slice)

    def _on_service(self, event: str, service: Service) -> None:
        key = (service.namespace, service.name)
        port = 0 if event == DELETED else service.health_check_node_port
        running = self._listeners.get(key)
        if running is not None and running[0] != port:
            running[1].kill()
            del self._listeners[key]
            self._tell_end(service)
            running = None
        if port and running is None:
            server = service_health.server(self.node.name, port, service.namespace, service.name, lambda: self.local_endpoints(service))
            self._tell_begin(service, port)
            self._listeners[key] = port, spawn(self.loop, self.netns, server.serve(), name=f"kube-proxy/healthcheck {service.namespace}/{service.name}")

    def _tell_begin(self, service: Service, port: int) -> None:
        tp, name = self.netns.tp, f"{service.namespace}/{service.name}"
        if tp.journal:
            count = self._told[service.namespace, service.name] = self.local_endpoints(service)
            text = f"answers the load balancer's health checks of Service {name}: {count} endpoint{'s' * (count != 1)} here"
            tp.on_journal(STEP, self.netns.name, text, f"kube-proxy on {self.node.name}")
            command = f"python3 -m emu.apps.service_health {port} --service {name} --local-endpoints {count}"
            tp.on_journal(START, self.netns.name, command, f"{self.node.name}/health {name}")

    def _tell_end(self, service: Service) -> None:
        if self._told.pop((service.namespace, service.name), None) is not None:
            self.netns.tp.on_journal(STOP, self.netns.name, "", f"{self.node.name}/health {service.namespace}/{service.name}")

    def _on_slice(self, event: str, piece: Any) -> None:
        """The journal's server, unlike the real one, is told a number once: begin it anew with another."""
        key = (piece.namespace, piece.service)
        service = self.state.api.services.get(key)
        if service is not None and key in self._told and self._told[key] != self.local_endpoints(service):
            self._tell_end(service)
            self._tell_begin(service, service.health_check_node_port)

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
        self.state.api.unwatch("EndpointSlice", self._on_slice)
