"""The cluster's brain: the API with its defaulting and validation, the address allocators, and the EndpointSlice controller."""

from __future__ import annotations

from dataclasses import fields, replace
from ipaddress import IPv4Address
from typing import Any

from emu.k8s import objects
from emu.k8s.allocators import cluster_ips, ip_of, node_ports
from emu.k8s.api import Api
from emu.k8s.controllers.daemonset import DaemonSetController
from emu.k8s.controllers.deployment import DeploymentController
from emu.k8s.controllers.endpoints_mirror import EndpointsMirror
from emu.k8s.controllers.job import JobController
from emu.k8s.controllers.replicaset import ReplicaSetController
from emu.k8s.controllers.statefulset import StatefulSetController
from emu.k8s.delays import Delays
from emu.k8s.endpointslice import EndpointSliceController
from emu.k8s.netpol.agent import PolicyRules
from emu.k8s.netpol.view import PolicyView
from emu.k8s.objects import CLUSTER, LOCAL, KubernetesError, Namespace, Pod, Service, titled
from emu.k8s.proxy.state import ServiceState
from emu.k8s.scheduler import Scheduler
from emu.k8s.validation import check_pod, check_service
from emu.sim import Sim


class ControlPlane:
    """Creates and deletes objects the way `kubectl apply` would see them accepted or refused."""

    system_namespaces = ("default", "kube-system", "kube-public", "kube-node-lease")

    def __init__(self, sim: Sim, service_cidr: str, delays: Delays) -> None:
        self.sim = sim
        self.api = Api(sim, delays)
        self.service_cidr = service_cidr
        self.cluster_ips = cluster_ips(service_cidr, sim.stream("cluster-ip"))
        self.node_ports = node_ports(sim.stream("node-port"))
        self.endpoints = EndpointSliceController(self.api)
        self.mirror = EndpointsMirror(self.api)
        self.services = ServiceState(self.api)
        self._uids = sim.stream("uid")
        self.policies = PolicyRules(PolicyView(self.api))
        self.scheduler = Scheduler(self.api)
        self.replica_sets = ReplicaSetController(self)
        self.deployments = DeploymentController(self, self.replica_sets)
        self.stateful_sets = StatefulSetController(self)
        self.daemon_sets = DaemonSetController(self)
        self.jobs = JobController(self)

    @property
    def busy(self) -> bool:
        """Whether a controller, or an agent on some node, has still to act on a change."""
        return bool(self.endpoints.busy or self.services.due or self.policies.due)

    def new_uid(self) -> str:
        """A random object uid."""
        return f"{self._uids.getrandbits(128):032x}"

    def create(self, thing: Any) -> None:
        """Store an object of any kind, defaulted and validated."""
        if isinstance(thing, Pod):
            self.create_pod(thing)
        elif isinstance(thing, Service):
            self.create_service(thing)
        else:
            self.check_template(thing)
            thing.uid, thing.created_ns = self.new_uid(), self.sim.now
            self.api.create(thing)

    def check_template(self, thing: Any) -> None:
        """A template may name a node, which must be there. Raises KubernetesError."""
        template = getattr(thing, "template", None)
        if template is not None and template.spec.node_name and ("", template.spec.node_name) not in self.api.nodes:
            raise KubernetesError(f"{titled(thing)}: spec.template.spec.nodeName: there is no node {template.spec.node_name!r}")

    def delete(self, thing: Any) -> None:
        """Remove an object of any kind, and what is below it: pods with the grace they ask for."""
        if isinstance(thing, Pod):
            self.delete_pod(thing, thing.spec.grace_seconds)
        elif isinstance(thing, Service):
            self.delete_service(thing)
        else:
            self.api.delete(thing)
        if isinstance(thing, Namespace):
            for kind in self.api.kinds:
                for inner in [each for each in self.api.all(kind).values() if each.namespace == thing.name]:
                    if self.api.get(kind, inner.name, inner.namespace) is inner:  # it may have gone with its owner
                        self.delete(inner)

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
        self._allocate(service)
        service.uid, service.created_ns = self.new_uid(), self.sim.now
        self.api.create(service)

    def _allocate(self, service: Service) -> None:
        """Addresses and node ports: those that are asked for, and drawn ones."""
        if service.type == "ExternalName":
            return
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

    def _release(self, service: Service) -> None:
        if service.cluster_ip not in ("", "None"):
            self.cluster_ips.release(int(IPv4Address(service.cluster_ip)))
        for number in (*(port.node_port for port in service.ports), service.health_check_node_port):
            if number:
                self.node_ports.release(number)

    def change_service(self, service: Service, wanted: Service) -> None:
        """Give a Service another's fields; what was allocated stays where the new one leaves it open. Raises KubernetesError, nothing changed then."""
        if wanted.cluster_ip and service.cluster_ip and wanted.cluster_ip != service.cluster_ip and wanted.type != "ExternalName":
            raise KubernetesError(f'{titled(service)}: spec.clusterIPs[0]: Invalid value: ["{wanted.cluster_ip}"]: may not change once set')
        before = {field.name: getattr(service, field.name) for field in fields(service)}
        numbers = {(port.protocol, port.port): port.node_port for port in service.ports}
        if wanted.type == service.type or (wanted.type != "ExternalName" and service.type != "ExternalName"):
            wanted.cluster_ip = wanted.cluster_ip or service.cluster_ip
        if wanted.type in ("NodePort", "LoadBalancer"):
            wanted.ports = tuple(replace(port, node_port=port.node_port or numbers.get((port.protocol, port.port), 0)) for port in wanted.ports)
        if wanted.type == "LoadBalancer" and wanted.external_traffic_policy == LOCAL:
            wanted.health_check_node_port = wanted.health_check_node_port or service.health_check_node_port
        self._release(service)
        try:
            check_service(wanted)
            self._allocate(wanted)
        except KubernetesError:
            self._allocate(service)
            raise
        keep = ("uid", "owner", "created_ns", *(("lb_ips",) if wanted.type == "LoadBalancer" else ()))
        for name in before:
            if name not in keep:
                setattr(service, name, getattr(wanted, name))

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
        self._release(service)

    def selects_nothing(self, service: Service) -> bool:
        """Whether its selector matches no pod at present: worth a warning."""
        return bool(service.selector) and not any(
            pod.namespace == service.namespace and objects.matches(service.selector, pod.labels) for pod in self.api.pods.values()
        )
