"""`kubectl describe`: what matters of an object for its traffic."""

from __future__ import annotations

from typing import Any

from emu.k8s.manifest.encode import timestamp
from emu.k8s.objects import EndpointSlice, Ingress, NetworkPolicy, Node, Pod, PolicyRule, Service
from emu.k8s.owned import pods_of
from emu.lab.ask.explain import not_ready
from emu.shell.kubectl.columns import NONE, pod_status
from emu.shell.kubectl.session import Verb

Lines = list[tuple[str, str]]


async def describe(verb: Verb) -> int:
    """Blocks of `Name: value` lines, two empty lines between objects."""
    blocks = [_block(verb, thing) for _, thing in verb.picked(verb.words.rest)]
    verb.output.write("\n\n".join(blocks).encode())
    return 0


def _block(verb: Verb, thing: Any) -> str:
    lines: Lines = [("Name", thing.name)]
    if thing.namespace:
        lines.append(("Namespace", thing.namespace))
    lines += [("Labels", _pairs(thing.labels)), ("Annotations", _pairs(thing.annotations)), ("CreationTimestamp", timestamp(thing.created_ns))]
    tell = _TELL.get(thing.kind)
    if tell is not None:
        lines += tell(verb, thing)
    elif hasattr(thing, "template"):
        lines += _workload(verb, thing)
    width = max(len(name) for name, _ in lines) + 2
    text = ""
    for name, value in lines:
        first, *more = value.split("\n") if value else [""]
        text += f"{name + ':':<{width}} {first}".rstrip() + "\n" + "".join(f"{'':<{width}} {line}\n" for line in more)
    return text


def _pod(verb: Verb, pod: Pod) -> Lines:
    node = verb.api.nodes.get(("", pod.node))
    lines: Lines = [
        ("Node", f"{pod.node}/{node.ip}" if node is not None else NONE),
        ("Status", pod_status(pod)),
        ("IP", pod.ip),
        ("Controlled By", f"{pod.owner[0]}/{pod.owner[1]}" if pod.owner else NONE),
    ]
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        status = pod.statuses.get(container.name)
        ports = ", ".join(f"{port.container_port}/{port.protocol}" + (f" ({port.name})" if port.name else "") for port in container.ports) or NONE
        state = f"{status.state}{f' ({status.reason})' if status.reason else ''}, ready {status.ready}, restarts {status.restarts}" if status else "waiting"
        lines.append(
            (
                f"Container {container.name}",
                f"image {container.image or NONE}\nports {ports}\n{state}" + (f"\n{status.message}" if status and status.message else ""),
            )
        )
    lines.append(("Conditions", f"Ready {pod.ready}" + (f": {not_ready(pod)}" if not_ready(pod) else "")))
    lines.append(("Tolerations", "\n".join(f"{each.key or '*'} {each.operator} {each.effect}".strip() for each in pod.spec.tolerations) or NONE))
    return lines


def _service(verb: Verb, service: Service) -> Lines:
    lines: Lines = [("Selector", _pairs(service.selector or {})), ("Type", service.type), ("IP", service.cluster_ip or NONE)]
    if service.external_ips:
        lines.append(("External IPs", ",".join(service.external_ips)))
    if service.lb_ips:
        lines.append(("LoadBalancer Ingress", ",".join(service.lb_ips)))
    if service.external_name:
        lines.append(("External Name", service.external_name))
    for port in service.ports:
        lines.append(("Port", f"{port.name or '<unset>'}  {port.port}/{port.protocol}"))
        lines.append(("TargetPort", f"{port.target_port or port.port}/{port.protocol}"))
        if port.node_port:
            lines.append(("NodePort", f"{port.name or '<unset>'}  {port.node_port}/{port.protocol}"))
        found = [text for text, endpoint in verb.cluster.control_plane.services.endpoints(service, port).items() if endpoint.ready]
        lines.append(("Endpoints", ",".join(found) or NONE))
    lines += [
        ("Session Affinity", "ClientIP" if service.session_affinity_seconds else "None"),
        ("External Traffic Policy", service.external_traffic_policy),
        ("Internal Traffic Policy", service.internal_traffic_policy),
    ]
    return lines


