"""From API objects back to manifests, as `kubectl get -o yaml` shows them: what was given, what was filled in, and the status."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

from emu.k8s.api import Api
from emu.k8s.manifest.decode import KINDS
from emu.k8s.objects import (
    Container,
    Endpoint,
    EndpointSlice,
    Ingress,
    LabelSelector,
    Namespace,
    NetworkPolicy,
    Node,
    Pod,
    PodSpec,
    Probe,
    Service,
)
from emu.k8s.owned import pods_of

EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
EPOCH_S = round(EPOCH.timestamp())

Value = dict[str, Any]


def timestamp(ns: int) -> str:
    """Virtual time as RFC 3339."""
    return datetime.fromtimestamp(EPOCH_S + ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def encode(thing: Any, api: Api) -> Value:
    """The object as a manifest."""
    value: Value = copy.deepcopy(thing.manifest) if thing.manifest is not None else {}
    value = {"apiVersion": KINDS[thing.kind][0], "kind": thing.kind, **{key: each for key, each in value.items() if key not in ("apiVersion", "kind")}}
    metadata = value.setdefault("metadata", {})
    metadata["name"] = thing.name
    if thing.namespace:
        metadata["namespace"] = thing.namespace
    if thing.labels:
        metadata["labels"] = dict(thing.labels)
    if thing.annotations:
        metadata["annotations"] = dict(thing.annotations)
    if thing.uid:
        metadata["uid"] = thing.uid
    metadata["creationTimestamp"] = timestamp(thing.created_ns)
    if thing.owner is not None:
        kind, name = thing.owner
        version = KINDS[kind][0] if kind in KINDS else "v1"
        metadata["ownerReferences"] = [{"apiVersion": version, "kind": kind, "name": name, "controller": True}]
    fill = _FILL.get(thing.kind)
    if fill is not None:
        fill(value, thing, api)
    return value


def _pod(value: Value, pod: Pod, api: Api) -> None:
    spec = value.setdefault("spec", {})
    if "containers" not in spec:
        spec.update(pod_spec(pod.spec))
    if pod.node:
        spec["nodeName"] = pod.node
    if pod.deletion_ns is not None:
        value["metadata"]["deletionTimestamp"] = timestamp(pod.deletion_ns + round(pod.deletion_seconds * 1e9))
    node = api.nodes.get(("", pod.node))
    conditions = [
        {"type": "PodScheduled", "status": "True" if pod.node else "False", **({"message": pod.message} if pod.message and not pod.node else {})},
        {"type": "Ready", "status": "True" if pod.ready else "False"},
    ]
    status: Value = {"phase": pod.phase, "conditions": conditions}
    if pod.ip:
        status["podIP"], status["podIPs"] = pod.ip, [{"ip": pod.ip}]
    if node is not None:
        status["hostIP"] = node.ip
    inits = {container.name: None for container in pod.spec.init_containers}
    for field, which in (("initContainerStatuses", True), ("containerStatuses", False)):
        found = [_status(name, each, pod) for name, each in pod.statuses.items() if (name in inits) == which]
        if found:
            status[field] = found
    value["status"] = status


def _status(name: str, status: Any, pod: Pod) -> Value:
    image = next((each.image for each in (*pod.spec.containers, *pod.spec.init_containers) if each.name == name), "")
    state: Value = {"reason": status.reason} if status.reason else {}
    if status.state == "terminated":
        state["exitCode"] = status.exit_code
    if status.message:
        state["message"] = status.message
    return {"name": name, "image": image, "ready": status.ready, "restartCount": status.restarts, "state": {status.state: state}}


def pod_spec(spec: PodSpec) -> Value:
    """A PodSpec as a manifest has it."""
    value: Value = {"containers": [_container(each) for each in spec.containers]}
    if spec.init_containers:
        value["initContainers"] = [_container(each) for each in spec.init_containers]
    for name, given, usual in (
        ("hostNetwork", spec.host_network, False), ("nodeSelector", spec.node_selector, {}), ("hostname", spec.hostname, ""),
        ("subdomain", spec.subdomain, ""), ("dnsPolicy", spec.dns_policy, "ClusterFirst"), ("restartPolicy", spec.restart_policy, "Always"),
        ("terminationGracePeriodSeconds", round(spec.grace_seconds), 30),
    ):  # fmt: skip
        if given != usual:
            value[name] = given
    if spec.tolerations:
        value["tolerations"] = [
            _trim({"key": each.key, "operator": each.operator, "value": each.value, "effect": each.effect}) for each in spec.tolerations
        ]  # fmt: skip
    return value


def _container(container: Container) -> Value:
    ports = [
        _trim({"name": port.name, "containerPort": port.container_port, "protocol": port.protocol, "hostPort": port.host_port, "hostIP": port.host_ip})
        for port in container.ports
    ]
    value = _trim({"name": container.name, "image": container.image, "command": list(container.command), "args": list(container.args), "ports": ports})
    if container.env:
        value["env"] = [{"name": name, "value": text} for name, text in container.env.items()]
    for name, probe in (("readinessProbe", container.readiness), ("livenessProbe", container.liveness), ("startupProbe", container.startup)):
        if probe is not None:
            value[name] = _probe(probe)
    return value


def _probe(probe: Probe) -> Value:
    if probe.exec:
        handler: Value = {"exec": {}}
    elif probe.path is None:
        handler = {"tcpSocket": {"port": probe.port}}
    else:
        handler = {"httpGet": {"path": probe.path, "port": probe.port}}
    return {**handler, "periodSeconds": round(probe.period_seconds), "failureThreshold": probe.failure_threshold}


def _service(value: Value, service: Service, api: Api) -> None:
    spec = value.setdefault("spec", {})
    spec["type"] = service.type
    if service.selector:
        spec["selector"] = dict(service.selector)
    if service.cluster_ip:
        spec["clusterIP"], spec["clusterIPs"] = service.cluster_ip, [service.cluster_ip]
    if service.ports:
        spec["ports"] = [
            _trim({"name": port.name, "port": port.port, "protocol": port.protocol, "targetPort": port.target_port or port.port, "nodePort": port.node_port})
            for port in service.ports
        ]
    if service.type == "ExternalName":
        spec["externalName"] = service.external_name
    else:
        spec["sessionAffinity"] = "ClientIP" if service.session_affinity_seconds else "None"
        spec["internalTrafficPolicy"] = service.internal_traffic_policy
    if service.type in ("NodePort", "LoadBalancer"):
        spec["externalTrafficPolicy"] = service.external_traffic_policy
    if service.health_check_node_port:
        spec["healthCheckNodePort"] = service.health_check_node_port
    if service.external_ips:
        spec["externalIPs"] = list(service.external_ips)
    value["status"] = {"loadBalancer": {"ingress": [{"ip": ip, "ipMode": "VIP"} for ip in service.lb_ips]} if service.lb_ips else {}}


def _slice(value: Value, piece: EndpointSlice, api: Api) -> None:
    value["addressType"] = "IPv4"
    value["ports"] = [{"name": port.name, "port": port.port, "protocol": port.protocol} for port in piece.ports]
    value["endpoints"] = [_endpoint(endpoint) for endpoint in piece.endpoints]


def _endpoint(endpoint: Endpoint) -> Value:
    value: Value = {
        "addresses": [endpoint.address],
        "conditions": {"ready": endpoint.ready, "serving": endpoint.serving, "terminating": endpoint.terminating},
    }
    hints = _trim({"forZones": [{"name": zone} for zone in endpoint.hints_zones], "forNodes": [{"name": node} for node in endpoint.hints_nodes]})
    value.update(_trim({"nodeName": endpoint.node, "zone": endpoint.zone, "hostname": endpoint.hostname, "hints": hints}))
    if endpoint.target:
        namespace, _, name = endpoint.target.partition("/")
        value["targetRef"] = {"kind": "Pod", "namespace": namespace, "name": name}
    return value


def _node(value: Value, node: Node, api: Api) -> None:
    spec = value.setdefault("spec", {})
    spec["podCIDR"] = node.pod_cidr
    if node.unschedulable:
        spec["unschedulable"] = True
    if node.taints:
        spec["taints"] = [_trim({"key": taint.key, "value": taint.value, "effect": taint.effect}) for taint in node.taints]
    value["status"] = {
        "addresses": [{"type": "InternalIP", "address": node.ip}, {"type": "Hostname", "address": node.name}],
        "conditions": [{"type": "Ready", "status": "True" if node.ready else "False"}],
    }


def _workload(value: Value, thing: Any, api: Api) -> None:
    spec = value.setdefault("spec", {})
    if hasattr(thing, "replicas"):
        spec["replicas"] = thing.replicas
    if hasattr(thing, "selector"):
        spec["selector"] = selector(thing.selector)
    if "template" not in spec:
        spec["template"] = {"metadata": {"labels": dict(thing.template.labels)}, "spec": pod_spec(thing.template.spec)}
    if thing.kind == "Job":
        value["status"] = _trim({"succeeded": thing.succeeded, "failed": thing.failed})
        return
    pods = pods_of(thing, api)
    ready = sum(pod.ready for pod in pods)
    if thing.kind == "DaemonSet":
        value["status"] = {"currentNumberScheduled": len(pods), "desiredNumberScheduled": len(pods), "numberReady": ready}
    else:
        value["status"] = _trim({"replicas": len(pods), "readyReplicas": ready, "availableReplicas": ready})


def _ingress(value: Value, ingress: Ingress, api: Api) -> None:
    value["status"] = {"loadBalancer": {"ingress": [{"ip": ip} for ip in ingress.lb_ips]} if ingress.lb_ips else {}}


def _policy(value: Value, policy: NetworkPolicy, api: Api) -> None:
    value.setdefault("spec", {})["policyTypes"] = list(policy.types)


def _namespace(value: Value, namespace: Namespace, api: Api) -> None:
    value["status"] = {"phase": "Active"}


def selector(given: LabelSelector) -> Value:
    """A LabelSelector as a manifest has it."""
    expressions = [_trim({"key": each.key, "operator": each.operator, "values": list(each.values)}) for each in given.match_expressions]
    return _trim({"matchLabels": dict(given.match_labels), "matchExpressions": expressions})


def _trim(value: Value) -> Value:
    """Without what is empty."""
    return {key: each for key, each in value.items() if each not in ("", 0, [], {}, None)}


_FILL: dict[str, Any] = {
    "Pod": _pod, "Service": _service, "EndpointSlice": _slice, "Node": _node, "Ingress": _ingress, "NetworkPolicy": _policy, "Namespace": _namespace,
    **dict.fromkeys(("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"), _workload),
}  # fmt: skip
