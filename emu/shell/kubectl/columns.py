"""The columns of `kubectl get` (pkg/printers/internalversion/printers.go)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emu.k8s.api import Api
from emu.k8s.objects import Pod, Service
from emu.k8s.owned import pods_of
from emu.shell.kubectl.resources import full_name

VERSION = "v1.36.2"
NONE = "<none>"

Cells = list[str]


def age(ns: int) -> str:
    """A duration as kubectl writes it (duration.HumanDuration)."""
    seconds = max(0, ns // 1_000_000_000)
    if seconds < 120:
        return f"{seconds}s"
    minutes = seconds // 60
    if minutes < 10:
        rest = seconds % 60
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours = minutes // 60
    if hours < 8:
        rest = minutes % 60
        return f"{hours}h{rest}m" if rest else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if hours < 192:
        rest = hours % 24
        return f"{hours // 24}d{rest}h" if rest else f"{hours // 24}d"
    return f"{hours // 24}d"


def pod_status(pod: Pod) -> str:
    """The STATUS column."""
    if pod.deletion_ns is not None:
        return "Terminating"
    inits = pod.spec.init_containers
    done = sum(pod.statuses[each.name].state == "terminated" and not pod.statuses[each.name].exit_code for each in inits if each.name in pod.statuses)
    plain = [each for each in inits if not each.sidecar]
    if pod.node and pod.phase == "Pending":
        failed = next((pod.statuses[each.name] for each in plain if each.name in pod.statuses and pod.statuses[each.name].reason == "CrashLoopBackOff"), None)
        if failed is not None:
            return "Init:CrashLoopBackOff"
        return f"Init:{done}/{len(plain)}" if plain and pod.ip and done < len(plain) else "ContainerCreating" if pod.node else "Pending"
    for container in pod.spec.containers:
        status = pod.statuses.get(container.name)
        if status is not None and status.reason and status.state != "running":
            return status.reason
    return {"Succeeded": "Completed", "Failed": "Error"}.get(pod.phase, pod.phase)


def _pod(pod: Pod, api: Api, wide: bool) -> Cells:
    shown = [*pod.spec.containers, *(each for each in pod.spec.init_containers if each.sidecar)]
    ready = sum(pod.statuses[each.name].ready for each in shown if each.name in pod.statuses)
    restarts = sum(status.restarts for status in pod.statuses.values())
    cells = [pod.name, f"{ready}/{len(shown)}", pod_status(pod), str(restarts), age(api.sim.now - pod.created_ns)]
    return [*cells, pod.ip or NONE, pod.node or NONE, NONE, NONE] if wide else cells


def _service(service: Service, api: Api, wide: bool) -> Cells:
    external = ",".join((*service.lb_ips, *service.external_ips)) or ("<pending>" if service.type == "LoadBalancer" else NONE)
    if service.type == "ExternalName":
        external = service.external_name
    ports = ",".join(f"{port.port}{f':{port.node_port}' if port.node_port else ''}/{port.protocol}" for port in service.ports)
    address = service.cluster_ip or NONE
    cells = [service.name, service.type, address, external, ports or NONE, age(api.sim.now - service.created_ns)]
    return [*cells, _pairs(service.selector)] if wide else cells


def _deployment(thing: Any, api: Api, wide: bool) -> Cells:
    pods = pods_of(thing, api)
    ready = sum(pod.ready for pod in pods)
    newest = max((each for each in api.all("ReplicaSet").values() if each.owner == ("Deployment", thing.name) and each.namespace == thing.namespace),
                 key=lambda each: (each.template.spec is thing.template.spec, each.created_ns), default=None)  # fmt: skip
    fresh = sum(pod.owner == ("ReplicaSet", newest.name) for pod in pods) if newest is not None else 0
    cells = [thing.name, f"{ready}/{thing.replicas}", str(fresh), str(ready), age(api.sim.now - thing.created_ns)]
    return [*cells, *_images(thing), str(thing.selector)] if wide else cells


def _replica_set(thing: Any, api: Api, wide: bool) -> Cells:
    pods = pods_of(thing, api)
    cells = [thing.name, str(thing.replicas), str(len(pods)), str(sum(pod.ready for pod in pods)), age(api.sim.now - thing.created_ns)]
    return [*cells, *_images(thing), str(thing.selector)] if wide else cells


def _stateful_set(thing: Any, api: Api, wide: bool) -> Cells:
    ready = sum(pod.ready for pod in pods_of(thing, api))
    cells = [thing.name, f"{ready}/{thing.replicas}", age(api.sim.now - thing.created_ns)]
    return [*cells, *_images(thing)] if wide else cells


def _daemon_set(thing: Any, api: Api, wide: bool) -> Cells:
    pods = pods_of(thing, api)
    count, ready = str(len(pods)), str(sum(pod.ready for pod in pods))
    cells = [thing.name, count, count, ready, count, ready, _pairs(thing.template.spec.node_selector), age(api.sim.now - thing.created_ns)]
    return [*cells, *_images(thing), str(thing.selector)] if wide else cells


def _job(thing: Any, api: Api, wide: bool) -> Cells:
    wanted = thing.completions if thing.completions is not None else f"1 of {thing.parallelism}"
    done = thing.succeeded >= (thing.completions if thing.completions is not None else 1)
    status = "Complete" if done else "Failed" if thing.failed > thing.backoff_limit else "Suspended" if thing.suspend else "Running"
    lived = age(api.sim.now - thing.created_ns)
    cells = [thing.name, status, f"{thing.succeeded}/{wanted}", lived, lived]
    return [*cells, *_images(thing)] if wide else cells


def _node(node: Any, api: Api, wide: bool) -> Cells:
    status = ("Ready" if node.ready else "NotReady") + (",SchedulingDisabled" if node.unschedulable else "")
    roles = ",".join(key.rpartition("/")[2] for key in node.labels if key.startswith("node-role.kubernetes.io/")) or NONE
    cells = [node.name, status, roles, age(api.sim.now - node.created_ns), VERSION]
    return [*cells, node.ip, NONE, "emu", "6.18", "emu"] if wide else cells


def _endpoints(service: Service, api: Api, wide: bool) -> Cells:
    found = [
        f"{endpoint.address}:{port.port}"
        for piece in api.slices.values() if piece.namespace == service.namespace and piece.service == service.name
        for endpoint in piece.endpoints if endpoint.ready for port in piece.ports
    ]  # fmt: skip
    return [service.name, _some(found), age(api.sim.now - service.created_ns)]


def _slice(piece: Any, api: Api, wide: bool) -> Cells:
    ports = ",".join(str(port.port) for port in piece.ports) or "<unset>"
    return [piece.name, "IPv4", ports, _some([each.address for each in piece.endpoints]) if piece.endpoints else "<unset>", age(api.sim.now - piece.created_ns)]


def _ingress(thing: Any, api: Api, wide: bool) -> Cells:
    hosts = ",".join(rule.host or "*" for rule in thing.rules) or "*"
    return [thing.name, thing.class_name or NONE, hosts, ",".join(thing.lb_ips), "80", age(api.sim.now - thing.created_ns)]


def _data(thing: Any) -> str:
    return str(len((thing.manifest or {}).get("data") or {}))


def _images(thing: Any) -> Cells:
    containers = thing.template.spec.containers
    return [",".join(each.name for each in containers), ",".join(each.image or NONE for each in containers)]


def _pairs(given: dict[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in (given or {}).items()) or NONE


def _some(texts: list[str]) -> str:
    """The first three, and how many more."""
    return ",".join(texts[:3]) + (f" + {len(texts) - 3} more..." if len(texts) > 3 else "") if texts else NONE


Row = Callable[[Any, Api, bool], Cells]
CONTAINERS = ("CONTAINERS", "IMAGES")

# kind: (columns, columns that -o wide adds, the row)
TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...], Row]] = {
    "Pod": (("NAME", "READY", "STATUS", "RESTARTS", "AGE"), ("IP", "NODE", "NOMINATED NODE", "READINESS GATES"), _pod),
    "Service": (("NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"), ("SELECTOR",), _service),
    "Deployment": (("NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"), (*CONTAINERS, "SELECTOR"), _deployment),
    "ReplicaSet": (("NAME", "DESIRED", "CURRENT", "READY", "AGE"), (*CONTAINERS, "SELECTOR"), _replica_set),
    "StatefulSet": (("NAME", "READY", "AGE"), CONTAINERS, _stateful_set),
    "DaemonSet": (("NAME", "DESIRED", "CURRENT", "READY", "UP-TO-DATE", "AVAILABLE", "NODE SELECTOR", "AGE"), (*CONTAINERS, "SELECTOR"), _daemon_set),
    "Job": (("NAME", "STATUS", "COMPLETIONS", "DURATION", "AGE"), CONTAINERS, _job),
    "Node": (
        ("NAME", "STATUS", "ROLES", "AGE", "VERSION"), ("INTERNAL-IP", "EXTERNAL-IP", "OS-IMAGE", "KERNEL-VERSION", "CONTAINER-RUNTIME"), _node,
    ),
    "Namespace": (("NAME", "STATUS", "AGE"), (), lambda thing, api, wide: [thing.name, "Active", age(api.sim.now - thing.created_ns)]),
    "Endpoints": (("NAME", "ENDPOINTS", "AGE"), (), _endpoints),
    "EndpointSlice": (("NAME", "ADDRESSTYPE", "PORTS", "ENDPOINTS", "AGE"), (), _slice),
    "Ingress": (("NAME", "CLASS", "HOSTS", "ADDRESS", "PORTS", "AGE"), (), _ingress),
    "IngressClass": (
        ("NAME", "CONTROLLER", "PARAMETERS", "AGE"), (), lambda thing, api, wide: [thing.name, thing.controller, NONE, age(api.sim.now - thing.created_ns)],
    ),
    "NetworkPolicy": (
        ("NAME", "POD-SELECTOR", "AGE"), (),
        lambda thing, api, wide: [thing.name, str(thing.pods).replace("<all>", NONE), age(api.sim.now - thing.created_ns)],
    ),
    "ConfigMap": (("NAME", "DATA", "AGE"), (), lambda thing, api, wide: [thing.name, _data(thing), age(api.sim.now - thing.created_ns)]),
    "Secret": (
        ("NAME", "TYPE", "DATA", "AGE"), (),
        lambda thing, api, wide: [thing.name, str((thing.manifest or {}).get("type", "Opaque")), _data(thing), age(api.sim.now - thing.created_ns)],
    ),
}  # fmt: skip


def table(
    kind: str, things: list[Any], api: Api, wide: bool = False, namespaces: bool = False, labels: bool = False, headers: bool = True, full: bool = False
) -> str:
    """Rows under their headers, three spaces apart. `full`: names with their kind before them, as where several kinds are listed."""
    columns, more, row = TABLES[kind]
    lines = [[*columns, *(more if wide else ())]] if headers else []
    rows = [row(thing, api, wide) for thing in things]
    lines += [[full_name(kind, cells[0]), *cells[1:]] for cells in rows] if full else rows
    if namespaces:
        spaces = ["NAMESPACE"] if headers else []
        spaces += [thing.namespace for thing in things]
        lines = [[space, *line] for space, line in zip(spaces, lines, strict=True)]
    if labels:
        texts = ["LABELS"] if headers else []
        texts += [_pairs(thing.labels) for thing in things]
        lines = [[*line, text] for line, text in zip(lines, texts, strict=True)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))] if lines else []
    return "".join("   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines)
