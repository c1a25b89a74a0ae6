"""StatefulSets: pods with names that stay, made and removed in order (pkg/controller/statefulset)."""

from __future__ import annotations

from dataclasses import replace

from emu.k8s.controllers.base import Controller
from emu.k8s.controllers.deployment import template_hash
from emu.k8s.objects import Pod, PodTemplate, StatefulSet

HASH_LABEL = "controller-revision-hash"
POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
INDEX_LABEL = "apps.kubernetes.io/pod-index"


class StatefulSetController(Controller):
    """Ordinal by ordinal: the next one starts when the one before is ready; the highest goes first."""

    kind = "StatefulSet"

    def sync(self, owner: StatefulSet) -> None:
        """One step."""
        pods = {pod.name: pod for pod in self.pods_of(owner)}
        revision = template_hash(owner.template)
        wanted = {f"{owner.name}-{number}": number for number in range(owner.first_ordinal, owner.first_ordinal + owner.replicas)}
        for name, number in wanted.items():
            pod = pods.get(name)
            if pod is None:
                self._create(owner, name, number, revision)
                if not owner.parallel:
                    return
            elif pod.phase in ("Succeeded", "Failed"):
                self.remove(pod)
                if not owner.parallel:
                    return
            elif not owner.parallel and (pod.deletion_ns is not None or not pod.ready):
                return
        if self._scale_down(owner, pods, wanted):
            return
        if not owner.on_delete:
            self._roll(owner, pods, wanted, revision)

    def _create(self, owner: StatefulSet, name: str, number: int, revision: str) -> None:
        # Its pods are called by their own names, in the domain of the governing Service.
        spec = replace(owner.template.spec, hostname=name, subdomain=owner.service_name)
        template = PodTemplate(spec, owner.template.labels, owner.template.annotations)
        self.make_pod(owner, template, name, labels={HASH_LABEL: revision, POD_NAME_LABEL: name, INDEX_LABEL: str(number)})

    def _scale_down(self, owner: StatefulSet, pods: dict[str, Pod], wanted: dict[str, int]) -> bool:
        """The highest ordinal first, one at a time. Whether anything is still to go."""
        surplus = sorted((pod for name, pod in pods.items() if name not in wanted), key=lambda pod: int(pod.name.rpartition("-")[2]), reverse=True)
        for pod in surplus:
            self.remove(pod)
            if not owner.parallel:
                return True
        return bool(surplus)

    def _roll(self, owner: StatefulSet, pods: dict[str, Pod], wanted: dict[str, int], revision: str) -> None:
        for name in reversed(wanted):
            pod = pods.get(name)
            if pod is None or pod.deletion_ns is not None or not pod.ready:
                return
            if wanted[name] - owner.first_ordinal >= owner.partition and pod.labels.get(HASH_LABEL) != revision:
                self.remove(pod)
                return
