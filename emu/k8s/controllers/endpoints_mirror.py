"""Mirrors legacy Endpoints objects of Services without a selector into EndpointSlices (pkg/controller/endpointslicemirroring)."""

from __future__ import annotations

from emu.k8s.api import DELETED, Api
from emu.k8s.objects import LABEL_SERVICE_NAME, Endpoints, EndpointSlice, Service

MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MIRROR = "endpointslicemirroring-controller.k8s.io"
MAX_ADDRESSES = 1000  # a longer list is cut (annotation endpoints.kubernetes.io/over-capacity)


class EndpointsMirror:
    """One slice per subset."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._names: dict[tuple[str, str], list[str]] = {}
        api.watch("Endpoints", self._on_endpoints)
        api.watch("Service", self._on_service)

    def _on_service(self, event: str, service: Service) -> None:
        endpoints = self.api.get("Endpoints", service.name, service.namespace)
        if endpoints is not None:
            self._sync(endpoints, service if event != DELETED else None)

    def _on_endpoints(self, event: str, endpoints: Endpoints) -> None:
        service = self.api.services.get((endpoints.namespace, endpoints.name))
        self._sync(endpoints, service if event != DELETED else None)

    def _sync(self, endpoints: Endpoints, service: Service | None) -> None:
        key = (endpoints.namespace, endpoints.name)
        for name in self._names.pop(key, []):
            old = self.api.slices.get((endpoints.namespace, name))
            if old is not None:
                self.api.delete(old)
        if service is None or service.selector:
            return
        names = []
        for number, subset in enumerate(endpoints.subsets):
            labels = {**endpoints.labels, LABEL_SERVICE_NAME: endpoints.name, MANAGED_BY: MIRROR}
            name = f"{endpoints.name}-mirror{number}"
            piece = EndpointSlice(name, endpoints.namespace, endpoints.name, subset.ports, subset.addresses[:MAX_ADDRESSES], labels)
            self.api.create(piece)
            names.append(name)
        self._names[key] = names
