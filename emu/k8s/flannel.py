"""flannel's VXLAN backend: on every node a device flannel.1, and for every other node a neighbour, an FDB entry and a route.

Source: flannel-io/flannel, pkg/backend/vxlan (vxlan_network.go, device.go). Nothing is asked or learned on the overlay: the MAC of a node's
device is told to the others with its lease, and the nexthop of the route is the network address of the node's range, on link by decree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emu.iproute import addr, bridge, link, neigh, route
from emu.trace.points import STEP

VNI = 1
DEVICE = f"flannel.{VNI}"
OVERHEAD = 50  # IPv4 20, UDP 8, VXLAN 8, the inner Ethernet header 14


@dataclass(slots=True, frozen=True)
class Lease:
    """What a node tells the others (annotations of its Node object): its range of pod addresses, its own address, the MAC of its flannel.1."""

    node: str
    subnet: str
    public_ip: str
    vtep_mac: str

    @property
    def network(self) -> str:
        """The first address of the range, which flannel.1 has."""
        return self.subnet.partition("/")[0]


class Leases:
    """All nodes' leases, and the flanneld of every node that runs, which hears of each (the subnet manager)."""

    def __init__(self) -> None:
        self._leases: dict[str, Lease] = {}
        self._daemons: dict[str, Flanneld] = {}

    def of(self, node: str) -> Lease | None:
        """The lease of a node, kept while the node is off: its MAC is the same when it comes back."""
        return self._leases.get(node)

    def join(self, daemon: Flanneld, lease: Lease) -> None:
        """A node runs: tell it of all others, and all others of it."""
        self._leases[lease.node] = lease
        for other in self._leases.values():
            if other is not lease:
                daemon.add(other)
        for running in self._daemons.values():
            running.add(lease)
        self._daemons[lease.node] = daemon

    def leave(self, node: str) -> None:
        """A node went off; its lease stays."""
        self._daemons.pop(node, None)


class Flanneld:
    """flanneld on one node. `nic`: the interface to the other nodes."""

    def __init__(self, netns: Any, node: str, nic: str, public_ip: str, subnet: str, leases: Leases) -> None:
        self.netns, self.node, self.leases = netns, node, leases
        known = leases.of(node)
        self._tell(f"the tunnel's device {DEVICE}")
        link.add_vxlan(netns, DEVICE, VNI, local=public_ip, dev=nic, learning=False, mac=known.vtep_mac if known is not None else None)
        mac: str = netns.devices[DEVICE].mac.hex(":")
        self.lease = Lease(node, subnet, public_ip, mac)
        addr.add(netns, DEVICE, f"{self.lease.network}/32")
        link.set_up(netns, DEVICE)
        leases.join(self, self.lease)

    def add(self, lease: Lease) -> None:
        """Another node's pods are reached through the tunnel (handleSubnetEvents): neighbour, FDB and route, in this order."""
        ns = self.netns
        self._tell(f"{lease.node}'s pods: a neighbour nobody has to ask for, the node it is on, the route")
        neigh.replace(ns, lease.network, DEVICE, lease.vtep_mac)
        bridge.fdb_add(ns, lease.vtep_mac, DEVICE, self=True, replace=True, dst=lease.public_ip)
        route.replace(ns, lease.subnet, via=lease.network, dev=DEVICE, onlink=True)

    def _tell(self, what: str) -> None:
        if self.netns.tp.journal:
            self.netns.tp.on_journal(STEP, self.netns.name, what, f"flanneld on {self.node}")

    def stop(self) -> None:
        """The node is switched off."""
        self.leases.leave(self.node)
