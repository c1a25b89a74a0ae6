"""The scheduler: binds pods to nodes (pkg/scheduler, its filters that matter to networking and a simple spread).

Filters: spec.nodeSelector, taints, cordoned and not ready nodes, the limit of pods on a node, host ports. Among the nodes that are left, the one with the
fewest pods of the same owner, then in the zone with the fewest of them, then with the fewest pods of all, then by order.
"""

from __future__ import annotations

from emu.k8s.api import ADDED, DELETED, Api
from emu.k8s.objects import LABEL_ZONE, Node, Pod, Taint

UNSCHEDULABLE = Taint("node.kubernetes.io/unschedulable")
NOT_READY = Taint("node.kubernetes.io/not-ready")

Key = tuple[str, str]
Group = tuple[str, tuple[str, str] | None]


class Scheduler:
    """Pods that fit nowhere wait, and are tried again when a node changes or a pod goes."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._waiting: dict[Key, None] = {}
        self._bound: dict[Key, tuple[str, Group]] = {}  # pod -> its node and the pods it is to be spread among
        self._count: dict[str, int] = {}  # node -> pods
        self._groups: dict[tuple[str, Group], int] = {}  # (node, group) -> pods
        self._host_ports: dict[str, dict[tuple[str, int], str]] = {}  # node -> (protocol, port) -> pod
        api.watch("Node", self._on_node)
        api.watch("Pod", self._on_pod)

    def _on_node(self, event: str, node: Node) -> None:
        for key in list(self._waiting):
            self._soon(key)

    def _on_pod(self, event: str, pod: Pod) -> None:
        key = (pod.namespace, pod.name)
        if event == DELETED:
            self._waiting.pop(key, None)
            if key in self._bound:
                self._release(key, pod)
                for waiting in list(self._waiting):
                    self._soon(waiting)
        elif pod.node:
            if key not in self._bound:
                self._account(key, pod)
        elif event == ADDED or key not in self._waiting:
            self._waiting[key] = None
            self._soon(key)

    def _soon(self, key: Key) -> None:
        self.api.call_later(self.api.delays.scheduler, self._schedule, key)

    def _schedule(self, key: Key) -> None:
        pod = self.api.pods.get(key)
        if pod is None or pod.node or key not in self._waiting or pod.deletion_ns is not None:
            return
        node, why = self._choose(pod)
        if node is None:
            if pod.message != why:
                pod.message = why
                self.api.update(pod)
            return
        del self._waiting[key]
        pod.node, pod.message = node.name, ""
        self._account(key, pod)
        self.api.update(pod)

    # -- choosing -----------------------------------------------------------------------------------------------------------------

    def _choose(self, pod: Pod) -> tuple[Node | None, str]:
        complaints: dict[str, int] = {}
        fitting: list[Node] = []
        for node in self.api.nodes.values():
            complaint = self._complaint(pod, node)
            if complaint:
                complaints[complaint] = complaints.get(complaint, 0) + 1
            else:
                fitting.append(node)
        if not fitting:
            reasons = ", ".join(f"{count} {text}" for text, count in sorted(complaints.items())) or "no nodes available to schedule pods"
            return None, f"0/{len(self.api.nodes)} nodes are available: {reasons}."
        group = _group(pod)
        zones: dict[str, int] = {}
        for node in self.api.nodes.values():
            zone = node.labels.get(LABEL_ZONE, "")
            zones[zone] = zones.get(zone, 0) + self._groups.get((node.name, group), 0)
        return min(fitting, key=lambda node: self._score(node, group, zones, pod)), ""

    def _score(self, node: Node, group: Group, zones: dict[str, int], pod: Pod) -> tuple[int, int, int, int]:
        avoided = sum(taint.effect == "PreferNoSchedule" and not _tolerated(pod, taint) for taint in node.taints)
        return avoided, self._groups.get((node.name, group), 0), zones[node.labels.get(LABEL_ZONE, "")], self._count.get(node.name, 0)

    def _complaint(self, pod: Pod, node: Node) -> str:
        """Why a pod cannot run on a node, in the scheduler's words; empty if it can."""
        spec = pod.spec
        if node.unschedulable and not _tolerated(pod, UNSCHEDULABLE):
            return "node(s) were unschedulable"
        taints = (*node.taints, *(() if node.ready else (NOT_READY,)))
        for taint in taints:
            if taint.effect in ("NoSchedule", "NoExecute") and not _tolerated(pod, taint):
                return f"node(s) had untolerated taint {{{taint.key}: {taint.value}}}"
        if any(node.labels.get(key) != value for key, value in spec.node_selector.items()):
            return "node(s) didn't match Pod's node affinity/selector"
        if self._count.get(node.name, 0) >= node.max_pods:
            return "Too many pods"
        taken = self._host_ports.get(node.name, {})
        if any(port in taken for port in _host_ports(pod)):
            return "node(s) didn't have free ports for the requested pod ports"
        return ""

    # -- keeping count ------------------------------------------------------------------------------------------------------------

    def _account(self, key: Key, pod: Pod) -> None:
        group = _group(pod)
        self._waiting.pop(key, None)
        self._bound[key] = pod.node, group
        self._count[pod.node] = self._count.get(pod.node, 0) + 1
        self._groups[pod.node, group] = self._groups.get((pod.node, group), 0) + 1
        for port in _host_ports(pod):
            self._host_ports.setdefault(pod.node, {})[port] = pod.uid

    def _release(self, key: Key, pod: Pod) -> None:
        node, group = self._bound.pop(key)
        self._count[node] -= 1
        self._groups[node, group] -= 1
        taken = self._host_ports.get(node, {})
        for port in _host_ports(pod):
            if taken.get(port) == pod.uid:
                del taken[port]


def _group(pod: Pod) -> Group:
    return pod.namespace, pod.owner


def _tolerated(pod: Pod, taint: Taint) -> bool:
    return any(toleration.tolerates(taint) for toleration in pod.spec.tolerations)


def fits(pod: Pod, node: Node) -> bool:
    """Whether a DaemonSet's pod belongs on a node: its selector matches, and it tolerates what there is (a cordoned node is no matter)."""
    return all(node.labels.get(key) == value for key, value in pod.spec.node_selector.items()) and all(
        taint.effect == "PreferNoSchedule" or _tolerated(pod, taint) for taint in node.taints
    )


def _host_ports(pod: Pod) -> list[tuple[str, int]]:
    ports = [(port.protocol, port.host_port or (port.container_port if pod.spec.host_network else 0)) for each in pod.spec.containers for port in each.ports]
    return [port for port in ports if port[1]]
