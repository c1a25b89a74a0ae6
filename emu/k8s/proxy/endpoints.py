"""Which endpoints of a service port a node uses (pkg/proxy/topology.go CategorizeEndpoints)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from emu.k8s.objects import LABEL_HEADLESS, LABEL_ZONE, LOCAL, Endpoint, EndpointSlice, Node, Service, ServicePort


@dataclass(slots=True)
class Usable:
    """The result: `ip:port` texts, sorted as text. `reachable` is the union that gets KUBE-SEP chains."""

    cluster: list[str] = field(default_factory=list)
    local: list[str] = field(default_factory=list)
    reachable: list[str] = field(default_factory=list)
    any_endpoints: bool = False


def externally_accessible(service: Service, port: ServicePort) -> bool:
    """Whether traffic can come in by node port, load balancer address or external IP."""
    return port.node_port != 0 or bool(service.lb_ips) or bool(service.external_ips)


def external_policy_local(service: Service) -> bool:
    """externalTrafficPolicy Local counts only for NodePort and LoadBalancer, and for ClusterIP with external IPs."""
    if service.external_traffic_policy != LOCAL:
        return False
    return service.type in ("NodePort", "LoadBalancer") or (service.type == "ClusterIP" and bool(service.external_ips))


def internal_policy_local(service: Service) -> bool:
    """internalTrafficPolicy Local."""
    return service.internal_traffic_policy == LOCAL


def endpoints_of_port(slices: Iterable[EndpointSlice], port: ServicePort) -> dict[str, Endpoint]:
    """`ip:port` -> endpoint for the slices of one Service. Duplicates collapse; a later copy wins unless it is the terminating one."""
    found: dict[str, Endpoint] = {}
    for piece in slices:
        if LABEL_HEADLESS in piece.labels:
            continue
        for slice_port in piece.ports:
            if slice_port.name != port.name or slice_port.protocol != port.protocol or slice_port.port == 0:
                continue
            for endpoint in piece.endpoints:
                text = f"{endpoint.address}:{slice_port.port}"
                if text in found and endpoint.terminating:
                    continue
                found[text] = endpoint
    return dict(sorted(found.items()))


def _topology_mode(ready: list[Endpoint], node: Node) -> str:
    if not ready:
        return ""
    if all(endpoint.hints_nodes for endpoint in ready) and any(node.name in endpoint.hints_nodes for endpoint in ready):
        return "node"
    zone = node.labels.get(LABEL_ZONE, "")
    if zone and all(endpoint.hints_zones for endpoint in ready) and any(zone in endpoint.hints_zones for endpoint in ready):
        return "zone"
    return ""


def categorize(endpoints: dict[str, Endpoint], service: Service, port: ServicePort, node: Node) -> Usable:
    """Endpoints for both traffic policies on `node`; each falls back to serving, terminating ones on its own (KEP-1669)."""
    external = externally_accessible(service, port)
    uses_cluster = not internal_policy_local(service) or external
    uses_local = internal_policy_local(service) or (external_policy_local(service) and external)
    result = Usable()
    if uses_cluster:
        ready = {text: endpoint for text, endpoint in endpoints.items() if endpoint.ready}
        mode = _topology_mode(list(ready.values()), node)
        zone = node.labels.get(LABEL_ZONE, "")
        for text, endpoint in ready.items():
            if (mode == "node" and node.name not in endpoint.hints_nodes) or (mode == "zone" and zone not in endpoint.hints_zones):
                continue
            result.cluster.append(text)
        if not result.cluster:
            result.cluster = [text for text, endpoint in endpoints.items() if endpoint.serving and endpoint.terminating]
        result.any_endpoints = bool(result.cluster)
    if uses_local:
        on_node = {text: endpoint for text, endpoint in endpoints.items() if endpoint.node == node.name}
        result.local = [text for text, endpoint in on_node.items() if endpoint.ready]
        if not result.local:
            result.local = [text for text, endpoint in on_node.items() if endpoint.serving and endpoint.terminating]
        if any(endpoint.ready or (endpoint.serving and endpoint.terminating) for endpoint in endpoints.values()):
            result.any_endpoints = True
    cluster = set(result.cluster)
    result.reachable = sorted(result.cluster + [text for text in result.local if text not in cluster])
    return result
