"""The kubelet of one node: gives each pod a sandbox and containers, keeps them running, and reports their conditions.

Source: pkg/kubelet (kuberuntime_manager.go computePodActions for when a new sandbox is due), prober.
"""

from __future__ import annotations

from random import Random

from emu.aio.loop import Loop
from emu.fabric import Machine
from emu.iproute import iptables
from emu.k8s.api import ADDED, DELETED, Api
from emu.k8s.cni import BridgePlugin
from emu.k8s.container import RunningContainer
from emu.k8s.ensure import ensure_rule
from emu.k8s.objects import KubernetesError, Node, Pod
from emu.k8s.prober import Prober
from emu.k8s.proxy.document import ANTI_MARTIAN
from emu.k8s.sandbox import Sandbox
from emu.sim import NS_PER_MS
from emu.trace.points import FILE, STEP

# A program binds its sockets in the instant it starts; readiness without a probe is looked at right after that instant.
STARTED_NS = 1
# The bridge plugin returns when the bridge forwards on the new port. It looks at once, which is too early, and again after 50 ms.
PLUGIN_NS = 50 * NS_PER_MS
# How long a pod worker waits after a sync that failed (backOffPeriod).
SANDBOX_RETRY_NS = 10_000 * NS_PER_MS


class PodRuntime:
    """What runs of one pod."""

    __slots__ = ("containers", "pod", "probers", "sandbox")

    def __init__(self, pod: Pod, sandbox: Sandbox) -> None:
        self.pod = pod
        self.sandbox = sandbox
        self.containers: list[RunningContainer] = []
        self.probers: list[Prober] = []


