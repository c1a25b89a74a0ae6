"""A running container: a program on the pod's namespace, which can fail, stop and start again without the network noticing."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from emu.aio.loop import Loop
from emu.aio.process import Process, spawn
from emu.k8s.objects import Container, Pod
from emu.trace.points import OMITTED, START, STEP, STOP

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
            if self.netns.tp.journal:
                self._tell(self.spec.program)
            self.process = spawn(self.loop, self.netns, self.spec.program(self), name=f"{self.pod.name}/{self.spec.name}")

    def _tell(self, program: Program) -> None:
        """Tell the journal how the program would be started from a shell, if it says so itself (`program.command(container)`)."""
        netns = self.netns
        command = getattr(program, "command", None)
        netns.tp.on_journal(STEP, netns.name, f"starts container {self.spec.name} of pod {self.pod.name}", f"kubelet on {self.pod.node}")
        if command is None:
            netns.tp.on_journal(OMITTED, netns.name, f"container {self.spec.name} of pod {self.pod.name} runs a program that has no command line")
        else:
            netns.tp.on_journal(START, netns.name, command(self), f"{self.pod.name}/{self.spec.name}")

    def stop(self) -> None:
        """End the program; the kernel closes its sockets."""
        if self.process is not None:
            self.process.kill()
            self.process = None
            if self.netns.tp.journal:
                self.netns.tp.on_journal(STOP, self.netns.name, "", f"{self.pod.name}/{self.spec.name}")
        self.ready = False
