"""A pod's sandbox: the pause container, which does nothing but own the network namespace that the other containers join."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emu.iproute import link
from emu.k8s.cni import portmap
from emu.k8s.cni.plugin import IFNAME, Attachment, CniPlugin, attachment
from emu.k8s.ipam import HostLocal
from emu.k8s.objects import Pod
from emu.k8s.runner import NodeRunner
from emu.trace.points import STEP


def netns_name(pod: Pod) -> str:
    """The namespace's name, by which captures and hop tables know the pod: its own, with its namespace in front unless that is `default`."""
    return pod.name if pod.namespace == "default" else f"{pod.namespace}_{pod.name}"


class Sandbox:
    """One sandbox on one node. `attempt` counts the sandboxes the pod has had; `id` is the pause container's. `ipam`: the node's range.

    A CNI plugin is given it: `netns`, the namespace to be connected, `run` for commands in there, `node` for those on the node.
    """

    __slots__ = ("attachment", "attempt", "id", "ipam", "netns", "node", "plugin", "pod")

    def __init__(self, pod: Pod, attempt: int, node: NodeRunner, ipam: HostLocal, plugin: CniPlugin, container_id: str) -> None:
        self.id = container_id
        self.pod = pod
        self.attempt = attempt
        self.node = node
        self.ipam = ipam
        self.plugin = plugin
        self.attachment: Attachment | None = None
        machine = node.machine
        if pod.spec.host_network:
            self.netns: Any = machine.netns
            return
        tp = machine.world.tp
        if tp.journal:
            what = f"a sandbox for pod {pod.name}: the pause container and its network namespace"
            tp.on_journal(STEP, machine.name, what, f"container runtime on {machine.name}")
        self.netns = machine.add_netns(netns_name(pod))
        link.set_up(self.netns, "lo")  # the loopback plugin
        try:
            self.attachment = attachment(plugin.add(self))
            portmap.add(node.netns, self.id, pod, self.ip, str(ipam.network), self.attachment.host_ifname)
        except Exception:
            ipam.release(self.owner)
            machine.delete_netns(self.netns.name)
            raise

    @property
    def ip(self) -> str:
        """The pod's address; empty for a pod of the host's network."""
        return self.attachment.ip if self.attachment else ""

    @property
    def ifname(self) -> str:
        """CNI_IFNAME: what the pod's interface is to be called."""
        return IFNAME

    @property
    def owner(self) -> str:
        """Whom the node's range has given the address to."""
        return self.id

    def allocate(self) -> str:
        """The next free address of the node's range (host-local). Raises KubernetesError when there is none; given back when the sandbox goes."""
        return self.ipam.allocate(self.owner)

    def run(self, command: str | Sequence[str], stdin: str = "") -> str:
        """Run a command in the pod's namespace, see NodeRunner.run."""
        return self.node.run(command, stdin, self.netns)

    def destroy(self) -> None:
        """CNI DEL, then the namespace goes with pause."""
        if self.attachment is not None:
            portmap.delete(self.node.netns, self.id, self.pod)
            self.plugin.delete(self)
            self.ipam.release_address(self.attachment.ip, self.owner)
            self.attachment = None
            self.node.machine.delete_netns(self.netns.name)
