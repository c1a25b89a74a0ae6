"""Deployments: a ReplicaSet for each version of the template, and the roll from one to the next (pkg/controller/deployment, rolling.go)."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from emu.k8s.api import DELETED
from emu.k8s.controllers.base import SUFFIX, Controller, Key, Pods, alive, available
from emu.k8s.controllers.replicaset import ReplicaSetController
from emu.k8s.objects import Deployment, LabelSelector, Pod, PodTemplate, ReplicaSet
from emu.sim import NS_PER_S

HASH_LABEL = "pod-template-hash"


def template_hash(template: PodTemplate) -> str:
    """Ten letters that differ between templates. (The API server's hash is of Go structures; only that it names versions matters.)"""
    spec = template.spec
    parts = [template.labels, template.annotations, replace(spec, containers=(), init_containers=())]
    parts += [replace(container, program=None) for container in (*spec.init_containers, *spec.containers)]
    digest = hashlib.sha256("\n".join(repr(part) for part in parts).encode()).digest()
    return "".join(SUFFIX[byte % len(SUFFIX)] for byte in digest[:10])


def part_of(value: int | str, whole: int, up: bool) -> int:
    """A number, or a percentage of `whole` rounded up or down."""
    if isinstance(value, int):
        return value
    percent = int(value[:-1]) * whole
    return -(-percent // 100) if up else percent // 100


class DeploymentController(Controller):
    """Keeps one ReplicaSet per template; scales the new one up and the old ones down within maxSurge and maxUnavailable."""

    kind = "Deployment"

    def __init__(self, control_plane: Pods, replica_sets: ReplicaSetController) -> None:
        self._pods = replica_sets.pods_of
        self._sets: dict[Key, dict[str, ReplicaSet]] = {}  # Deployment -> its ReplicaSets by name, oldest first
        super().__init__(control_plane)
        self.api.watch("ReplicaSet", self._on_set)

    def _on_set(self, event: str, piece: ReplicaSet) -> None:
        if piece.owner is None or piece.owner[0] != self.kind:
            return
        key = (piece.namespace, piece.owner[1])
        sets = self._sets.setdefault(key, {})
        if event == DELETED:
            sets.pop(piece.name, None)
        else:
            sets[piece.name] = piece
        self.enqueue(key)

    def _on_owner(self, event: str, owner: Deployment) -> None:
        super()._on_owner(event, owner)
        if event == DELETED:
            for piece in list(self._sets.pop((owner.namespace, owner.name), {}).values()):
                self.api.delete(piece)

    def _on_pod(self, event: str, pod: Pod) -> None:
        """A Deployment's pods belong to its ReplicaSets; their changes make it look again."""
        if pod.owner is not None and pod.owner[0] == "ReplicaSet":
            piece = self.api.get("ReplicaSet", pod.owner[1], pod.namespace)
            if piece is not None and piece.owner is not None and piece.owner[0] == self.kind:
                self.enqueue((piece.namespace, piece.owner[1]))

    # -- rolling ------------------------------------------------------------------------------------------------------------------

    def sync(self, owner: Deployment) -> None:
        """One step towards the wanted template and number."""
        sets = self._sets.setdefault((owner.namespace, owner.name), {})
        name = f"{owner.name}-{template_hash(owner.template)}"
        old = [piece for piece in sets.values() if piece.name != name]
        current = sets.get(name)
        if current is None:
            if owner.paused:
                return
            if owner.strategy == "Recreate" and self._scale_to_zero(old):
                return
            current = self._new_set(owner, name)
        if owner.strategy == "Recreate":
            if not self._scale_to_zero(old):
                self._scale(current, owner.replicas)
        else:
            self._roll(owner, current, old)

    def _new_set(self, owner: Deployment, name: str) -> ReplicaSet:
        hashed = name.rpartition("-")[2]
        labels = {**owner.template.labels, HASH_LABEL: hashed}
        template = PodTemplate(owner.template.spec, labels, owner.template.annotations)
        selector = LabelSelector({**owner.selector.match_labels, HASH_LABEL: hashed}, owner.selector.match_expressions)
        piece = ReplicaSet(
            name, owner.namespace, selector, template, 0, dict(labels), owner.min_ready_seconds, owner=(self.kind, owner.name), created_ns=self.api.sim.now
        )
        self.api.create(piece)
        return piece

    def _scale(self, piece: ReplicaSet, replicas: int) -> None:
        if piece.replicas != replicas:
            piece.replicas = replicas
            self.api.update(piece)

    def _scale_to_zero(self, sets: list[ReplicaSet]) -> bool:
        """Recreate: nothing new before all of the old is gone. Whether there is still something."""
        for piece in sets:
            self._scale(piece, 0)
        return any(self._pods(piece) for piece in sets)

    def _roll(self, owner: Deployment, current: ReplicaSet, old: list[ReplicaSet]) -> None:
        surge = part_of(owner.max_surge, owner.replicas, up=True)
        unavailable = min(part_of(owner.max_unavailable, owner.replicas, up=False), owner.replicas)
        if not surge and not unavailable:
            unavailable = 1  # both came to 0 by rounding: then the roll could never begin (ResolveFenceposts)
        total = current.replicas + sum(piece.replicas for piece in old)
        room = owner.replicas + surge - total
        if current.replicas > owner.replicas:
            self._scale(current, owner.replicas)
        elif current.replicas < owner.replicas and room > 0:
            self._scale(current, min(owner.replicas, current.replicas + room))
        if not any(piece.replicas for piece in old):
            self._look_again(owner)
            return
        self._scale_down(owner, current, old, unavailable)

    def _scale_down(self, owner: Deployment, current: ReplicaSet, old: list[ReplicaSet], unavailable: int) -> None:
        now, min_ready = self.api.sim.now, round(owner.min_ready_seconds * NS_PER_S)
        # What a ReplicaSet was told to remove is there for a moment longer, and serves nobody that can be counted on.
        ready = {piece.name: min(piece.replicas, self._available(piece, min_ready, now)) for piece in (current, *old)}
        least = owner.replicas - unavailable
        total = current.replicas + sum(piece.replicas for piece in old)
        most = total - least - (current.replicas - ready[current.name])
        if most <= 0:
            self._look_again(owner)
            return
        for piece in old:  # what is not available may go first, it serves nobody (cleanupUnhealthyReplicas)
            gone = min(piece.replicas - ready[piece.name], most)
            if gone:
                self._scale(piece, piece.replicas - gone)
                most -= gone
        spare = sum(ready.values()) - least
        for piece in old:
            gone = min(piece.replicas, max(0, spare))
            if gone:
                self._scale(piece, piece.replicas - gone)
                spare -= gone
        self._look_again(owner)

    def _look_again(self, owner: Deployment) -> None:
        """A pod that is ready but not yet available changes nothing in the API when it becomes so."""
        if owner.min_ready_seconds and not self.complete(owner):
            self.enqueue_at((owner.namespace, owner.name), NS_PER_S)

    def _available(self, piece: ReplicaSet, min_ready_ns: int, now: int) -> int:
        return sum(available(pod, min_ready_ns, now) for pod in self._pods(piece))

    # -- reading ------------------------------------------------------------------------------------------------------------------

    def current_set(self, owner: Deployment) -> ReplicaSet | None:
        """The ReplicaSet of the wanted template."""
        return self._sets.get((owner.namespace, owner.name), {}).get(f"{owner.name}-{template_hash(owner.template)}")

    def complete(self, owner: Deployment) -> bool:
        """Whether the roll is over: all pods are new and available, no old one is left."""
        current = self.current_set(owner)
        if current is None:
            return False
        now, min_ready = self.api.sim.now, round(owner.min_ready_seconds * NS_PER_S)
        others = [piece for piece in self._sets[owner.namespace, owner.name].values() if piece is not current]
        return self._available(current, min_ready, now) == owner.replicas and not any(alive(self._pods(piece)) for piece in others)
