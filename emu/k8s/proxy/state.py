"""What every kube-proxy of the cluster sees: Services and their slices, read once and shared by all nodes.

Every real kube-proxy keeps this for itself. Here they share it, and with it the rules of every (service port, set of endpoints), so that a
cluster of thousands of nodes holds each rule once.
"""

from __future__ import annotations

from emu.k8s.api import DELETED, Api
from emu.k8s.objects import LABEL_PROXY_NAME, Endpoint, EndpointSlice, Node, Service, ServicePort
from emu.k8s.proxy.document import Options
from emu.k8s.proxy.endpoints import Usable, categorize, endpoints_of_port
from emu.k8s.proxy.rules import PortRules, PortWriter

LARGE_CLUSTER_ENDPOINTS = 1000

Key = tuple[str, str]
PortKey = tuple[str, str, str, str]  # namespace, service, port name, protocol


def is_proxied(service: Service) -> bool:
    """Headless and ExternalName Services and those of another proxy are none of kube-proxy's business."""
    return service.cluster_ip not in ("", "None") and service.type != "ExternalName" and LABEL_PROXY_NAME not in service.labels


class ServiceState:
    """Service ports with their endpoints, up to date with the API; `listeners` are called with what changed."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.listeners: list[ServiceListener] = []
        self.due = 0  # syncs that nodes still have to do
        self._slices: dict[Key, dict[str, EndpointSlice]] = {}
        self._versions: dict[Key, int] = {}
        self._endpoints: dict[PortKey, tuple[int, dict[str, Endpoint]]] = {}
        self._rules: dict[tuple[object, ...], PortRules] = {}
        self._count = 0
        api.watch("Service", self._on_service)
        api.watch("EndpointSlice", self._on_slice)

    def _on_service(self, event: str, service: Service) -> None:
        self._changed((service.namespace, service.name), slices=False)

    def _on_slice(self, event: str, piece: EndpointSlice) -> None:
        key = (piece.namespace, piece.service)
        slices = self._slices.setdefault(key, {})
        if event == DELETED:
            slices.pop(piece.name, None)
        else:
            slices[piece.name] = piece
        self._changed(key, slices=True)

    def _changed(self, key: Key, slices: bool) -> None:
        self._count += 1
        self._versions[key] = self._count
        for listener in self.listeners:
            listener.service_changed(key, slices)

    # -- reading ------------------------------------------------------------------------------------------------------------------

    def ports(self) -> list[tuple[Service, ServicePort]]:
        """All service ports that are proxied. Real kube-proxy walks them in random order; here it is that of creation."""
        return [(service, port) for service in self.api.services.values() if is_proxied(service) for port in service.ports]

    def slices(self, service: Service) -> list[EndpointSlice]:
        """A Service's EndpointSlices."""
        return list(self._slices.get((service.namespace, service.name), {}).values())

    def endpoints(self, service: Service, port: ServicePort) -> dict[str, Endpoint]:
        """`ip:port` -> endpoint, merged over the Service's slices and sorted as text."""
        key = (service.namespace, service.name)
        version = self._versions.get(key, 0)
        cached = self._endpoints.get((*key, port.name, port.protocol))
        if cached is None or cached[0] != version:
            cached = version, endpoints_of_port(self._slices.get(key, {}).values(), port)
            self._endpoints[(*key, port.name, port.protocol)] = cached
        return cached[1]

    def rules(self, service: Service, port: ServicePort, node: Node, options: Options, large_cluster: bool) -> PortRules:
        """The port's rules on `node`; nodes with the same view get the same object."""
        usable = categorize(self.endpoints(service, port), service, port, node)
        key = (service.namespace, service.name, port.name, port.protocol, self._view(service, usable, node), options, large_cluster)
        version = self._versions.get((service.namespace, service.name), 0)
        full_key = (version, *key)
        rules = self._rules.get(full_key)
        if rules is None:
            if len(self._rules) > 4 * len(self.api.services) + 4096:
                self._rules.clear()
            writer = PortWriter(service, port, usable, options.detector, options.masquerade_all, node.ip, large_cluster)
            rules = self._rules[full_key] = writer.write()
        return rules

    @staticmethod
    def _view(service: Service, usable: Usable, node: Node) -> tuple[object, ...]:
        return (tuple(usable.cluster), tuple(usable.local), usable.any_endpoints, node.ip if service.source_ranges else "")


class ServiceListener:
    """What a node's kube-proxy is told."""

    def service_changed(self, key: Key, slices: bool) -> None:
        """Service `key` changed, or one of its slices did."""
        raise NotImplementedError
