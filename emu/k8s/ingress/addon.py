"""The controller as an add-on, made when the first Ingress comes: a Deployment and a Service of type LoadBalancer, as ingress-nginx is installed."""

from __future__ import annotations

import asyncio
from typing import Any

from emu.apps.http_proxy import HttpProxy
from emu.apps.http_server import HttpServer
from emu.k8s.api import DELETED
from emu.k8s.control_plane import ControlPlane
from emu.k8s.ingress.routing import Routing
from emu.k8s.objects import (
    LOCAL,
    Container,
    ContainerPort,
    Deployment,
    Ingress,
    LabelSelector,
    Namespace,
    PodSpec,
    PodTemplate,
    Probe,
    Service,
    ServicePort,
)

NAMESPACE, NAME = "ingress-nginx", "ingress-nginx-controller"
LABELS = {"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"}


class IngressAddon:
    """Watches Ingresses. `names`: where the hosts of Ingresses become known to the outside, name to address; None: nowhere."""

    def __init__(self, control_plane: ControlPlane, names: dict[str, str] | None = None) -> None:
        self.control_plane = control_plane
        self.api = control_plane.api
        self.names = names
        self.routing = Routing(self.api, control_plane.services)
        self.api.watch("Ingress", self._on_ingress)
        self.api.watch("Service", self._on_service)

    def _on_ingress(self, event: str, ingress: Ingress) -> None:
        if event == DELETED:
            for rule in ingress.rules:
                if self.names is not None and not any(rule.host == each.host for other in self.api.all("Ingress").values() for each in other.rules):
                    self.names.pop(rule.host, None)
            return
        service = self.api.services.get((NAMESPACE, NAME))
        if service is None:
            self.install()
            service = self.api.services.get((NAMESPACE, NAME))
        if service is not None:
            self._publish(ingress, service)

    def _on_service(self, event: str, service: Service) -> None:
        if (service.namespace, service.name) == (NAMESPACE, NAME) and event != DELETED:
            for ingress in list(self.api.all("Ingress").values()):
                self._publish(ingress, service)

    def _publish(self, ingress: Ingress, service: Service) -> None:
        """Status: the address that its hosts are reached at."""
        if not service.lb_ips:
            return
        for rule in ingress.rules:
            if rule.host and self.names is not None:
                self.names[rule.host] = service.lb_ips[0]
        if ingress.lb_ips != service.lb_ips:
            ingress.lb_ips = service.lb_ips
            self.api.update(ingress)

    def install(self) -> None:
        """Create the Deployment and the Service. Clients' addresses are kept: externalTrafficPolicy is Local, as in its manifest for clouds."""
        plane = self.control_plane
        if self.api.get("Namespace", NAMESPACE) is None:
            plane.create(Namespace(NAMESPACE, {"kubernetes.io/metadata.name": NAMESPACE}))
        container = Container(
            "controller",
            (ContainerPort(80, name="http"),),
            self._program,
            readiness=Probe(10254, "/healthz"),
            image="registry.k8s.io/ingress-nginx/controller",
        )
        template = PodTemplate(PodSpec((container,)), dict(LABELS))
        plane.create(Deployment(NAME, NAMESPACE, LabelSelector(dict(LABELS)), template, 1, dict(LABELS)))
        ports = (ServicePort(80, "http", "TCP", "http"),)
        plane.create(Service(NAME, NAMESPACE, ports, dict(LABELS), "LoadBalancer", external_traffic_policy=LOCAL, labels=dict(LABELS)))

    async def _program(self, container: Any) -> None:
        health = HttpServer(container.hostname, 10254, handler=lambda *request: (200, b"ok"))
        await asyncio.gather(HttpProxy(container.hostname, 80, self.routing.route).serve(), health.serve())
