"""The ptp plugin of the CNI reference plugins: a veth pair and routes, no bridge; what kind uses.

Source: containernetworking/plugins, plugins/main/ptp. The pod has a route to its gateway alone and everything else by it, so that pods of one node,
too, are routed by the node. Every host end has the gateway's address.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from emu.iproute import addr, link, route, sysctl
from emu.k8s.cni.plugin import IFNAME, Attachment
from emu.trace.points import STEP

if TYPE_CHECKING:
    from emu.k8s.runner import NodeRunner
    from emu.k8s.sandbox import Sandbox


class PtpPlugin:
    """CNI ADD and DEL on one node."""

    def __init__(self, random: Random, mtu: int = 1500) -> None:
        self.random, self.mtu = random, mtu

    def start(self, node: NodeRunner) -> None:
        """Pods are reached by routing."""
        sysctl.set(node.netns, "net.ipv4.ip_forward", 1)

    def add(self, sandbox: Sandbox) -> Attachment:
        """CNI ADD. Raises KubernetesError when no address is left."""
        node, pod = sandbox.node.netns, sandbox.netns
        ip, gateway = sandbox.allocate(), sandbox.ipam.gateway
        host = f"veth{self.random.getrandbits(32):08x}"
        if node.tp.journal:
            node.tp.on_journal(STEP, node.name, f"ADD: {pod.name} gets {ip} on {IFNAME}, and a route to it", f"CNI ptp plugin on {node.name}")
        link.add_veth(pod, IFNAME, node, host, mtu=self.mtu)
        sysctl.set(pod, f"net.ipv4.conf.{IFNAME}.arp_notify", 1)
        addr.add(pod, IFNAME, f"{ip}/{sandbox.ipam.prefix_length}")
        link.set_up(node, host)
        link.set_up(pod, IFNAME)
        route.delete(pod, str(sandbox.ipam.network), dev=IFNAME)
        route.add(pod, f"{gateway}/32", dev=IFNAME, src=ip, scope="link")
        route.add(pod, str(sandbox.ipam.network), via=gateway, dev=IFNAME, src=ip)
        route.add(pod, "default", via=gateway, dev=IFNAME)
        addr.add(node, host, f"{gateway}/32")
        route.add(node, f"{ip}/32", dev=host, scope="host")
        return Attachment(ip, IFNAME, host)

    def delete(self, sandbox: Sandbox) -> None:
        """CNI DEL: the pair goes, its routes with it."""
        if IFNAME in sandbox.netns.devices:
            link.delete(sandbox.netns, IFNAME)
