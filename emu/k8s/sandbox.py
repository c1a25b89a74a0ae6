"""A pod's sandbox: the pause container, which does nothing but own the network namespace that the other containers join."""

from __future__ import annotations

from typing import Any

from emu.fabric import Machine
from emu.iproute import link
from emu.k8s.cni import Attachment, BridgePlugin
from emu.k8s.objects import Pod
from emu.trace.points import STEP


def netns_name(pod: Pod) -> str:
    """The namespace's name, by which captures and hop tables know the pod: its own, with its namespace in front unless that is `default`."""
    return pod.name if pod.namespace == "default" else f"{pod.namespace}_{pod.name}"


class Sandbox:
    """One sandbox on one node. `attempt` counts the sandboxes the pod has had; `id` is the pause container's."""

    __slots__ = ("attachment", "attempt", "id", "machine", "netns", "plugin")

    def __init__(self, pod: Pod, attempt: int, machine: Machine, plugin: BridgePlugin, container_id: str) -> None:
        self.id = container_id
        self.attempt = attempt
        self.machine = machine
        self.plugin = plugin
        self.attachment: Attachment | None = None
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
            self.attachment = plugin.add(self.id, self.netns)
        except Exception:
            machine.delete_netns(self.netns.name)
            raise

    @property
    def ip(self) -> str:
        """The pod's address; empty for a pod of the host's network."""
        return self.attachment.ip if self.attachment else ""

    def destroy(self) -> None:
        """CNI DEL, then the namespace goes with pause."""
        if self.attachment is not None:
            self.plugin.delete(self.id, self.netns, self.attachment)
            self.attachment = None
            self.machine.delete_netns(self.netns.name)
