"""Readiness probes: the kubelet asks the container from the node, with real packets (pkg/kubelet/prober/worker.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.aio.process import spawn
from emu.apps.probe import http_probe, tcp_probe
from emu.sim import NS_PER_S
from emu.trace.points import RAN, RUN, STEP

if TYPE_CHECKING:
    from emu.k8s.container import RunningContainer
    from emu.k8s.kubelet import Kubelet, PodRuntime


class Prober:
    """One container's readiness probe, every `period_seconds` from `initial_delay_seconds` on."""

    def __init__(self, kubelet: Kubelet, runtime: PodRuntime, container: RunningContainer) -> None:
        assert container.spec.readiness is not None
        self.kubelet, self.runtime, self.container, self.probe = kubelet, runtime, container, container.spec.readiness
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
        sim = self.kubelet.sim
        cause, sim.cause = sim.cause, 0  # a probe is nobody's consequence
        self._timer = sim.call_later(delay_ns, self._ask)
        sim.cause = cause

    def _ask(self) -> None:
        name = f"kubelet/{self.container.pod.name}"
        self._process = spawn(self.kubelet.loop, self.kubelet.machine.netns, self._once(), name=name)
        self._schedule(round(self.probe.period_seconds * NS_PER_S))

    async def _once(self) -> None:
        probe, ip = self.probe, self.container.pod.ip
        port = self.container.spec.port_number(probe.port)
        if probe.exec:
            self._count(True)
        elif port is None:
            self._count(False)  # extractPort fails: the probe does, too
        elif probe.path is None:
            self._tell(RUN, f"python3 -m emu.apps.probe tcp://{ip}:{port} --timeout {probe.timeout_seconds:g}")
            self._count(bool(await tcp_probe(ip, port, timeout=probe.timeout_seconds)))
        else:
            path = probe.path if probe.path.startswith("/") else f"/{probe.path}"
            self._tell(RUN, f"python3 -m emu.apps.probe http://{ip}:{port}{path} --timeout {probe.timeout_seconds:g}")
            self._count(bool(await http_probe(ip, port, probe.path, timeout=probe.timeout_seconds)))

    def _tell(self, kind: str, text: str) -> None:
        netns = self.kubelet.machine.netns
        if netns.tp.journal:
            if kind == RUN:
                netns.tp.on_journal(STEP, netns.name, f"is pod {self.container.pod.name} ready?", f"kubelet on {netns.name}")
            netns.tp.on_journal(kind, netns.name, text, f"probe {self.container.pod.namespace}/{self.container.pod.name}/{self.container.spec.name}")

    def _count(self, success: bool) -> None:
        self._tell(RAN, "" if success else "not ready")
        self._streak = self._streak + 1 if success == self._last else 1
        self._last = success
        if self._streak >= (self.probe.success_threshold if success else self.probe.failure_threshold):
            self.kubelet.probe_result(self.runtime, self.container, success)
