"""kube-proxy's configuration (KubeProxyConfiguration, iptables mode), and what a proxy of one's own looks like."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Protocol

from emu.k8s.objects import KubernetesError, Node
from emu.k8s.proxy.document import Options
from emu.k8s.proxy.rules import Detector, detect_by_cidr, detect_by_interface

MODES = ("ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix", "None")
LOCALHOST = "127.0.0.1"


@dataclass(slots=True, frozen=True)
class ProxyConfig:
    """`detect_local`: how a node tells its own pods' packets, one of ClusterCIDR, NodeCIDR, BridgeInterface, InterfaceNamePrefix, None;
    `interface`: the bridge's name, or the prefix. `node_port_addresses`: ranges of local addresses that node ports answer on, none for all.
    Raises KubernetesError.
    """

    detect_local: str = "ClusterCIDR"
    interface: str = ""
    masquerade_all: bool = False
    node_port_addresses: tuple[str, ...] = ()
    localhost_nodeports: bool = True

    def __post_init__(self) -> None:
        if self.detect_local not in MODES:
            raise KubernetesError(f"detect-local mode {self.detect_local!r}: one of {', '.join(MODES)}")
        if self.detect_local == "InterfaceNamePrefix" and not self.interface:
            raise KubernetesError("detect-local mode InterfaceNamePrefix needs an interface name's prefix")
        for cidr in self.node_port_addresses:
            try:
                IPv4Network(cidr)
            except ValueError as error:
                raise KubernetesError(f"node-port-addresses: {error}") from None

    @property
    def on_localhost(self) -> bool:
        """Whether node ports answer on 127.0.0.1: not where the ranges leave it out."""
        return self.localhost_nodeports and (not self.node_port_addresses or self._among(LOCALHOST))

    def _among(self, ip: str) -> bool:
        return any(IPv4Address(ip) in IPv4Network(cidr) for cidr in self.node_port_addresses)

    def options(self, node: Node, cluster_cidr: str, local: tuple[str, ...], bridge: str) -> Options:
        """What the rules of one node depend on. `local`: the node's addresses besides localhost; `bridge`: its pods'."""
        ips: tuple[str, ...] | None = None
        if self.node_port_addresses and "0.0.0.0/0" not in self.node_port_addresses:
            ips = tuple(ip for ip in (LOCALHOST, *local) if self._among(ip))
        return Options(self._detector(node, cluster_cidr, bridge), self.masquerade_all, self.on_localhost, ips)

    def _detector(self, node: Node, cluster_cidr: str, bridge: str) -> Detector:
        if self.detect_local == "ClusterCIDR":
            return detect_by_cidr(cluster_cidr) if cluster_cidr else Detector()
        if self.detect_local == "NodeCIDR":
            return detect_by_cidr(node.pod_cidr)
        if self.detect_local == "BridgeInterface":
            return detect_by_interface(self.interface or bridge)
        if self.detect_local == "InterfaceNamePrefix":
            return detect_by_interface(f"{self.interface}+")
        return Detector()


class Proxy(Protocol):
    """A proxy of one's own: `Cluster(proxy=MyProxy)` makes one per node at boot, with the node's runner, and tells it of every Service and EndpointSlice,
    those that are there first. `event`: ADDED, MODIFIED or DELETED.
    """

    def __init__(self, node: Any) -> None: ...

    def on_service(self, event: str, service: Any) -> None: ...

    def on_endpoint_slice(self, event: str, piece: Any) -> None: ...
