"""Nodes, namespaces, pods and what is kept for others (Kubernetes API core/v1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from emu.k8s.objects.base import Meta

NO_SCHEDULE, PREFER_NO_SCHEDULE, NO_EXECUTE = "NoSchedule", "PreferNoSchedule", "NoExecute"
MAX_PODS = 110  # kubelet's default


@dataclass(slots=True, frozen=True)
class Taint:
    """Keeps pods that do not tolerate it off a node. `effect`: NoSchedule, PreferNoSchedule or NoExecute."""

    key: str
    value: str = ""
    effect: str = NO_SCHEDULE


@dataclass(slots=True, frozen=True)
class Toleration:
    """An empty `key` with `Exists` tolerates everything; an empty `effect` every effect."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""

    def tolerates(self, taint: Taint) -> bool:
        """Whether it takes the taint away (v1 Toleration.ToleratesTaint)."""
        if self.effect and self.effect != taint.effect:
            return False
        if self.key and self.key != taint.key:
            return False
        return self.operator == "Exists" or (bool(self.key) and self.value == taint.value)


@dataclass(slots=True)
class Node(Meta):
    """`pod_cidr`: the range its pods get addresses from. `ip`: InternalIP. `unschedulable`: cordoned."""

    name: str
    ip: str
    pod_cidr: str
    labels: dict[str, str] = field(default_factory=dict)
    ready: bool = True
    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False
    max_pods: int = MAX_PODS
    kind = "Node"
    namespace = ""


@dataclass(slots=True)
class Namespace(Meta):
    """The API server gives each the label kubernetes.io/metadata.name."""

    name: str
    labels: dict[str, str] = field(default_factory=dict)
    kind = "Namespace"
    namespace = ""


@dataclass(slots=True)
class Kept(Meta):
    """A ConfigMap or a Secret: stored and shown, of no effect on the network."""

    kind: str
    name: str
    namespace: str
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class ContainerPort:
    """A port a container declares; `name` may be a Service's targetPort. `host_port`: the portmap plugin's, 0 for none."""

    container_port: int
    protocol: str = "TCP"
    name: str = ""
    host_port: int = 0
    host_ip: str = ""


@dataclass(slots=True)
class Probe:
    """`path` None means tcpSocket; `exec` a command, which always succeeds here. Times in seconds, thresholds in consecutive results.

    `port`: a number, or the name of a port of the container.
    """

    port: int | str = 0
    path: str | None = "/ready"
    period_seconds: float = 10.0
    timeout_seconds: float = 1.0
    initial_delay_seconds: float = 0.0
    failure_threshold: int = 3
    success_threshold: int = 1
    exec: bool = False


@dataclass(slots=True)
class Container:
    """`program`: an async function called with the container (see kubelet.py), None for a container that only sleeps.

    `pre_stop_seconds`: how long its preStop hook takes before SIGTERM is sent. `sidecar`: an init container with restartPolicy Always.
    """

    name: str
    ports: tuple[ContainerPort, ...] = ()
    program: Any = None
    readiness: Probe | None = None
    liveness: Probe | None = None
    startup: Probe | None = None
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    pre_stop_seconds: float = 0.0
    sidecar: bool = False

    def port_number(self, port: int | str) -> int | None:
        """The number of a port given by number or name."""
        if isinstance(port, int):
            return port
        return next((mine.container_port for mine in self.ports if mine.name == port), None)


@dataclass(slots=True)
class PodSpec:
    """What is wanted of a pod. Pods of one template share it. `node_name`: the node that a template names for its pods."""

    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    host_network: bool = False
    node_selector: dict[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    hostname: str = ""
    subdomain: str = ""
    dns_policy: str = "ClusterFirst"
    dns_config: dict[str, Any] = field(default_factory=dict)
    restart_policy: str = "Always"
    grace_seconds: float = 30.0  # terminationGracePeriodSeconds
    node_name: str = ""


@dataclass(slots=True)
class ContainerStatus:
    """`state`: waiting, running or terminated; `reason` why, `message` what a probe said last. `exit_code`: of the last run."""

    ready: bool = False
    restarts: int = 0
    state: str = "waiting"
    reason: str = "ContainerCreating"
    message: str = ""
    exit_code: int = 0


@dataclass(slots=True)
class Pod(Meta):
    """`node`: empty until it is bound. `ready`: the Ready condition. `deletion_ns`: when deletion was asked, None while it is wanted;
    `deletion_seconds`: the grace it was given then. `message`: why it does not start. `statuses`: by container's name, init containers first.
    """

    name: str
    namespace: str
    node: str
    spec: PodSpec = field(default_factory=PodSpec)
    labels: dict[str, str] = field(default_factory=dict)
    ip: str = ""
    ready: bool = False
    phase: str = "Pending"
    message: str = ""
    deletion_ns: int | None = None
    deletion_seconds: float = 0.0
    ready_ns: int | None = None  # since when it is ready
    started_ns: int | None = None
    statuses: dict[str, ContainerStatus] = field(default_factory=dict)
    kind = "Pod"

    def port_named(self, name: str, protocol: str) -> int | None:
        """The number of the declared port of that name and protocol (podutil.FindPort)."""
        for container in (*self.spec.containers, *(init for init in self.spec.init_containers if init.sidecar)):
            for port in container.ports:
                if port.name == name and port.protocol == protocol:
                    return port.container_port
        return None


@dataclass(slots=True)
class PodTemplate:
    """What a controller makes its pods from."""

    spec: PodSpec
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
