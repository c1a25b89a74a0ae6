"""The bridge plugin of the CNI reference plugins, with host-local addresses: what turns an empty namespace into a pod's network.

Source: containernetworking/plugins, plugins/main/bridge. The order of the steps is the plugin's, because frames depend on it: the host end
is enslaved before the container end comes up, so the gratuitous ARP of the new address leaves eth0 while the port is not forwarding yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from emu.iproute import addr, bridge, link, route, sysctl
from emu.k8s.ipam import HostLocal
from emu.trace.points import STEP, WAIT


@dataclass(slots=True, frozen=True)
class BridgeConfig:
    """The plugin's configuration (the keys of its JSON). kubenet's name for the bridge is `cbr0`."""

    bridge: str = "cbr0"
    hairpin_mode: bool = True
    mtu: int = 1500


@dataclass(slots=True, frozen=True)
class Attachment:
    """The plugin's result: the pod's address, its interface, and the host's end of it."""

    ip: str
    ifname: str
    host_ifname: str


class BridgePlugin:
    """CNI ADD and DEL on one node. `node_netns`: the node's root namespace."""

    def __init__(self, node_netns: Any, ipam: HostLocal, random: Random, config: BridgeConfig = BridgeConfig()) -> None:
        self.node_netns, self.ipam, self.random, self.config = node_netns, ipam, random, config

    def ensure_bridge(self) -> None:
        """Create the bridge as the pods' gateway, unless it is there."""
        ns, name = self.node_netns, self.config.bridge
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

    def add(self, container_id: str, netns: Any, ifname: str = "eth0") -> Attachment:
        """CNI ADD. Raises KubernetesError when no address is left; nothing is left behind then."""
        self.ensure_bridge()
        ip = self.ipam.allocate(container_id)
        node = self.node_netns
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

    def delete(self, container_id: str, netns: Any, attachment: Attachment) -> None:
        """CNI DEL: the link goes (routes and neighbours with it), then the address."""
        if attachment.ifname in netns.devices:
            link.delete(netns, attachment.ifname)
        self.ipam.release_address(attachment.ip, container_id)
