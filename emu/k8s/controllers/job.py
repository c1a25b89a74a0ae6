"""Jobs: pods that run to their end (pkg/controller/job)."""

from __future__ import annotations

from emu.k8s.controllers.base import Controller, Pods, alive
from emu.k8s.objects import Job
from emu.sim import NS_PER_S

# DefaultJobPodFailureBackOff, MaxJobPodFailureBackOff
FIRST_BACKOFF_NS, LAST_BACKOFF_NS = 10 * NS_PER_S, 600 * NS_PER_S


class JobController(Controller):
    """Keeps `parallelism` pods running until `completions` have succeeded, or more than `backoff_limit` have failed.

    After a failure the next pod waits: 10 s, and twice as long each time.
    """

    kind = "Job"

    def __init__(self, control_plane: Pods) -> None:
        super().__init__(control_plane)
        self._failures: dict[str, tuple[int, int]] = {}  # a Job's uid -> how many of its pods had failed, when that was seen

    def _wait_ns(self, owner: Job) -> int:
        """How long to wait before the next pod, because of failures."""
        if not owner.failed:
            self._failures.pop(owner.uid, None)
            return 0
        now = self.api.sim.now
        seen, at = self._failures.get(owner.uid, (0, 0))
        if owner.failed > seen:
            at = now
            self._failures[owner.uid] = owner.failed, at
        wait: int = at + min(FIRST_BACKOFF_NS << min(owner.failed - 1, 20), LAST_BACKOFF_NS) - now
        return wait

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
        wait = self._wait_ns(owner)
        if wanted > len(running) and wait > 0:
            self.enqueue_at((owner.namespace, owner.name), wait)
            return
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
