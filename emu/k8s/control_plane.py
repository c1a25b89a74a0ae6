"""The cluster's brain: the API with its defaulting and validation, the address allocators, and the EndpointSlice controller."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from emu.k8s import objects
from emu.k8s.allocators import cluster_ips, ip_of, node_ports
from emu.k8s.api import Api
from emu.k8s.delays import Delays
from emu.k8s.endpointslice import EndpointSliceController
from emu.k8s.objects import CLUSTER, LOCAL, KubernetesError, Pod, Service
from emu.k8s.proxy.state import ServiceState
from emu.k8s.validation import check_pod, check_service
from emu.sim import Sim


class ControlPlane:
    """Creates and deletes objects the way `kubectl apply` would see them accepted or refused."""

    def __init__(self, sim: Sim, service_cidr: str, delays: Delays) -> None:
        self.sim = sim
        self.api = Api(sim, delays)
        self.service_cidr = service_cidr
        self.cluster_ips = cluster_ips(service_cidr, sim.stream("cluster-ip"))
        self.node_ports = node_ports(sim.stream("node-port"))
        self.endpoints = EndpointSliceController(self.api)
        self.services = ServiceState(self.api)
        self._uids = sim.stream("uid")

    def new_uid(self) -> str:
        """A random object uid."""
        return f"{self._uids.getrandbits(128):032x}"

    # -- pods ---------------------------------------------------------------------------------------------------------------------

    def create_pod(self, pod: Pod) -> None:
        """Store a pod. One without a node is the scheduler's to place."""
        check_pod(pod)
        if pod.node and ("", pod.node) not in self.api.nodes:
            raise KubernetesError(f'Pod "{pod.namespace}/{pod.name}": spec.nodeName: there is no node {pod.node!r}')
        pod.uid = self.new_uid()
        pod.created_ns = self.sim.now
        self.api.create(pod)

    def delete_pod(self, pod: Pod, grace_seconds: float = 0.0) -> None:
        """Have a pod end: at once without grace, or if no kubelet has it yet; else its kubelet ends its containers and then removes it."""
        if pod.deletion_ns is None:
            pod.deletion_ns, pod.deletion_seconds = self.sim.now, grace_seconds
        elif grace_seconds:
            return  # it is ending already
        if grace_seconds and pod.node and pod.phase in ("Pending", "Running"):
            self.api.update(pod)
        else:
            self.api.delete(pod)

    # -- services -----------------------------------------------------------------------------------------------------------------

    def create_service(self, service: Service) -> None:
        """Validate, allocate what is left open, store. A Service that is refused keeps nothing of what was allocated for it."""
        check_service(service)
        if (service.namespace, service.name) in self.api.services:
            raise KubernetesError(f'Service "{service.namespace}/{service.name}" already exists')
        owner = f"{service.namespace}/{service.name}"
        if service.cluster_ip == "":
            service.cluster_ip = ip_of(self.cluster_ips.draw(owner))
        elif service.cluster_ip != "None":
            self.cluster_ips.take(int(IPv4Address(service.cluster_ip)), owner, service.cluster_ip)
        node_ports: list[int] = []
        try:
            if service.type in ("NodePort", "LoadBalancer"):
                for port in service.ports:
                    node_ports.append(self._node_port(port.node_port, owner))  # noqa: PERF401  # those taken before one is refused are given back
                service.ports = tuple(replace(port, node_port=number) for port, number in zip(service.ports, node_ports, strict=True))
            if service.type == "LoadBalancer" and service.external_traffic_policy == LOCAL:
                service.health_check_node_port = self._node_port(service.health_check_node_port, owner)
        except KubernetesError:
            if service.cluster_ip != "None":
                self.cluster_ips.release(int(IPv4Address(service.cluster_ip)))
            for number in node_ports:
                self.node_ports.release(number)
            raise
        self.api.create(service)

    def _node_port(self, wanted: int, owner: str) -> int:
        if wanted:
            self.node_ports.take(wanted, owner, str(wanted))
            return wanted
        return self.node_ports.draw(owner)

    def set_external_traffic_policy(self, service: Service, policy: str) -> None:
        """Change spec.externalTrafficPolicy, with the health check port that comes or goes with it."""
        if policy not in (CLUSTER, LOCAL):
            raise KubernetesError(f'Service "{service.namespace}/{service.name}": spec.externalTrafficPolicy: {policy!r} is neither Cluster nor Local')
        if self.api.services.get((service.namespace, service.name)) is not service:
            raise KubernetesError(f'Service "{service.namespace}/{service.name}" not found')
        service.external_traffic_policy = policy
        if service.type == "LoadBalancer":
            if policy == LOCAL and not service.health_check_node_port:
                service.health_check_node_port = self.node_ports.draw(f"{service.namespace}/{service.name}")
            elif policy == CLUSTER and service.health_check_node_port:
                self.node_ports.release(service.health_check_node_port)
                service.health_check_node_port = 0
        self.api.update(service)

    def delete_service(self, service: Service) -> None:
        """Remove a Service and give its address and ports back."""
        self.api.delete(service)
        if service.cluster_ip not in ("", "None"):
            self.cluster_ips.release(int(IPv4Address(service.cluster_ip)))
        for number in (*(port.node_port for port in service.ports), service.health_check_node_port):
            if number:
                self.node_ports.release(number)

    def selects_nothing(self, service: Service) -> bool:
        """Whether its selector matches no pod at present: worth a warning."""
        return bool(service.selector) and not any(
            pod.namespace == service.namespace and objects.matches(service.selector, pod.labels) for pod in self.api.pods.values()
        )
