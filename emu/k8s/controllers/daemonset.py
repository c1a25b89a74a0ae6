"""DaemonSets: a pod on every node that it selects and tolerates (pkg/controller/daemon)."""

from __future__ import annotations

from dataclasses import replace

from emu.k8s.controllers.base import Controller, Pods, alive
from emu.k8s.controllers.deployment import part_of, template_hash
from emu.k8s.objects import DaemonSet, Node, Pod, PodSpec, PodTemplate, Toleration
from emu.k8s.scheduler import fits

HASH_LABEL = "controller-revision-hash"
# What the controller lets every daemon pod tolerate, so that networks come up on nodes that are not ready (AddOrUpdateDaemonPodTolerations).
TOLERATED = tuple(
    Toleration(f"node.kubernetes.io/{key}", "Exists", "", effect)
    for key, effect in (
        ("not-ready", "NoExecute"), ("unreachable", "NoExecute"), ("disk-pressure", "NoSchedule"), ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"), ("unschedulable", "NoSchedule"), ("not-ready", "NoSchedule"), ("network-unavailable", "NoSchedule"),
    )
)  # fmt: skip


class DaemonSetController(Controller):
    """Makes the missing pods, removes those of nodes that no longer fit, and rolls to a new template node by node."""

    kind = "DaemonSet"

    def __init__(self, control_plane: Pods) -> None:
        super().__init__(control_plane)
        self.api.watch("Node", self._on_node)

    def _on_node(self, event: str, node: Node) -> None:
        for key in self.api.all("DaemonSet"):
            self.enqueue(key)

    def sync(self, owner: DaemonSet) -> None:
        """One pod per node."""
        revision = template_hash(owner.template)
        template = PodTemplate(_tolerant(owner.template.spec), {**owner.template.labels, HASH_LABEL: revision}, owner.template.annotations)
        by_node: dict[str, list[Pod]] = {}
        for pod in self.pods_of(owner):
            if pod.phase in ("Succeeded", "Failed"):
                self.remove(pod)
            by_node.setdefault(pod.node, []).append(pod)
        only = template.spec.node_name
        wanted = [node for node in self.api.nodes.values() if only in ("", node.name) and fits(Pod("", owner.namespace, node.name, template.spec), node)]
        names = {node.name: None for node in wanted}
        for name, pods in by_node.items():
            for pod in pods if name not in names else alive(pods)[1:]:
                self.remove(pod)
        for node in wanted:
            if not by_node.get(node.name):
                self.make_pod(owner, template, self.new_name(owner), node.name)
        if not owner.on_delete:
            self._roll(owner, revision, wanted, by_node)

    def _roll(self, owner: DaemonSet, revision: str, wanted: list[Node], by_node: dict[str, list[Pod]]) -> None:
        """Old pods go as long as no more than maxUnavailable nodes are without a ready one. (maxSurge is taken as one more of those.)"""
        most = max(1, part_of(owner.max_unavailable, len(wanted), up=True))
        unavailable = sum(not any(pod.ready and pod.deletion_ns is None for pod in by_node.get(node.name, ())) for node in wanted)
        for node in wanted:
            for pod in alive(by_node.get(node.name, [])):
                if pod.labels.get(HASH_LABEL) != revision and (unavailable < most or not pod.ready):
                    unavailable += pod.ready
                    self.remove(pod)


def _tolerant(spec: PodSpec) -> PodSpec:
    return replace(spec, tolerations=(*spec.tolerations, *TOLERATED))
