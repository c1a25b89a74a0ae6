"""FROM and TO as people write them: `pod/NAME`, `NS/NAME`, `svc/NAME`, `node/NAME`, `deploy/NAME`, `internet`, a DNS name, an address."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, cast

from emu.k8s.objects import KubernetesError, Pod, Service, titled
from emu.k8s.owned import pods_of
from emu.lab.host import Host

if TYPE_CHECKING:
    from emu.lab.cluster import Cluster

PODS, SERVICES, NODES = ("pod", "pods", "po"), ("svc", "service", "services"), ("node", "nodes", "no")
WORKLOADS = {
    "deploy": "Deployment", "deployment": "Deployment", "sts": "StatefulSet", "statefulset": "StatefulSet", "ds": "DaemonSet", "daemonset": "DaemonSet",
    "rs": "ReplicaSet", "replicaset": "ReplicaSet", "job": "Job",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """What TO stands for. `address`: an address, or a name to be looked up by the source; `port` 0: none was given and none is known.

    `protocol`: of the port (`tcp`, `udp`, `sctp`), empty without a port. `thing`: the object it is, if any.
    """

    name: str
    address: str
    port: int = 0
    protocol: str = ""
    thing: Any = None


def source(cluster: Cluster, text: str, namespace: str = "default") -> Host:
    """Where traffic starts. Raises KubernetesError."""
    if text == "internet":
        return cluster.internet
    kind, _, rest = text.partition("/")
    if kind in SERVICES:
        raise KubernetesError(f"{text}: traffic starts at pods, nodes and the internet, not at a Service")
    if kind in NODES and rest:
        return cluster.node(rest)
    if "/" not in text and _is_address(text):
        return _host_with(cluster, text)
    return cluster.pod_of(_pod(cluster, text, namespace))


def target(cluster: Cluster, text: str, sender: Host, namespace: str = "default") -> Target:
    """Where traffic goes, as `sender` reaches it. Raises KubernetesError."""
    name, colon, port = text.rpartition(":")
    if not colon:
        name, port = text, ""
    kind, _, rest = name.partition("/")
    if kind in SERVICES and rest:
        return _service(cluster, _named(cluster, "Service", rest, namespace), port, sender)
    if kind in NODES and rest:
        node = cluster.node(rest)
        return Target(f"node {rest}", node.ip, _number(text, port), "tcp" if port else "", node.host.spec)
    if name == "internet":
        return Target("the internet host", cluster.internet.ip, _number(text, port), "tcp" if port else "")
    if "/" in name:
        return _to_pod(_pod(cluster, name, namespace), text, port)
    pod = cluster.api.pods.get((namespace, name))
    if pod is not None and not _is_address(name):
        return _to_pod(pod, text, port)
    thing = _thing_at(cluster, name) if _is_address(name) else None
    protocol = "tcp" if port else ""
    if isinstance(thing, Service) and port:
        wanted = _service_port(thing, port)
        return Target(text, name, _number(text, port) if wanted is None else wanted.port, "tcp" if wanted is None else wanted.protocol.lower(), thing)
    return Target(text, name, _number(text, port), protocol, thing)


# -- pods -----------------------------------------------------------------------------------------------------------------------------


def _pod(cluster: Cluster, text: str, namespace: str) -> Pod:
    kind, _, rest = text.partition("/")
    if kind in PODS and rest:
        return cast("Pod", _named(cluster, "Pod", rest, namespace))
    if kind in WORKLOADS and rest:
        return _pod_of_workload(cluster, WORKLOADS[kind], rest, namespace)
    name = text if "/" in text else f"{namespace}/{text}"
    return cast("Pod", _named(cluster, "Pod", name, namespace))


def _pod_of_workload(cluster: Cluster, kind: str, name: str, namespace: str) -> Pod:
    """Its first pod that is ready, else the first."""
    owner = _named(cluster, kind, name, namespace)
    pods = pods_of(owner, cluster.api, terminating=True)
    if not pods:
        raise KubernetesError(f"{titled(owner)} has no pods")
    return next((pod for pod in pods if pod.ready), pods[0])


def _named(cluster: Cluster, kind: str, text: str, namespace: str) -> Any:
    """`NAME` or `NS/NAME`."""
    space, slash, name = text.partition("/")
    if not slash:
        space, name = namespace, text
    found = cluster.api.get(kind, name, space)
    if found is None:
        there = [each.name for each in cluster.api.all(kind).values() if each.namespace == space]
        near = get_close_matches(name, there, 3, 0.5) or there
        hint = f"; there {'is' if len(near) == 1 else 'are'} {', '.join(near[:5])}{' ...' if len(near) > 5 else ''}" if near else ""
        raise KubernetesError(f'{kind} "{space}/{name}" not found{hint}')
    return found


def _to_pod(pod: Pod, text: str, port: str) -> Target:
    if not pod.ip:
        raise KubernetesError(f"{titled(pod)} has no address: {pod.message or 'it does not run'}")
    declared = [each for container in pod.spec.containers for each in container.ports]
    if not port:
        first = declared[0] if declared else None
        return Target(f"pod {pod.namespace}/{pod.name}", pod.ip, first.container_port if first else 0, first.protocol.lower() if first else "", pod)
    wanted = next((each for each in declared if each.name == port or str(each.container_port) == port), None)
    if wanted is None and not port.isdigit():
        names = ", ".join(each.name for each in declared if each.name) or "none"
        raise KubernetesError(f"{text}: {titled(pod)} has no port named {port!r} (named ports: {names})")
    return Target(
        f"pod {pod.namespace}/{pod.name}", pod.ip, wanted.container_port if wanted else _number(text, port), wanted.protocol.lower() if wanted else "tcp", pod
    )


# -- Services -------------------------------------------------------------------------------------------------------------------------


def _service_port(service: Service, port: str) -> Any:
    if not port:
        return service.ports[0] if service.ports else None
    return next((each for each in service.ports if port in (each.name, str(each.port))), None)


def _service(cluster: Cluster, service: Service, port: str, sender: Host) -> Target:
    wanted = _service_port(service, port)
    if wanted is None and port and not port.isdigit():
        names = ", ".join(each.name for each in service.ports if each.name) or "none"
        raise KubernetesError(f"{titled(service)} has no port named {port!r} (named ports: {names})")
    number = wanted.port if wanted is not None else int(port or 0)
    protocol = wanted.protocol.lower() if wanted is not None else "tcp" if number else ""
    name = f"Service {service.namespace}/{service.name}"
    if service.type == "ExternalName" or service.headless:
        domain = cluster.dns.domain if cluster.dns is not None else "cluster.local"
        return Target(name, f"{service.name}.{service.namespace}.svc.{domain}", _target_number(wanted, number), protocol, service)
    if sender is cluster.internet:
        if service.lb_ips:
            return Target(name, service.lb_ips[0], number, protocol, service)
        if service.external_ips:
            return Target(name, service.external_ips[0], number, protocol, service)
        if wanted is not None and wanted.node_port and cluster.nodes:
            return Target(name, cluster.nodes[0].ip, wanted.node_port, protocol, service)
    return Target(name, service.cluster_ip, number, protocol, service)


def _target_number(port: Any, number: int) -> int:
    """Headless: nobody translates the port."""
    return port.target_port if port is not None and isinstance(port.target_port, int) and port.target_port else number


# -- addresses ------------------------------------------------------------------------------------------------------------------------


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _host_with(cluster: Cluster, address: str) -> Host:
    for node in cluster.nodes:
        if node.ip == address:
            return node
    for pod in cluster.api.pods.values():
        if pod.ip == address:
            return cluster.pod_of(pod)
    if address == cluster.internet.ip:
        return cluster.internet
    raise KubernetesError(f"{address}: no pod, node or other host of the cluster has this address")


def _thing_at(cluster: Cluster, address: str) -> Any:
    for service in cluster.api.services.values():
        if address in (service.cluster_ip, *service.lb_ips, *service.external_ips):
            return service
    for pod in cluster.api.pods.values():
        if pod.ip == address and not pod.spec.host_network:
            return pod
    return next((node for node in cluster.api.nodes.values() if node.ip == address), None)


def _number(text: str, port: str) -> int:
    if not port:
        return 0
    if not port.isdigit() or not 1 <= int(port) <= 65535:
        raise KubernetesError(f"{text}: {port!r} is not a port: a number from 1 to 65535, or the name of a port of a pod or Service")
    return int(port)
