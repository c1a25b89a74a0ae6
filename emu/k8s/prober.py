"""Probes: the kubelet asks the container from the node, with real packets (pkg/kubelet/prober/worker.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.aio.process import spawn
from emu.apps.probe import ProbeResult, http_probe, tcp_probe
from emu.k8s.objects import Probe
from emu.sim import NS_PER_S
from emu.trace.points import RAN, RUN, STEP

if TYPE_CHECKING:
    from emu.k8s.container import RunningContainer
    from emu.k8s.pod_worker import PodWorker

READINESS, LIVENESS, STARTUP = "readiness", "liveness", "startup"


class Prober:
    """One probe of one container, every `period_seconds` from `initial_delay_seconds` on; tells the worker when a threshold is reached."""

    def __init__(self, worker: PodWorker, container: RunningContainer, kind: str, probe: Probe) -> None:
        self.worker, self.container, self.kind, self.probe = worker, container, kind, probe
        self._streak = 0
        self._last: bool | None = None
        self._timer: Any = None
        self._process: Any = None

    def start(self) -> None:
        """Begin after the initial delay."""
        # A program binds in the instant it starts; the first probe comes right after.
        self._schedule(max(1, round(self.probe.initial_delay_seconds * NS_PER_S)))

    def stop(self) -> None:
        """Ask no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._process is not None:
            self._process.kill()

    def _schedule(self, delay_ns: int) -> None:
        sim = self.worker.sim
        cause, sim.cause = sim.cause, 0  # a probe is nobody's consequence
        self._timer = sim.call_later(delay_ns, self._ask)
        sim.cause = cause

    def _ask(self) -> None:
        name = f"kubelet/{self.container.pod.name}"
        self._process = spawn(self.worker.kubelet.loop, self.worker.kubelet.machine.netns, self._once(), name=name)
        self._schedule(round(self.probe.period_seconds * NS_PER_S))

    async def _once(self) -> None:
        probe, ip = self.probe, self.container.pod.ip
        port = self.container.spec.port_number(probe.port)
        if probe.exec:
            result = ProbeResult(True)
        elif port is None:
            result = ProbeResult(False, f"couldn't find port: {probe.port}")  # extractPort fails: the probe does, too
        elif probe.path is None:
            self._tell(RUN, f"python3 -m emu.apps.probe tcp://{ip}:{port} --timeout {probe.timeout_seconds:g}")
            result = await tcp_probe(ip, port, timeout=probe.timeout_seconds)
        else:
            path = probe.path if probe.path.startswith("/") else f"/{probe.path}"
            self._tell(RUN, f"python3 -m emu.apps.probe http://{ip}:{port}{path} --timeout {probe.timeout_seconds:g}")
            result = await http_probe(ip, port, path, timeout=probe.timeout_seconds)
        self._count(result)

    def _tell(self, kind: str, text: str) -> None:
        netns = self.worker.kubelet.machine.netns
        if netns.tp.journal:
            if kind == RUN:
                netns.tp.on_journal(STEP, netns.name, f"is pod {self.container.pod.name} ready?", f"kubelet on {netns.name}")
            netns.tp.on_journal(kind, netns.name, text, f"probe {self.container.pod.namespace}/{self.container.pod.name}/{self.container.spec.name}")

    def _count(self, result: ProbeResult) -> None:
        self._tell(RAN, "" if result.success else "not ready")
        self._streak = self._streak + 1 if result.success == self._last else 1
        self._last = result.success
        if self.kind == READINESS or not result.success:
            self.container.status.message = "" if result.success else f"{self.kind.capitalize()} probe failed: {result.message}"
        if self._streak >= (self.probe.success_threshold if result.success else self.probe.failure_threshold):
            self.worker.probe_result(self.container, self.kind, result.success)
