"""The bridge plugin of the CNI reference plugins, with host-local addresses: what turns an empty namespace into a pod's network.

Source: containernetworking/plugins, plugins/main/bridge. The order of the steps is the plugin's, because frames depend on it: the host end
is enslaved before the container end comes up, so the gratuitous ARP of the new address leaves eth0 while the port is not forwarding yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from emu.iproute import addr, bridge, link, route, sysctl
from emu.k8s.cni.plugin import IFNAME, Attachment
from emu.k8s.ipam import HostLocal
from emu.trace.points import STEP, WAIT

if TYPE_CHECKING:
    from emu.k8s.runner import NodeRunner
    from emu.k8s.sandbox import Sandbox


@dataclass(slots=True, frozen=True)
class BridgeConfig:
    """The plugin's configuration (the keys of its JSON). kubenet's name for the bridge is `cbr0`."""

    bridge: str = "cbr0"
    hairpin_mode: bool = True
    mtu: int = 1500


class BridgePlugin:
    """CNI ADD and DEL on one node."""

    def __init__(self, ipam: HostLocal, random: Random, config: BridgeConfig = BridgeConfig()) -> None:
        self.ipam, self.random, self.config = ipam, random, config

    def start(self, node: NodeRunner) -> None:
        """Create the bridge as the pods' gateway, unless it is there."""
        ns, name = node.netns, self.config.bridge
        if name in ns.devices:
            return
        if ns.tp.journal:
            ns.tp.on_journal(STEP, ns.name, f"{name}, the pods' bridge and their gateway {self.ipam.gateway}", f"CNI bridge plugin on {ns.name}")
        link.add_bridge(ns, name)
        link.set_mtu(ns, name, self.config.mtu)
        link.set_up(ns, name)
        addr.add(ns, name, f"{self.ipam.gateway}/{self.ipam.prefix_length}")
        # Setting the address it already has pins the bridge's MAC: without this it would follow the lowest port's.
        link.set_address(ns, name, ns.devices[name].mac)
        sysctl.set(ns, "net.ipv4.ip_forward", 1)

    def add(self, sandbox: Sandbox) -> Attachment:
        """CNI ADD. Raises KubernetesError when no address is left; nothing is left behind then."""
        self.start(sandbox.node)
        ip = sandbox.allocate()
        node, netns, ifname = sandbox.node.netns, sandbox.netns, IFNAME
        if node.tp.journal:
            what = f"ADD: {netns.name} gets {ip} on {ifname}, a port of {self.config.bridge}, and a default route"
            node.tp.on_journal(STEP, node.name, what, f"CNI bridge plugin on {node.name}")
        host_ifname = f"veth{self.random.getrandbits(32):08x}"
        link.add_veth(netns, ifname, node, host_ifname, mtu=self.config.mtu)
        link.set_up(node, host_ifname)
        link.set_master(node, host_ifname, self.config.bridge)
        if self.config.hairpin_mode:
            bridge.link_set(node, host_ifname, hairpin=True)
        sysctl.set(netns, f"net.ipv4.conf.{ifname}.arp_notify", 1)
        addr.add(netns, ifname, f"{ip}/{self.ipam.prefix_length}")
        link.set_up(netns, ifname)
        route.add(netns, "default", via=self.ipam.gateway, dev=ifname)
        if node.tp.journal:
            node.tp.on_journal(WAIT, node.name, host_ifname)
        return Attachment(ip, ifname, host_ifname)

    def delete(self, sandbox: Sandbox) -> None:
        """CNI DEL: the link goes, routes and neighbours with it."""
        if IFNAME in sandbox.netns.devices:
            link.delete(sandbox.netns, IFNAME)
