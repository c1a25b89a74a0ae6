"""A running container: a program on the pod's namespace, which can fail, stop and start again without the network noticing."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from emu.aio.loop import Loop
from emu.aio.process import Process, spawn
from emu.k8s.objects import Container, Pod

Program = Callable[["RunningContainer"], Coroutine[Any, Any, object]]


class RunningContainer:
    """One container of one pod. `healthy` is what its program answers on its readiness path; `process` is None while it does not run."""

    __slots__ = ("healthy", "loop", "netns", "pod", "process", "ready", "restarts", "spec")

    def __init__(self, spec: Container, pod: Pod, netns: Any, loop: Loop) -> None:
        self.spec = spec
        self.pod = pod
        self.netns = netns
        self.loop = loop
        self.healthy = True
        self.ready = False
        self.restarts = 0
        self.process: Process | None = None

    @property
    def hostname(self) -> str:
        """All containers of a pod share its UTS namespace, so its name."""
        return self.pod.name

    def start(self) -> None:
        """Run the program, in the sandbox's network namespace."""
        if self.spec.program is not None:
            self.process = spawn(self.loop, self.netns, self.spec.program(self), name=f"{self.pod.name}/{self.spec.name}")

    def stop(self) -> None:
        """End the program; the kernel closes its sockets."""
        if self.process is not None:
            self.process.kill()
            self.process = None
        self.ready = False