class Kubelet:
    """Watches for pods bound to its node."""

    def __init__(self, api: Api, node: Node, machine: Machine, loop: Loop, plugin: BridgePlugin, random: Random) -> None:
        self.api, self.node, self.machine, self.loop, self.plugin, self.random = api, node, machine, loop, plugin, random
        self.sim = api.sim
        self.runtimes: dict[tuple[str, str], PodRuntime] = {}
        self._attempts: dict[str, int] = {}  # pod uid -> sandboxes so far
        self._on = False

    def start(self) -> None:
        """What the kubelet does to the node itself: its iptables chains, then the pods' bridge."""
        self._on = True
        self._tell("its chains: what claims to be from localhost and is not is dropped")
        iptables.restore(self.machine.netns, _NODE_RULES, noflush=True)
        for chain in ("INPUT", "OUTPUT"):
            ensure_rule(self.machine.netns, "filter", chain, "-j KUBE-FIREWALL")
        self.plugin.ensure_bridge()

    def _tell(self, what: str) -> None:
        """Tell the journal what is done next."""
        netns = self.machine.netns
        if netns.tp.journal:
            netns.tp.on_journal(STEP, netns.name, what, f"kubelet on {self.node.name}")

    def runtime(self, pod: Pod) -> PodRuntime:
        """What runs of `pod` here. Raises KubernetesError if nothing does."""
        try:
            return self.runtimes[pod.namespace, pod.name]
        except KeyError:
            raise KubernetesError(f"pod {pod.namespace}/{pod.name} does not run on {self.node.name}") from None

    # -- pods ---------------------------------------------------------------------------------------------------------------------

    def on_pod(self, event: str, pod: Pod) -> None:
        """A pod of this node changed in the API."""
        if event == ADDED:
            self.sim.call_later(self.api.delays.kubelet, self._run, pod)
        elif event == DELETED:
            self._teardown(pod)

    def _run(self, pod: Pod) -> None:
        key = (pod.namespace, pod.name)
        if self._on and self.api.pods.get(key) is pod and key not in self.runtimes and pod.deletion_ns is None:
            self._start(pod)

    def _start(self, pod: Pod) -> None:
        attempt = self._attempts.get(pod.uid, -1) + 1
        self._attempts[pod.uid] = attempt
        try:
            sandbox = Sandbox(pod, attempt, self.machine, self.plugin, f"{self.random.getrandbits(256):064x}")
        except KubernetesError as error:
            # FailedCreatePodSandBox: the pod stays Pending and the kubelet tries again later, when an address may be free.
            pod.message = f"pod {pod.namespace}/{pod.name} on {self.node.name}: {error}"
            self.sim.call_later(SANDBOX_RETRY_NS, self._run, pod)
            return
        pod.message = ""
        runtime = self.runtimes[pod.namespace, pod.name] = PodRuntime(pod, sandbox)
        self.sim.call_later(0 if pod.spec.host_network else PLUGIN_NS, self._sandbox_up, runtime)

    def _sandbox_up(self, runtime: PodRuntime) -> None:
        if not self._is_current(runtime):
            return
        pod, sandbox = runtime.pod, runtime.sandbox
        pod.ip = sandbox.ip or self.node.ip
        pod.phase = "Running"
        for spec in pod.spec.containers:
            container = RunningContainer(spec, pod, sandbox.netns, self.loop)
            runtime.containers.append(container)
            self._start_container(runtime, container)
        if not pod.spec.containers:
            self._settle(runtime)

    def _start_container(self, runtime: PodRuntime, container: RunningContainer) -> None:
        container.start()
        if container.spec.readiness is not None:
            prober = Prober(self, runtime, container)
            runtime.probers.append(prober)
            prober.start()
            self._settle(runtime)
        else:
            self.sim.call_later(STARTED_NS, self._started, runtime, container, container.restarts)

    def _started(self, runtime: PodRuntime, container: RunningContainer, restarts: int) -> None:
        if container.restarts == restarts and self._is_current(runtime):
            container.ready = container.healthy
            self._settle(runtime)

    def _is_current(self, runtime: PodRuntime) -> bool:
        return self.runtimes.get((runtime.pod.namespace, runtime.pod.name)) is runtime

    def _settle(self, runtime: PodRuntime) -> None:
        """Write the pod's Ready condition: all its containers are ready."""
        if not self._is_current(runtime):
            return
        pod = runtime.pod
        ready = all(container.ready for container in runtime.containers)
        pod.ready = ready
        self.api.update(pod)

    def probe_result(self, runtime: PodRuntime, container: RunningContainer, ready: bool) -> None:
        """A prober reached one of its thresholds."""
        if container.ready != ready:
            container.ready = ready
            self._settle(runtime)

    def set_healthy(self, pod: Pod, healthy: bool) -> None:
        """What the pod's programs say of themselves from now on. Where a probe asks, the probe finds out; else the condition changes at once."""
        runtime = self.runtime(pod)
        for container in runtime.containers:
            container.healthy = healthy
            if container.netns.tp.journal:
                container.netns.tp.on_journal(FILE, container.netns.name, f"{pod.name}.ready", "yes" if healthy else "")
            if container.spec.readiness is None:
                container.ready = healthy
        if not runtime.containers:
            pod.ready = healthy
            self.api.update(pod)
            return
        if all(container.spec.readiness is None for container in runtime.containers):
            self._settle(runtime)

    def restart_container(self, pod: Pod, name: str) -> None:
        """The container exits and is started again in the same sandbox: same namespace, same address, same veth."""
        runtime = self.runtime(pod)
        for container in runtime.containers:
            if container.spec.name == name:
                self._stop_container(runtime, container)
                container.restarts += 1
                self._settle(runtime)
                self.sim.call_later(self.api.delays.kubelet, self._restart, runtime, container)

    def _restart(self, runtime: PodRuntime, container: RunningContainer) -> None:
        if self._is_current(runtime):
            self._start_container(runtime, container)

    @staticmethod
    def _stop_container(runtime: PodRuntime, container: RunningContainer) -> None:
        for prober in [prober for prober in runtime.probers if prober.container is container]:
            prober.stop()
            runtime.probers.remove(prober)
        container.stop()

    def _teardown(self, pod: Pod) -> None:
        runtime = self.runtimes.pop((pod.namespace, pod.name), None)
        if runtime is None:
            return
        if self._on:
            self._tell(f"pod {pod.name} ends: its containers are killed, the CNI plugin takes its eth0 away (DEL), the sandbox goes")
        for container in runtime.containers:
            self._stop_container(runtime, container)
        runtime.sandbox.destroy()

    def new_sandbox(self, pod: Pod) -> None:
        """pause died: every container is killed and the pod gets a new sandbox, so a new namespace, veth and address."""
        self.runtime(pod)
        self._teardown(pod)
        pod.ready, pod.ip = False, ""
        self.api.update(pod)
        self.sim.call_later(self.api.delays.kubelet, self._run, pod)

    # -- the node -----------------------------------------------------------------------------------------------------------------

    def power_off(self) -> list[Pod]:
        """The node loses power: everything that ran is gone, without a word to the API. Returns the pods to start again."""
        self._on = False
        pods = [runtime.pod for runtime in self.runtimes.values()]
        for pod in pods:
            self._teardown(pod)
        return pods

    def power_on(self, pods: list[Pod]) -> None:
        """The node has booted, and with it `start` was called: new sandboxes for the pods that are still bound to it."""
        for pod in pods:
            if self.api.pods.get((pod.namespace, pod.name)) is pod:
                pod.ready, pod.ip = False, ""
                self.api.update(pod)
                self._run(pod)
        for pod in list(self.api.pods.values()):
            if pod.node == self.node.name:  # those that were bound to it meanwhile, or were waiting
                self._run(pod)


_NODE_RULES = f"""*mangle
:KUBE-IPTABLES-HINT - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
COMMIT
*filter
:KUBE-FIREWALL - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
{ANTI_MARTIAN}
COMMIT
*nat
:KUBE-KUBELET-CANARY - [0:0]
COMMIT
"""

__all__ = ["Kubelet", "PodRuntime"]
