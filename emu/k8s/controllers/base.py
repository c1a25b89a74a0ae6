"""What the workload controllers share: a queue of owners to look at, and making and removing pods."""

from __future__ import annotations

from typing import Any, Protocol

from emu.k8s.api import DELETED, Api
from emu.k8s.objects import Pod, PodTemplate

Key = tuple[str, str]
SUFFIX = "bcdfghjklmnpqrstvwxz2456789"  # what Kubernetes makes random names of: no vowels, so no words


class Pods(Protocol):
    """The control plane, as far as controllers need it."""

    api: Api

    def create_pod(self, pod: Pod) -> None: ...

    def delete_pod(self, pod: Pod, grace_seconds: float = 0.0) -> None: ...


class Controller:
    """Syncs an object of `kind` after it or one of its pods changed. Derived classes have `sync(owner)`, called for objects that are there."""

    kind = ""

    def __init__(self, control_plane: Pods) -> None:
        self.control_plane = control_plane
        self.api = control_plane.api
        self._random = self.api.sim.stream(f"names/{self.kind}")
        self._owned: dict[Key, dict[Key, Pod]] = {}
        self._due: dict[Key, None] = {}
        self.api.watch("Pod", self._on_pod)
        self.api.watch(self.kind, self._on_owner)

    def sync(self, owner: Any) -> None:
        """Make what is there what is wanted."""
        raise NotImplementedError

    # -- what changed -------------------------------------------------------------------------------------------------------------

    def _on_owner(self, event: str, owner: Any) -> None:
        key = (owner.namespace, owner.name)
        if event == DELETED:
            for pod in list(self._owned.get(key, {}).values()):
                self.remove(pod)  # the garbage collector: what it owned goes with it
        else:
            self.enqueue(key)

    def _on_pod(self, event: str, pod: Pod) -> None:
        if pod.owner is None or pod.owner[0] != self.kind:
            return
        key = (pod.namespace, pod.owner[1])
        owned = self._owned.setdefault(key, {})
        if event == DELETED:
            owned.pop((pod.namespace, pod.name), None)
        else:
            owned[pod.namespace, pod.name] = pod
        self.enqueue(key)

    def enqueue(self, key: Key) -> None:
        """Have an object looked at; several requests make one."""
        if key not in self._due:
            self._due[key] = None
            self.api.call_later(self.api.delays.controllers, self._sync, key)

    def enqueue_at(self, key: Key, delay_ns: int) -> None:
        """Have it looked at when some time has passed."""
        self.api.sim.call_later(max(1, delay_ns), self.enqueue, key)

    def _sync(self, key: Key) -> None:
        self._due.pop(key, None)
        owner = self.api.get(self.kind, key[1], key[0])
        if owner is not None:
            self.sync(owner)

    # -- pods ---------------------------------------------------------------------------------------------------------------------

    def pods_of(self, owner: Any) -> list[Pod]:
        """Its pods, terminating ones too, oldest first."""
        return list(self._owned.get((owner.namespace, owner.name), {}).values())

    def new_name(self, owner: Any) -> str:
        """A name no pod of the namespace has: the owner's and five random letters."""
        while True:
            name: str = owner.name[:57] + "-" + "".join(self._random.choice(SUFFIX) for _ in range(5))
            if self.api.get("Pod", name, owner.namespace) is None:
                return name

    def make_pod(self, owner: Any, template: PodTemplate, name: str, node: str = "", labels: dict[str, str] | None = None) -> Pod:
        """Create a pod from a template."""
        pod = Pod(
            name,
            owner.namespace,
            node or template.spec.node_name,
            template.spec,
            {**template.labels, **(labels or {})},
            annotations=dict(template.annotations),
            owner=(self.kind, owner.name),
        )
        self.control_plane.create_pod(pod)
        return pod

    def remove(self, pod: Pod) -> None:
        """Delete a pod with the grace it asks for."""
        if pod.deletion_ns is None:
            self.control_plane.delete_pod(pod, pod.spec.grace_seconds)


def alive(pods: list[Pod]) -> list[Pod]:
    """Those that run or will: not terminating, not ended."""
    return [pod for pod in pods if pod.deletion_ns is None and pod.phase not in ("Succeeded", "Failed")]


def available(pod: Pod, min_ready_ns: int, now: int) -> bool:
    """Whether it has been ready for long enough (podutil.IsPodAvailable)."""
    return pod.ready and pod.deletion_ns is None and (not min_ready_ns or (pod.ready_ns is not None and now - pod.ready_ns >= min_ready_ns))


def to_delete_first(pod: Pod) -> tuple[bool, bool, bool, int]:
    """The order in which a ReplicaSet that has too many removes pods (controller.ActivePods): unbound, pending, not ready, youngest."""
    return bool(pod.node), pod.phase == "Running", pod.ready, -pod.created_ns
