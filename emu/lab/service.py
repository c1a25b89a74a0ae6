"""A Service, as scripts see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.k8s import objects

if TYPE_CHECKING:
    from emu.lab.cluster import Cluster


class Service:
    """A stable virtual address over pods that come and go."""

    def __init__(self, cluster: Cluster, spec: objects.Service) -> None:
        self.cluster = cluster
        self.spec = spec
        self.name = spec.name

    def __repr__(self) -> str:
        return f"<Service {self.spec.namespace}/{self.name} {self.spec.type} {self.spec.cluster_ip}>"

    @property
    def cluster_ip(self) -> str:
        """Its virtual address."""
        return self.spec.cluster_ip

    @property
    def node_port(self) -> int:
        """The first port's node port, 0 if it has none."""
        return self.spec.ports[0].node_port

    @property
    def load_balancer_ip(self) -> str:
        """The address the load balancer gave it, empty if none did."""
        return self.spec.lb_ips[0] if self.spec.lb_ips else ""

    @property
    def endpoints(self) -> list[str]:
        """Addresses of the endpoints that are ready."""
        slices = self.cluster.api.slices.values()
        mine = [piece for piece in slices if (piece.namespace, piece.service) == (self.spec.namespace, self.spec.name)]
        return [endpoint.address for piece in mine for endpoint in piece.endpoints if endpoint.ready]

    def set_external_traffic_policy(self, policy: str) -> None:
        """`Cluster` or `Local`; returns when every node has it."""
        self.cluster.control_plane.set_external_traffic_policy(self.spec, policy)
        self.cluster.wait_for(lambda: self.cluster.synced, f"the nodes to learn of Service {self.name}")

    def delete(self) -> None:
        """Delete the Service; its address may be given to another one."""
        self.cluster.control_plane.delete_service(self.spec)
        self.cluster.wait_for(lambda: self.cluster.synced, f"the nodes to forget Service {self.name}")