def _workload(verb: Verb, thing: Any) -> Lines:
    pods = pods_of(thing, verb.api)
    lines: Lines = [("Selector", str(thing.selector))] if hasattr(thing, "selector") else []
    if hasattr(thing, "replicas"):
        lines.append(("Replicas", f"{thing.replicas} desired | {len(pods)} total | {sum(pod.ready for pod in pods)} available"))
    images = "\n".join(f"{container.name}: {container.image or NONE}" for container in thing.template.spec.containers)
    return [*lines, ("Pods", "\n".join(f"{pod.name} on {pod.node or NONE}: {not_ready(pod) or 'ready'}" for pod in pods) or NONE), ("Containers", images)]


def _node(verb: Verb, node: Node) -> Lines:
    pods = [pod for pod in verb.api.pods.values() if pod.node == node.name]
    taints = "\n".join(f"{taint.key}={taint.value}:{taint.effect}" if taint.value else f"{taint.key}:{taint.effect}" for taint in node.taints) or NONE
    return [
        ("Taints", taints),
        ("Unschedulable", str(node.unschedulable).lower()),
        ("Addresses", f"InternalIP {node.ip}"),
        ("PodCIDR", node.pod_cidr),
        ("Pods", "\n".join(f"{pod.namespace}/{pod.name} {pod.ip}" for pod in pods) or NONE),
    ]


def _policy(verb: Verb, policy: NetworkPolicy) -> Lines:
    lines: Lines = [("PodSelector", str(policy.pods).replace("<all>", "<none> (all pods of the namespace)")), ("Policy Types", ", ".join(policy.types))]
    for kind, word, rules in (("Ingress", "From", policy.ingress), ("Egress", "To", policy.egress)):
        if kind in policy.types:
            lines.append((f"Allowing {kind.lower()}", "\n".join(_rule(rule, word) for rule in rules) or "none: the selected pods are isolated"))
    return lines


def _rule(rule: PolicyRule, word: str) -> str:
    ports = ", ".join(
        f"{port.port if port.port is not None else 'any'}{f'-{port.end_port}' if port.end_port else ''}/{port.protocol}" for port in rule.ports or ()
    )
    peers = []
    for peer in rule.peers or ():
        if peer.ip_block is not None:
            peers.append(f"{peer.ip_block.cidr}" + (f" except {', '.join(peer.ip_block.excepted)}" if peer.ip_block.excepted else ""))
        else:
            parts = [f"namespaces {peer.namespaces}"] if peer.namespaces is not None else []
            parts += [f"pods {peer.pods}"] if peer.pods is not None else []
            peers.append(" and ".join(parts))
    return f"{word} {' or '.join(peers) or 'anywhere'}, port {ports or 'any'}"


def _ingress(verb: Verb, ingress: Ingress) -> Lines:
    rows = [f"{rule.host or '*'}{path.path} ({path.path_type}) -> {path.backend.service}:{path.backend.port}" for rule in ingress.rules for path in rule.paths]
    default = ingress.default_backend
    return [
        ("Address", ",".join(ingress.lb_ips)), ("Ingress Class", ingress.class_name or NONE),
        ("Default backend", f"{default.service}:{default.port}" if default else "<default>"), ("Rules", "\n".join(rows) or NONE),
    ]  # fmt: skip


def _slice(verb: Verb, piece: EndpointSlice) -> Lines:
    rows = [f"{each.address} on {each.node or NONE}: ready {each.ready}, serving {each.serving}, terminating {each.terminating}" for each in piece.endpoints]
    return [
        ("AddressType", "IPv4"),
        ("Ports", ", ".join(f"{port.name or '<unset>'} {port.port}/{port.protocol}" for port in piece.ports)),
        ("Endpoints", "\n".join(rows) or NONE),
    ]


def _pairs(pairs: dict[str, str]) -> str:
    return "\n".join(f"{key}={value}" for key, value in pairs.items()) or NONE


_TELL: dict[str, Any] = {
    "Pod": _pod, "Service": _service, "Node": _node, "NetworkPolicy": _policy, "Ingress": _ingress, "EndpointSlice": _slice,
}  # fmt: skip
