"""The kubelet of one node: gives each pod a sandbox and containers, keeps them running, and reports their conditions.

Source: pkg/kubelet (kuberuntime_manager.go computePodActions for when a new sandbox is due), prober.
"""

from __future__ import annotations

from random import Random

from emu.aio.loop import Loop
from emu.fabric import Machine
from emu.iproute import iptables
from emu.k8s.api import DELETED, Api
from emu.k8s.cni.plugin import CniPlugin
from emu.k8s.dns.addon import ClusterDns
from emu.k8s.ensure import ensure_rule
from emu.k8s.ipam import HostLocal
from emu.k8s.objects import KubernetesError, Node, Pod
from emu.k8s.pod_worker import PodWorker
from emu.k8s.proxy.document import ANTI_MARTIAN
from emu.k8s.runner import NodeRunner
from emu.k8s.sandbox import Sandbox
from emu.sim import NS_PER_MS
from emu.trace.points import STEP

# The bridge plugin returns when the bridge forwards on the new port. It looks at once, which is too early, and again after 50 ms.
PLUGIN_NS = 50 * NS_PER_MS
# How long a pod worker waits after a sync that failed (backOffPeriod).
SANDBOX_RETRY_NS = 10_000 * NS_PER_MS


class Kubelet:
    """Watches for pods bound to its node."""

    def __init__(self, api: Api, runner: NodeRunner, loop: Loop, plugin: CniPlugin, ipam: HostLocal, random: Random) -> None:
        self.api, self.runner, self.loop, self.plugin, self.ipam, self.random = api, runner, loop, plugin, ipam, random
        self.node: Node = runner.spec
        self.machine: Machine = runner.machine
        self.sim = api.sim
        self.workers: dict[tuple[str, str], PodWorker] = {}
        self.dns: ClusterDns | None = None
        self._attempts: dict[str, int] = {}  # pod uid -> sandboxes so far
        self._on = False

    def start(self) -> None:
        """What the kubelet does to the node itself: its iptables chains, then the pods' bridge."""
        self._on = True
        self._tell("its chains; packets that claim to be from localhost and are not are dropped")
        iptables.restore(self.machine.netns, _NODE_RULES, noflush=True)
        for chain in ("INPUT", "OUTPUT"):
            ensure_rule(self.machine.netns, "filter", chain, "-j KUBE-FIREWALL")
        start = getattr(self.plugin, "start", None)
        if start is not None:
            start(self.runner)

    def _tell(self, what: str) -> None:
        """Tell the journal what is done next."""
        netns = self.machine.netns
        if netns.tp.journal:
            netns.tp.on_journal(STEP, netns.name, what, f"kubelet on {self.node.name}")

    def worker(self, pod: Pod) -> PodWorker:
        """What runs of `pod` here. Raises KubernetesError if nothing does."""
        try:
            return self.workers[pod.namespace, pod.name]
        except KeyError:
            raise KubernetesError(f"pod {pod.namespace}/{pod.name} does not run on {self.node.name}") from None

    # -- pods ---------------------------------------------------------------------------------------------------------------------

    def on_pod(self, event: str, pod: Pod) -> None:
        """A pod of this node changed in the API."""
        if event == DELETED:
            self._teardown(pod)
        elif pod.deletion_ns is not None:
            self.sim.call_later(self.api.delays.kubelet, self._terminate, pod)
        elif pod.uid not in self._attempts:
            self._attempts[pod.uid] = -1
            self.sim.call_later(self.api.delays.kubelet, self._run, pod)

    def _is_stored(self, pod: Pod) -> bool:
        return self.api.pods.get((pod.namespace, pod.name)) is pod

    def _run(self, pod: Pod) -> None:
        if self._on and self._is_stored(pod) and (pod.namespace, pod.name) not in self.workers and pod.deletion_ns is None:
            self._start(pod)

    def _start(self, pod: Pod) -> None:
        attempt = self._attempts.get(pod.uid, -1) + 1
        self._attempts[pod.uid] = attempt
        try:
            sandbox = Sandbox(pod, attempt, self.runner, self.ipam, self.plugin, f"{self.random.getrandbits(256):064x}")
        except KubernetesError as error:
            # FailedCreatePodSandBox: the pod stays Pending and the kubelet tries again later, when an address may be free.
            pod.message = f"pod {pod.namespace}/{pod.name} on {self.node.name}: {error}"
            self.sim.call_later(SANDBOX_RETRY_NS, self._run, pod)
            return
        pod.message = ""
        worker = self.workers[pod.namespace, pod.name] = PodWorker(self, pod, sandbox)
        self.sim.call_later(0 if pod.spec.host_network else PLUGIN_NS, worker.sandbox_up)

    def _terminate(self, pod: Pod) -> None:
        worker = self.workers.get((pod.namespace, pod.name))
        if worker is not None and worker.pod is pod:
            worker.terminate()
        elif self._on and self._is_stored(pod):
            self.api.delete(pod)  # nothing of it runs

    def terminated(self, worker: PodWorker) -> None:
        """All containers of a pod that is to go have ended: its network goes as soon as the kubelet gets round to it, then the object.

        Until then its address is there, and what still comes for it is refused; after that it is lost.
        """
        if self.api.delays.kubelet:
            self.sim.call_later(self.api.delays.kubelet, self._after_the_end, worker)
        else:
            self._after_the_end(worker)

    def _after_the_end(self, worker: PodWorker) -> None:
        if worker.gone:
            return
        if self._is_stored(worker.pod):
            self.api.delete(worker.pod)
        self._teardown(worker.pod)

    def set_healthy(self, pod: Pod, healthy: bool) -> None:
        """What the pod's programs say of themselves from now on."""
        self.worker(pod).set_healthy(healthy)

    def restart_container(self, pod: Pod, name: str) -> None:
        """The container exits and is started again in the same sandbox."""
        self.worker(pod).restart(name)

    def _teardown(self, pod: Pod) -> None:
        worker = self.workers.get((pod.namespace, pod.name))
        if worker is not None and worker.pod is pod:
            del self.workers[pod.namespace, pod.name]
            if self._on:
                self._tell(f"pod {pod.name} ends: its containers are killed, the CNI plugin takes its eth0 away (DEL), the sandbox goes")
            worker.destroy()

    def new_sandbox(self, pod: Pod) -> None:
        """pause died: every container is killed and the pod gets a new sandbox, so a new namespace, veth and address."""
        self.worker(pod)
        self._teardown(pod)
        pod.ready, pod.ip = False, ""
        self.api.update(pod)
        self.sim.call_later(self.api.delays.kubelet, self._run, pod)

    # -- the node -----------------------------------------------------------------------------------------------------------------

    def power_off(self) -> list[Pod]:
        """The node loses power: everything that ran is gone, without a word to the API. Returns the pods to start again."""
        self._on = False
        pods = [worker.pod for worker in self.workers.values()]
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
