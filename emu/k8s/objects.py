"""The API objects that decide where traffic goes, with the fields that do (Kubernetes API core/v1, discovery.k8s.io/v1).

Objects are plain and mutable; the API server (`api.py`) is told of a change with `update`. Addresses are text here, as in manifests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

LABEL_SERVICE_NAME = "kubernetes.io/service-name"
LABEL_PROXY_NAME = "service.kubernetes.io/service-proxy-name"
LABEL_HEADLESS = "service.kubernetes.io/headless"
LABEL_ZONE = "topology.kubernetes.io/zone"

CLUSTER, LOCAL = "Cluster", "Local"


class KubernetesError(ValueError):
    """A request the API server, the scheduler or a CNI plugin refuses; one line that names the object and the field."""


@dataclass(slots=True)
class Node:
    """`pod_cidr`: the range its pods get addresses from. `ip`: InternalIP."""

    name: str
    ip: str
    pod_cidr: str
    labels: dict[str, str] = field(default_factory=dict)
    ready: bool = True
    kind = "Node"
    namespace = ""


@dataclass(slots=True)
class ContainerPort:
    """A port a container declares; `name` may be a Service's targetPort."""

    container_port: int
    protocol: str = "TCP"
    name: str = ""


@dataclass(slots=True)
class Probe:
    """A readiness probe. `path` None means tcpSocket. Times in seconds, thresholds in consecutive results."""

    port: int
    path: str | None = "/ready"
    period_seconds: float = 10.0
    timeout_seconds: float = 1.0
    initial_delay_seconds: float = 0.0
    failure_threshold: int = 3
    success_threshold: int = 1


@dataclass(slots=True)
class Container:
    """`program`: an async function called with the container (see kubelet.py), None for a container that only sleeps."""

    name: str
    ports: tuple[ContainerPort, ...] = ()
    program: Any = None
    readiness: Probe | None = None


@dataclass(slots=True)
class Pod:
    """`ready`: the Ready condition. `deletion_ns`: when deletion was asked, None while it is wanted. `message`: why it does not start."""

    name: str
    namespace: str
    node: str
    containers: tuple[Container, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    host_network: bool = False
    uid: str = ""
    ip: str = ""
    ready: bool = False
    phase: str = "Pending"
    message: str = ""
    deletion_ns: int | None = None
    kind = "Pod"

    def port_named(self, name: str, protocol: str) -> int | None:
        """The number of the declared port of that name and protocol."""
        for container in self.containers:
            for port in container.ports:
                if port.name == name and port.protocol == protocol:
                    return port.container_port
        return None


@dataclass(slots=True)
class ServicePort:
    """`target_port`: a number, or the name of a container's port; 0 means the same as `port`."""

    port: int
    target_port: int | str = 0
    protocol: str = "TCP"
    name: str = ""
    node_port: int = 0


@dataclass(slots=True)
class Service:
    """`session_affinity_seconds`: 0 for None, else ClientIP with that timeout. `lb_ips`: status.loadBalancer.ingress with ipMode VIP."""

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
    kind = "Service"


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


@dataclass(slots=True, frozen=True)
class EndpointPort:
    """A port of a slice: `name` is the Service's port name, `port` the number on the endpoints."""

    name: str
    port: int
    protocol: str = "TCP"


@dataclass(slots=True)
class EndpointSlice:
    """At most 100 endpoints that share their ports."""

    name: str
    namespace: str
    service: str
    ports: tuple[EndpointPort, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    kind = "EndpointSlice"


def matches(selector: dict[str, str] | None, labels: dict[str, str]) -> bool:
    """Whether an equality selector selects these labels; an empty or missing one selects nothing, as in a Service."""
    return bool(selector) and all(labels.get(key) == value for key, value in (selector or {}).items())
