"""Jobs: pods that run to their end (pkg/controller/job)."""

from __future__ import annotations

from emu.k8s.controllers.base import Controller, alive
from emu.k8s.objects import Job


class JobController(Controller):
    """Keeps `parallelism` pods running until `completions` have succeeded, or more than `backoff_limit` have failed."""

    kind = "Job"

    def sync(self, owner: Job) -> None:
        """Count what has ended, start what is missing."""
        pods = self.pods_of(owner)
        running = alive(pods)
        owner.succeeded = sum(pod.phase == "Succeeded" for pod in pods)
        owner.failed = sum(pod.phase == "Failed" for pod in pods)
        if owner.suspend or self.failed(owner):
            for pod in running:
                self.remove(pod)
            return
        if owner.completions is None:
            wanted = owner.parallelism if not owner.succeeded else len(running)
        else:
            wanted = min(owner.parallelism, owner.completions - owner.succeeded)
        for _ in range(wanted - len(running)):
            self.make_pod(owner, owner.template, self.new_name(owner))
        for pod in running[max(wanted, 0) :]:
            self.remove(pod)

    @staticmethod
    def complete(owner: Job) -> bool:
        """Whether it has succeeded."""
        return owner.succeeded >= (owner.completions if owner.completions is not None else 1)

    @staticmethod
    def failed(owner: Job) -> bool:
        """Whether it has given up."""
        return owner.failed > owner.backoff_limit
