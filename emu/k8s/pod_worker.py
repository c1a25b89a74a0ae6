"""One pod on its node, from its sandbox to its end: init containers, containers, probes, restarts, graceful termination.

Source: pkg/kubelet (pod_workers.go, kuberuntime_manager.go), and the documentation of a pod's lifecycle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.apps.resolv import Resolver
from emu.k8s.container import RunningContainer
from emu.k8s.objects import KubernetesError, Pod
from emu.k8s.prober import LIVENESS, READINESS, STARTUP, Prober
from emu.k8s.sandbox import Sandbox
from emu.sim import NS_PER_S
from emu.trace.points import FILE

if TYPE_CHECKING:
    from emu.k8s.kubelet import Kubelet

# A program binds its sockets in the instant it starts; readiness without a probe is looked at right after that instant.
STARTED_NS = 1
# Between restarts of a container that keeps ending (MaxContainerBackOff, containerBackOffPeriod), and after how long a run it is forgotten.
LEAST_GRACE_SECONDS = 2  # minimumGracePeriodInSeconds
FIRST_BACKOFF_NS, LAST_BACKOFF_NS, FORGIVEN_NS = 10 * NS_PER_S, 300 * NS_PER_S, 600 * NS_PER_S


class PodWorker:
    """`containers`: the regular ones and the sidecars, `inits`: those that run before them."""

    def __init__(self, kubelet: Kubelet, pod: Pod, sandbox: Sandbox) -> None:
        self.kubelet = kubelet
        self.sim = kubelet.sim
        self.pod = pod
        self.sandbox = sandbox
        self.inits: list[RunningContainer] = []
        self.containers: list[RunningContainer] = []
        self.probers: list[Prober] = []
        self.gone = False
        self._terminating = False
        self._backoff: dict[str, int] = {}

    # -- starting -----------------------------------------------------------------------------------------------------------------

    def sandbox_up(self) -> None:
        """The network is there: containers may run."""
        if self.gone:
            return
        pod = self.pod
        pod.ip = self.sandbox.ip or self.kubelet.node.ip
        pod.started_ns = self.sim.now
        self._names()
        make = self._make
        self.inits = [make(spec, init=True) for spec in pod.spec.init_containers]
        self.containers = [make(spec, init=False) for spec in pod.spec.containers]
        if self._terminating:
            self._finish_if_over()
            return
        if self.inits:
            for container in self.containers:
                container.status.reason = "PodInitializing"
            self.settle()
            self._start(self.inits[0])
        else:
            self._start_containers()

    def _names(self) -> None:
        """/etc/hosts and resolv.conf. (A pod on the node's network has the node's.)"""
        pod, dns = self.pod, self.kubelet.dns
        if dns is None or pod.spec.host_network:
            return
        netns, resolver = self.sandbox.netns, self.kubelet.loop.resolver
        host = pod.spec.hostname or pod.name
        hosts = resolver.hosts.setdefault(netns, {})
        hosts[host] = pod.ip
        if pod.spec.subdomain:
            hosts[f"{host}.{pod.spec.subdomain}.{pod.namespace}.svc.{dns.domain}"] = pod.ip
        resolver.lookups[netns] = Resolver(dns.resolv_conf(pod), dns.draw).lookup

    def _make(self, spec: object, init: bool) -> RunningContainer:
        return RunningContainer(spec, self.pod, self.sandbox.netns, self.kubelet.loop, self._exited, init)  # type: ignore[arg-type]

    def _start_containers(self) -> None:
        self.pod.phase = "Running"
        for container in self.containers:
            self._start(container)
        if not self.containers:
            self.settle()

    def _start(self, container: RunningContainer) -> None:
        container.start()
        for kind, probe in ((STARTUP, container.spec.startup), (READINESS, container.spec.readiness), (LIVENESS, container.spec.liveness)):
            if probe is not None and (kind == STARTUP) == (not container.started):
                self._probe(container, kind)
        if container.started and container.spec.readiness is None:
            self.sim.call_later(STARTED_NS, self._looked_at, container, container.restarts)
        else:
            self.settle()
        if container.init and container.spec.sidecar and container.started:
            self._next_init(container)

    def _probe(self, container: RunningContainer, kind: str) -> None:
        probe = {READINESS: container.spec.readiness, LIVENESS: container.spec.liveness, STARTUP: container.spec.startup}[kind]
        if probe is not None:
            prober = Prober(self, container, kind, probe)
            self.probers.append(prober)
            prober.start()

    def _looked_at(self, container: RunningContainer, restarts: int) -> None:
        if container.restarts == restarts and not self.gone and container.running:
            container.status.ready = container.healthy
            self.settle()

    def _next_init(self, done: RunningContainer) -> None:
        index = self.inits.index(done) + 1
        if index < len(self.inits):
            self._start(self.inits[index])
        else:
            self._start_containers()

    # -- conditions ---------------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Write the pod's Ready condition: all its containers are ready."""
        if self.gone:
            return
        pod = self.pod
        ready = pod.phase == "Running" and all(container.ready for container in (*self.containers, *self._sidecars()))
        if ready != pod.ready:
            pod.ready_ns = self.sim.now if ready else None
        pod.ready = ready
        self.kubelet.api.update(pod)

    def _sidecars(self) -> list[RunningContainer]:
        return [container for container in self.inits if container.spec.sidecar]

    def probe_result(self, container: RunningContainer, kind: str, success: bool) -> None:
        """A prober reached one of its thresholds."""
        if self.gone or not container.running:
            return
        if kind == READINESS:
            if container.ready != success:
                container.status.ready = success
                self.settle()
        elif not success:
            self._kill(container)
        elif kind == STARTUP and not container.started:
            container.started = True
            self._stop_probers(container)
            self._probe(container, READINESS)
            self._probe(container, LIVENESS)
            if container.spec.readiness is None:
                self._looked_at(container, container.restarts)
            if container.init:
                self._next_init(container)

    def set_healthy(self, healthy: bool) -> None:
        """What the pod's programs say of themselves from now on. Where a probe asks, the probe finds out; else the condition changes at once."""
        for container in self.containers:
            container.healthy = healthy
            if container.netns.tp.journal:
                container.netns.tp.on_journal(FILE, container.netns.name, f"{self.pod.name}.ready", "yes" if healthy else "")
            if container.spec.readiness is None and container.running:
                container.status.ready = healthy
        if not self.containers:
            self.pod.ready = healthy
            self.kubelet.api.update(self.pod)
        elif any(container.spec.readiness is None for container in self.containers):
            self.settle()

    # -- ending and starting again ------------------------------------------------------------------------------------------------

    def restart(self, name: str) -> None:
        """The container is killed and started again in the same sandbox: same namespace, same address, same veth."""
        for container in self.containers:
            if container.spec.name == name and container.running:
                container.stop()

    def _kill(self, container: RunningContainer) -> None:
        """A probe says it must be started again: SIGTERM, and SIGKILL when the grace is over."""
        if not container.stopping:
            self._stop_probers(container)
            container.terminate()
            self.sim.call_later(round(self.pod.spec.grace_seconds * NS_PER_S), self._kill_hard, container, container.restarts)

    @staticmethod
    def _kill_hard(container: RunningContainer, restarts: int) -> None:
        if container.running and container.restarts == restarts:
            container.stop()

    def _stop_probers(self, container: RunningContainer) -> None:
        for prober in [prober for prober in self.probers if prober.container is container]:
            prober.stop()
            self.probers.remove(prober)

    def _exited(self, container: RunningContainer) -> None:
        self._stop_probers(container)
        if self.gone:
            return
        if self._terminating:
            self.settle()
            self._finish_if_over()
            return
        succeeded = container.status.exit_code == 0 and not container.stopping
        if container.init and not container.spec.sidecar and succeeded:
            self._next_init(container)
            return
        policy = "Always" if container.spec.sidecar else self.pod.spec.restart_policy
        if container.init and policy == "Always":
            policy = "OnFailure"
        if policy == "Always" or (policy == "OnFailure" and not succeeded):
            self._restart_later(container)
        elif container.init or all(other.status.state == "terminated" for other in self.containers):
            self._complete()
            return
        self.settle()

    def _restart_later(self, container: RunningContainer) -> None:
        """The first restart comes at once, later ones after a time that doubles (CrashLoopBackOff); what the kubelet itself ended is no crash."""
        name, wait = container.spec.name, 0
        if not container.stopping:
            started = self._backoff.get(f"{name}/at", -FORGIVEN_NS)
            if container.finished_ns - started >= FORGIVEN_NS:
                self._backoff.pop(name, None)
            wait = self._backoff.get(name, 0)
            self._backoff[name] = min(max(FIRST_BACKOFF_NS, wait * 2), LAST_BACKOFF_NS)
        if wait:
            container.status.state, container.status.reason = "waiting", "CrashLoopBackOff"
        self.sim.call_later(max(wait, self.kubelet.api.delays.kubelet), self._restart, container, container.restarts)

    def _restart(self, container: RunningContainer, restarts: int) -> None:
        if self.gone or self._terminating or container.running or container.restarts != restarts:
            return
        container.status.restarts += 1
        self._backoff[f"{container.spec.name}/at"] = self.sim.now
        self._start(container)

    def _complete(self) -> None:
        """Nothing of it runs or will run again: Succeeded, or Failed."""
        failed = any(container.status.exit_code for container in (*self.inits, *self.containers) if container.status.state == "terminated")
        self.pod.phase = "Failed" if failed else "Succeeded"
        for container in self._sidecars():
            container.stop()
        self.settle()

    def log(self, name: str = "") -> list[str]:
        """What a container's program has printed, its earlier runs too; of the first container without a name. Raises KubernetesError."""
        containers = [*self.containers, *self.inits]
        found = next((each for each in containers if each.spec.name == name or not name), None)
        if found is None:
            raise KubernetesError(f"container {name} is not valid for pod {self.pod.name}")
        return found.log

    # -- the end ------------------------------------------------------------------------------------------------------------------

    def terminate(self) -> None:
        """Deletion with grace: preStop hooks, SIGTERM, and SIGKILL when the grace is over. The network stays until all have ended."""
        if self._terminating or self.gone:
            return
        self._terminating = True
        grace = self.pod.deletion_seconds
        for prober in list(self.probers):
            if prober.kind != READINESS:
                prober.stop()
                self.probers.remove(prober)
        for container in (*self.inits, *self.containers):
            if container.running:
                hook = min(container.spec.pre_stop_seconds, grace)
                self.sim.call_later(round(hook * NS_PER_S), self._term, container)
                # A hook that took all of the grace leaves the program a moment to end by itself.
                self.sim.call_later(round(max(grace, hook + LEAST_GRACE_SECONDS if hook else 0) * NS_PER_S), self._kill_last, container)
        self._finish_if_over()

    def _term(self, container: RunningContainer) -> None:
        if not self.gone and container.running:
            container.terminate()

    def _kill_last(self, container: RunningContainer) -> None:
        if not self.gone and container.running:
            container.stop()

    def _finish_if_over(self) -> None:
        if not self.gone and not any(container.running for container in (*self.inits, *self.containers)):
            self.kubelet.terminated(self)

    def destroy(self) -> None:
        """Everything goes at once: programs, namespace, address."""
        self.gone = True
        for container in (*self.containers, *reversed(self.inits)):
            self._stop_probers(container)
            container.stop()
        self.sandbox.destroy()
