"""A running container: a program on the pod's namespace, which can fail, stop and start again without the network noticing."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from emu.aio.loop import Loop
from emu.aio.process import SIGKILL, Process, spawn
from emu.k8s.images import program_of
from emu.k8s.objects import Container, ContainerStatus, Pod
from emu.trace.points import OMITTED, START, STEP, STOP

Program = Callable[["RunningContainer"], Coroutine[Any, Any, object]]


class RunningContainer:
    """One container of one pod. `healthy` is what its program answers on its readiness path; `process` is None while it runs no program.

    A container without a program sleeps for ever, as process 1, which SIGTERM does not end. `on_exit(container)` is called when it has ended, whoever
    ended it; `stopping` says that it was the kubelet. `started`: its startup probe, if any, has succeeded. `status` is what the API shows of it.
    """

    __slots__ = (
        "error",
        "finished_ns",
        "healthy",
        "init",
        "log",
        "loop",
        "netns",
        "on_exit",
        "pod",
        "process",
        "running",
        "spec",
        "started",
        "status",
        "stopping",
    )

    def __init__(
        self, spec: Container, pod: Pod, netns: Any, loop: Loop, on_exit: Callable[[RunningContainer], object] | None = None, init: bool = False
    ) -> None:
        self.spec = spec
        self.pod = pod
        self.netns = netns
        self.loop = loop
        self.on_exit = on_exit
        self.init = init
        self.healthy = True
        self.running = False
        self.started = False
        self.stopping = False
        self.finished_ns = 0
        self.process: Process | None = None
        self.error: BaseException | None = None
        self.log: list[str] = []
        self.status = pod.statuses.setdefault(spec.name, ContainerStatus())

    @property
    def hostname(self) -> str:
        """All containers of a pod share its UTS namespace, so its name."""
        return self.pod.spec.hostname or self.pod.name

    @property
    def ready(self) -> bool:
        """Whether it counts as ready."""
        return self.status.ready

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return self.status.restarts

    def start(self) -> None:
        """Run the program, in the sandbox's network namespace."""
        self.running, self.stopping, self.started = True, False, self.spec.startup is None
        self.status.state, self.status.reason, self.status.message = "running", "", ""
        program = program_of(self)
        if program is not None:
            if self.netns.tp.journal:
                self._tell()
            self.process = spawn(self.loop, self.netns, program, name=f"{self.pod.name}/{self.spec.name}")
            self.process.output = self.log
            self.process.on_exit = self._exited

    def _tell(self) -> None:
        """Tell the journal how the program would be started from a shell, if it says so itself (`program.command(container)`)."""
        netns = self.netns
        command = getattr(self.spec.program, "command", None)
        netns.tp.on_journal(STEP, netns.name, f"starts container {self.spec.name} of pod {self.pod.name}", f"kubelet on {self.pod.node}")
        if command is None:
            netns.tp.on_journal(OMITTED, netns.name, f"container {self.spec.name} of pod {self.pod.name} runs a program that has no command line")
        else:
            netns.tp.on_journal(START, netns.name, command(self), f"{self.pod.name}/{self.spec.name}")

    def terminate(self) -> None:
        """SIGTERM. Process 1 of a container that only sleeps does not hear it."""
        self.stopping = True
        if self.process is not None:
            self.process.terminate()

    def stop(self) -> None:
        """SIGKILL; the kernel closes its sockets."""
        self.stopping = True
        if self.process is not None:
            if self.netns.tp.journal:
                self.netns.tp.on_journal(STOP, self.netns.name, "", f"{self.pod.name}/{self.spec.name}")
            self.process.kill()
        else:
            self._end(128 + SIGKILL)

    def _exited(self, process: Process) -> None:
        self.error = process.error
        self.process = None
        self._end(process.status or 0)

    def _end(self, code: int) -> None:
        if not self.running:
            return
        self.running = self.status.ready = self.started = False
        self.finished_ns = self.loop.sim.now
        self.status.state, self.status.exit_code = "terminated", code
        self.status.reason = "Completed" if code == 0 else "Error"
        if self.on_exit is not None:
            self.on_exit(self)
