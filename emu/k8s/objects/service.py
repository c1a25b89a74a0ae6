"""Services and their endpoints (Kubernetes API core/v1 Service, discovery.k8s.io/v1). Addresses are text here, as in manifests."""

from __future__ import annotations

from dataclasses import dataclass, field

from emu.k8s.objects.base import Meta

LABEL_SERVICE_NAME = "kubernetes.io/service-name"
LABEL_PROXY_NAME = "service.kubernetes.io/service-proxy-name"
LABEL_HEADLESS = "service.kubernetes.io/headless"

CLUSTER, LOCAL = "Cluster", "Local"


@dataclass(slots=True)
class ServicePort:
    """`target_port`: a number, or the name of a container's port; 0 means the same as `port`."""

    port: int
    target_port: int | str = 0
    protocol: str = "TCP"
    name: str = ""
    node_port: int = 0


@dataclass(slots=True)
class Service(Meta):
    """`session_affinity_seconds`: 0 for None, else ClientIP with that timeout. `lb_ips`: status.loadBalancer.ingress with ipMode VIP.

    `external_name`: the target of type ExternalName. `traffic_distribution`: empty, PreferSameZone (PreferClose is its old name) or PreferSameNode.
    """

    name: str
    namespace: str
    ports: tuple[ServicePort, ...]
    selector: dict[str, str] | None = None
    type: str = "ClusterIP"
    cluster_ip: str = ""
    external_ips: tuple[str, ...] = ()
    lb_ips: tuple[str, ...] = ()
    source_ranges: tuple[str, ...] = ()
    session_affinity_seconds: int = 0
    external_traffic_policy: str = CLUSTER
    internal_traffic_policy: str = CLUSTER
    health_check_node_port: int = 0
    publish_not_ready: bool = False
    labels: dict[str, str] = field(default_factory=dict)
    external_name: str = ""
    traffic_distribution: str = ""
    load_balancer_ip: str = ""  # spec.loadBalancerIP: the one that is asked for
    load_balancer_class: str = ""
    allocate_node_ports: bool = True  # of type LoadBalancer
    kind = "Service"

    @property
    def headless(self) -> bool:
        """Whether it has no virtual address on purpose."""
        return self.cluster_ip == "None"


@dataclass(slots=True)
class Endpoint:
    """One address of an EndpointSlice, with the conditions as kube-proxy reads them."""

    address: str
    node: str = ""
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    zone: str = ""
    hints_zones: tuple[str, ...] = ()
    hints_nodes: tuple[str, ...] = ()
    target: str = ""  # namespace/name of the pod
    hostname: str = ""


@dataclass(slots=True, frozen=True)
class EndpointPort:
    """A port of a slice: `name` is the Service's port name, `port` the number on the endpoints."""

    name: str
    port: int
    protocol: str = "TCP"


@dataclass(slots=True)
class EndpointSlice(Meta):
    """At most 100 endpoints that share their ports."""

    name: str
    namespace: str
    service: str
    ports: tuple[EndpointPort, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    kind = "EndpointSlice"


@dataclass(slots=True)
class EndpointSubset:
    """Addresses of a legacy Endpoints object that share ports."""

    addresses: tuple[Endpoint, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


@dataclass(slots=True)
class Endpoints(Meta):
    """The legacy object, of the same name as its Service; mirrored into EndpointSlices where it is written by hand."""

    name: str
    namespace: str
    subsets: tuple[EndpointSubset, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    kind = "Endpoints"
