"""The EndpointSlice controller: from selectors and pods' conditions to slices (pkg/controller/endpointslice)."""

from __future__ import annotations

from emu.k8s.api import DELETED, Api
from emu.k8s.objects import LABEL_HEADLESS, LABEL_SERVICE_NAME, LABEL_ZONE, Endpoint, EndpointPort, EndpointSlice, Pod, Service, matches

MAX_ENDPOINTS = 100

Key = tuple[str, str]


class EndpointSliceController:
    """Keeps one or more slices per Service with a selector. A Service's sync runs `delays.endpoints` after the change that asked for it."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._by_label: dict[tuple[str, str, str], dict[Key, None]] = {}  # (namespace, label, value) -> Services whose selector begins with it
        self._selected: dict[Key, dict[Key, Pod]] = {}  # Service -> pods
        self._pod_services: dict[Key, list[Key]] = {}  # pod -> Services that list it now
        self._names: dict[Key, list[str]] = {}  # Service -> names of its slices
        self._dirty: dict[Key, None] = {}
        api.watch("Service", self._on_service)
        api.watch("Pod", self._on_pod)

    # -- what changed -------------------------------------------------------------------------------------------------------------

    def _on_service(self, event: str, service: Service) -> None:
        key = (service.namespace, service.name)
        for index in self._by_label.values():
            index.pop(key, None)
        selected = self._selected[key] = {}
        if event != DELETED and service.selector:
            label, value = next(iter(service.selector.items()))
            self._by_label.setdefault((service.namespace, label, value), {})[key] = None
            for pod_key, pod in self.api.pods.items():
                if pod.namespace == service.namespace and matches(service.selector, pod.labels):
                    selected[pod_key] = pod
                    listed = self._pod_services.setdefault(pod_key, [])
                    if key not in listed:
                        listed.append(key)
        self._mark(key)

    def _on_pod(self, event: str, pod: Pod) -> None:
        pod_key = (pod.namespace, pod.name)
        now: list[Key] = []
        if event != DELETED:
            for label, value in pod.labels.items():
                for key in self._by_label.get((pod.namespace, label, value), ()):
                    service = self.api.services.get(key)
                    if service is not None and matches(service.selector, pod.labels):
                        now.append(key)
        before = self._pod_services.get(pod_key, [])
        for key in before:
            if key not in now:
                self._selected.get(key, {}).pop(pod_key, None)
                self._mark(key)
        for key in now:
            self._selected[key][pod_key] = pod
            self._mark(key)
        if now:
            self._pod_services[pod_key] = now
        else:
            self._pod_services.pop(pod_key, None)

    def _mark(self, key: Key) -> None:
        if key not in self._dirty:
            self._dirty[key] = None
            self.api.sim.call_later(self.api.delays.endpoints, self._sync, key)

    @property
    def busy(self) -> bool:
        """Whether a sync is still due."""
        return bool(self._dirty)

    # -- one Service --------------------------------------------------------------------------------------------------------------

    def _sync(self, key: Key) -> None:
        self._dirty.pop(key, None)
        service = self.api.services.get(key)
        wanted = [] if service is None or not service.selector else self._slices(service, list(self._selected[key].values()))
        old_names = self._names.get(key, [])
        for piece in wanted:
            existing = self.api.slices.get((piece.namespace, piece.name))
            if existing is None:
                self.api.create(piece)
            elif (existing.ports, existing.endpoints, existing.labels) != (piece.ports, piece.endpoints, piece.labels):
                existing.ports, existing.endpoints, existing.labels = piece.ports, piece.endpoints, piece.labels
                self.api.update(existing)
        names = [piece.name for piece in wanted]
        for name in old_names:
            stale = self.api.slices.get((key[0], name))
            if name not in names and stale is not None:
                self.api.delete(stale)
        if names:
            self._names[key] = names
        else:
            self._names.pop(key, None)

    def _slices(self, service: Service, pods: list[Pod]) -> list[EndpointSlice]:
        """Pods that resolve the Service's ports to the same numbers share slices of at most MAX_ENDPOINTS."""
        groups: dict[tuple[EndpointPort, ...], list[Endpoint]] = {}
        for pod in pods:
            if pod.phase in ("Succeeded", "Failed") or not pod.ip:
                continue
            ports = tuple(
                EndpointPort(port.name, number, port.protocol)
                for port in service.ports
                if (number := self._target(port.target_port or port.port, port.protocol, pod))
            )
            groups.setdefault(ports, []).append(self._endpoint(service, pod))
        labels = {LABEL_SERVICE_NAME: service.name}
        if service.cluster_ip == "None":
            labels[LABEL_HEADLESS] = ""
        pieces: list[EndpointSlice] = []
        for ports, endpoints in groups.items():
            for start in range(0, len(endpoints), MAX_ENDPOINTS):
                chunk = tuple(endpoints[start : start + MAX_ENDPOINTS])
                pieces.append(EndpointSlice(f"{service.name}-{len(pieces)}", service.namespace, service.name, ports, chunk, dict(labels)))
        # A Service with a selector and nothing to select keeps one empty slice.
        return pieces or [EndpointSlice(f"{service.name}-0", service.namespace, service.name, (), (), labels)]

    @staticmethod
    def _target(target: int | str, protocol: str, pod: Pod) -> int | None:
        return target if isinstance(target, int) else pod.port_named(target, protocol)

    def _endpoint(self, service: Service, pod: Pod) -> Endpoint:
        terminating = pod.deletion_ns is not None
        node = self.api.nodes.get(("", pod.node))
        ready = service.publish_not_ready or (pod.ready and not terminating)
        zone = node.labels.get(LABEL_ZONE, "") if node else ""
        # Hints (trafficDistribution): every ready endpoint is for its own zone, and for its own node.
        near = service.traffic_distribution if ready else ""
        return Endpoint(
            address=pod.ip,
            node=pod.node,
            ready=ready,
            serving=pod.ready,
            terminating=terminating,
            zone=zone,
            hints_zones=(zone,) if near and zone else (),
            hints_nodes=(pod.node,) if near == "PreferSameNode" else (),
            target=f"{pod.namespace}/{pod.name}",
            hostname=pod.spec.hostname if pod.spec.hostname and pod.spec.subdomain == service.name else "",
        )
