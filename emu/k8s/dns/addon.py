"""The DNS add-on as kubeadm installs it: Deployment coredns and Service kube-dns in kube-system; and what a pod's resolv.conf says of it."""

from __future__ import annotations

from ipaddress import IPv4Network
from random import Random
from typing import Any

from emu.apps.resolv import MAX_SEARCH, MAX_SERVERS, ResolvConf
from emu.k8s.allocators import ip_of
from emu.k8s.control_plane import ControlPlane
from emu.k8s.dns.server import HEALTH_PORT, READY_PORT, DnsServer
from emu.k8s.dns.zone import Zone
from emu.k8s.objects import (
    Container,
    ContainerPort,
    Deployment,
    LabelSelector,
    Namespace,
    Pod,
    PodSpec,
    PodTemplate,
    Probe,
    Service,
    ServicePort,
    Toleration,
)

NAMESPACE = "kube-system"
LABELS = {"k8s-app": "kube-dns"}
NDOTS = 5


class ClusterDns:
    """What the cluster's DNS is: its zone, its address, its servers."""

    def __init__(self, control_plane: ControlPlane, upstreams: tuple[str, ...], draw: Random, domain: str = "cluster.local", replicas: int = 2) -> None:
        self.control_plane = control_plane
        self.domain = domain
        self.upstreams = upstreams
        self.draw = draw
        self.zone = Zone(control_plane.api, control_plane.services, domain)
        self.address = ip_of(int(IPv4Network(control_plane.service_cidr).network_address) + 10)
        self.replicas = replicas

    def install(self) -> None:
        """Create the Service and the Deployment."""
        plane = self.control_plane
        if plane.api.get("Namespace", NAMESPACE) is None:
            plane.create(Namespace(NAMESPACE, {"kubernetes.io/metadata.name": NAMESPACE}))
        ports = (ServicePort(53, 53, "UDP", "dns"), ServicePort(53, 53, "TCP", "dns-tcp"), ServicePort(9153, 9153, "TCP", "metrics"))
        plane.create(Service("kube-dns", NAMESPACE, ports, dict(LABELS), cluster_ip=self.address, labels=dict(LABELS)))
        container = Container(
            "coredns",
            (ContainerPort(53, "UDP", "dns"), ContainerPort(53, "TCP", "dns-tcp"), ContainerPort(9153, "TCP", "metrics")),
            self._program,
            readiness=Probe(READY_PORT, "/ready"),
            liveness=Probe(HEALTH_PORT, "/health", initial_delay_seconds=60.0, timeout_seconds=5.0, failure_threshold=5),
            image="registry.k8s.io/coredns/coredns",
        )
        tolerations = (Toleration("CriticalAddonsOnly", "Exists"), Toleration("node-role.kubernetes.io/control-plane", "Exists", "", "NoSchedule"))
        template = PodTemplate(PodSpec((container,), tolerations=tolerations, dns_policy="Default"), dict(LABELS))
        plane.create(Deployment("coredns", NAMESPACE, LabelSelector(dict(LABELS)), template, self.replicas, dict(LABELS), max_unavailable=1))

    async def _program(self, container: Any) -> None:
        await DnsServer(self.zone, self.upstreams, self.draw).serve()

    def resolv_conf(self, pod: Pod) -> ResolvConf:
        """What the kubelet writes into a pod (pkg/kubelet/network/dns)."""
        policy = pod.spec.dns_policy
        if policy == "ClusterFirst" and pod.spec.host_network:
            policy = "Default"
        if policy in ("ClusterFirst", "ClusterFirstWithHostNet"):
            search = (f"{pod.namespace}.svc.{self.domain}", f"svc.{self.domain}", self.domain)
            conf = ResolvConf((self.address,), search, NDOTS)
        elif policy == "Default":
            conf = self.node_conf
        else:
            conf = ResolvConf()
        return _configured(conf, pod.spec.dns_config)

    @property
    def node_conf(self) -> ResolvConf:
        """The nodes' own resolv.conf."""
        return ResolvConf(self.upstreams)


def _configured(conf: ResolvConf, config: dict[str, Any]) -> ResolvConf:
    """spec.dnsConfig: servers and domains appended, options merged by name."""
    if not config:
        return conf
    servers = dict.fromkeys((*conf.servers, *map(str, config.get("nameservers") or ())))
    search = dict.fromkeys((*conf.search, *map(str, config.get("searches") or ())))
    options = {str(option.get("name")): str(option.get("value", "")) for option in config.get("options") or () if isinstance(option, dict)}
    merged = ResolvConf.parse("options " + " ".join(f"{name}:{value}" if value else name for name, value in options.items()))
    return ResolvConf(
        tuple(servers)[:MAX_SERVERS],
        tuple(search)[:MAX_SEARCH],
        merged.ndots if "ndots" in options else conf.ndots,
        merged.timeout if "timeout" in options else conf.timeout,
        merged.attempts if "attempts" in options else conf.attempts,
    )
