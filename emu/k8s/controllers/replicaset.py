"""ReplicaSets: a number of pods of one template (pkg/controller/replicaset)."""

from __future__ import annotations

from emu.k8s.controllers.base import Controller, alive, to_delete_first
from emu.k8s.objects import ReplicaSet


class ReplicaSetController(Controller):
    """Creates what is missing, removes what is too much: first what serves least."""

    kind = "ReplicaSet"

    def sync(self, owner: ReplicaSet) -> None:
        """Make the number of pods the one that is wanted."""
        pods = alive(self.pods_of(owner))
        for _ in range(owner.replicas - len(pods)):
            self.make_pod(owner, owner.template, self.new_name(owner))
        if len(pods) > owner.replicas:
            for pod in sorted(pods, key=to_delete_first)[: len(pods) - owner.replicas]:
                self.remove(pod)
