"""Who reaches whom: every pod to every pod and Service, with a reason behind every no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emu.aio.process import spawn
from emu.k8s.objects import KubernetesError, Pod, Service
from emu.lab.ask.places import Target
from emu.lab.ask.question import answer_of, connect

if TYPE_CHECKING:
    from emu.lab.cluster import Cluster

TIMEOUT = 0.9  # virtual seconds: one SYN, and no second one
SYSTEM = ("kube-system", "ingress-nginx")  # add-ons of ours: left out unless asked for


@dataclass(frozen=True, slots=True)
class Cell:
    """One answer. `reached` None: nothing was asked (a pod to itself). `reason` and `advice` of a no."""

    source: str
    target: str
    reached: bool | None
    reason: str = ""
    advice: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {"from": self.source, "to": self.target, "reached": self.reached, "reason": self.reason, "advice": self.advice}


def sources(cluster: Cluster, system: bool = False) -> list[Pod]:
    """The pods that ask: all that run."""
    return [pod for pod in cluster.api.pods.values() if pod.phase == "Running" and (system or pod.namespace not in SYSTEM)]


def targets(cluster: Cluster, port: str = "", system: bool = False) -> list[Target]:
    """What is asked for: pods at `port` (a number, or a name that not all need have), else at the first port they declare; Services at theirs.

    Raises KubernetesError if there is none.
    """
    found = [target for pod in sources(cluster, system) if (target := _of_pod(pod, port)) is not None]
    found += [
        target for service in cluster.api.services.values()
        if (system or not _is_addon(service)) and (target := _of_service(service, port)) is not None
    ]  # fmt: skip
    if not found:
        raise KubernetesError(f"no pod declares a port{f' {port}' if port else ''}, and no Service has one: there is nothing to reach")
    return found


def row(cluster: Cluster, pod: Pod, wanted: list[Target]) -> list[Cell]:
    """One pod's answers."""
    return [_cell(cluster, pod, target) for target in wanted]


def _cell(cluster: Cluster, pod: Pod, target: Target) -> Cell:
    name = f"{pod.namespace}/{pod.name}"
    if target.thing is pod:
        return Cell(name, target.name, None)
    host = cluster.pod_of(pod)
    if target.protocol == "tcp":
        # Most answers are yes, and need no recording.
        process = spawn(cluster.loop, host.netns, connect(target.address, target.port, TIMEOUT), name=f"{name}: matrix")
        cluster.run_until(process)
        if process.error is None:
            return Cell(name, target.name, True)
        if not isinstance(process.error, OSError):
            raise process.error
    answer = answer_of(cluster, host, name, target, target.protocol, "/", TIMEOUT)
    if answer.why is None:
        return Cell(name, target.name, True)
    return Cell(name, target.name, False, answer.why.reason, answer.why.advice)


def _is_addon(service: Service) -> bool:
    return service.namespace in SYSTEM or (service.namespace, service.name) == ("default", "kubernetes")


def _of_pod(pod: Pod, port: str) -> Target | None:
    declared = [each for container in pod.spec.containers for each in container.ports if each.protocol in ("TCP", "UDP")]
    if port.isdigit():
        protocol = next((each.protocol for each in declared if each.container_port == int(port)), "TCP")
        return Target(f"{pod.namespace}/{pod.name}:{port}", pod.ip, int(port), protocol.lower(), pod)
    chosen = next((each for each in declared if not port or each.name == port), None)
    if chosen is None:
        return None
    return Target(f"{pod.namespace}/{pod.name}:{chosen.container_port}", pod.ip, chosen.container_port, chosen.protocol.lower(), pod)


def _of_service(service: Service, port: str) -> Target | None:
    if service.headless or service.type == "ExternalName":
        return None
    chosen = next((each for each in service.ports if each.protocol in ("TCP", "UDP") and port in ("", each.name, str(each.port))), None)
    if chosen is None:
        return None
    return Target(f"svc {service.namespace}/{service.name}:{chosen.port}", service.cluster_ip, chosen.port, chosen.protocol.lower(), service)
