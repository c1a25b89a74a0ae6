"""The cluster's brain: the API with its defaulting and validation, the address allocators, and the EndpointSlice controller."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

from emu.k8s import objects
from emu.k8s.allocators import cluster_ips, ip_of, node_ports
from emu.k8s.api import Api
from emu.k8s.delays import Delays
from emu.k8s.endpointslice import EndpointSliceController
from emu.k8s.objects import CLUSTER, LOCAL, KubernetesError, Pod, Service
from emu.k8s.proxy.state import ServiceState
from emu.sim import Sim

PROTOCOLS = ("TCP", "UDP", "SCTP")
TYPES = ("ClusterIP", "NodePort", "LoadBalancer")


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
        """Store a pod that is bound to a node."""
        check_name("Pod", pod.name)
        check_name("Namespace", pod.namespace)
        if ("", pod.node) not in self.api.nodes:
            raise KubernetesError(f'Pod "{pod.namespace}/{pod.name}": spec.nodeName: there is no node {pod.node!r}')
        pod.uid = self.new_uid()
        self.api.create(pod)

    def delete_pod(self, pod: Pod) -> None:
        """Remove a pod at once, without grace."""
        pod.deletion_ns = self.sim.now
        self.api.delete(pod)

    # -- services -----------------------------------------------------------------------------------------------------------------

    def create_service(self, service: Service) -> None:
        """Validate, allocate what is left open, store."""
        check_name("Service", service.name)
        self._validate(service)
        if (service.namespace, service.name) in self.api.services:
            raise KubernetesError(f'Service "{service.namespace}/{service.name}" already exists')
        owner = f"{service.namespace}/{service.name}"
        if service.cluster_ip == "":
            service.cluster_ip = ip_of(self.cluster_ips.draw(owner))
        elif service.cluster_ip != "None":
            self.cluster_ips.take(int(IPv4Address(service.cluster_ip)), owner, service.cluster_ip)
        if service.type in ("NodePort", "LoadBalancer"):
            service.ports = tuple(replace(port, node_port=self._node_port(port.node_port, owner)) for port in service.ports)
        if service.type == "LoadBalancer" and service.external_traffic_policy == LOCAL:
            service.health_check_node_port = self._node_port(service.health_check_node_port, owner)
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

    def _validate(self, service: Service) -> None:
        where = f'Service "{service.namespace}/{service.name}"'
        if service.type not in TYPES:
            raise KubernetesError(f"{where}: spec.type: unsupported value {service.type!r}: one of {', '.join(TYPES)}")
        if not service.ports and service.cluster_ip != "None":
            raise KubernetesError(f"{where}: spec.ports: required value")
        names = [port.name for port in service.ports]
        if len(service.ports) > 1 and ("" in names or len(dict.fromkeys(names)) != len(names)):
            raise KubernetesError(f"{where}: spec.ports: each of several ports needs a name of its own")
        seen: dict[tuple[str, int], None] = {}
        for index, port in enumerate(service.ports):
            field = f"{where}: spec.ports[{index}]"
            if not 1 <= port.port <= 65535:
                raise KubernetesError(f"{field}.port: {port.port} is not between 1 and 65535")
            if isinstance(port.target_port, int) and not 0 <= port.target_port <= 65535:
                raise KubernetesError(f"{field}.targetPort: {port.target_port} is not between 1 and 65535")
            if port.protocol not in PROTOCOLS:
                raise KubernetesError(f"{field}.protocol: unsupported value {port.protocol!r}: one of {', '.join(PROTOCOLS)}")
            if (port.protocol, port.port) in seen:
                raise KubernetesError(f"{field}: {port.protocol} {port.port} is there twice")
            seen[port.protocol, port.port] = None
        for policy, value in (("externalTrafficPolicy", service.external_traffic_policy), ("internalTrafficPolicy", service.internal_traffic_policy)):
            if value not in (CLUSTER, LOCAL):
                raise KubernetesError(f"{where}: spec.{policy}: {value!r} is neither Cluster nor Local")
        self._validate_addresses(where, service)

    @staticmethod
    def _validate_addresses(where: str, service: Service) -> None:
        try:
            for ip in (service.cluster_ip, *service.external_ips):
                if ip not in ("", "None"):
                    IPv4Address(ip)
            for cidr in service.source_ranges:
                IPv4Network(cidr, strict=False)
        except ValueError as error:
            raise KubernetesError(f"{where}: {error}") from None


def check_name(kind: str, name: str) -> None:
    """RFC 1123 names, as the API server demands them. Raises KubernetesError."""
    parts = name.split(".")
    if len(name) <= 253 and all(part and part[0] != "-" and part[-1] != "-" and _LABEL.issuperset(part) for part in parts):
        return
    raise KubernetesError(f"{kind} {name!r}: metadata.name: only lower case letters, digits, '-' and '.', beginning and ending with a letter or digit")


_LABEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
