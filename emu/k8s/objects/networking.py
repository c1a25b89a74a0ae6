"""Ingresses and network policies (Kubernetes API networking.k8s.io/v1)."""

from __future__ import annotations

from dataclasses import dataclass, field

from emu.k8s.objects.base import Meta
from emu.k8s.objects.selector import LabelSelector


@dataclass(slots=True, frozen=True)
class Backend:
    """Where an Ingress sends requests: a Service of its namespace, and one of its ports by number or name."""

    service: str
    port: int | str


@dataclass(slots=True, frozen=True)
class IngressPath:
    """`path_type`: Exact, Prefix or ImplementationSpecific (here like Prefix)."""

    path: str
    path_type: str
    backend: Backend


@dataclass(slots=True, frozen=True)
class IngressRule:
    """`host`: empty for any; may begin with `*.`."""

    host: str
    paths: tuple[IngressPath, ...]


@dataclass(slots=True)
class Ingress(Meta):
    """`lb_ips`: status.loadBalancer.ingress, the addresses it is reached at."""

    name: str
    namespace: str
    rules: tuple[IngressRule, ...] = ()
    default_backend: Backend | None = None
    class_name: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    lb_ips: tuple[str, ...] = ()
    kind = "Ingress"


@dataclass(slots=True)
class IngressClass(Meta):
    """`default`: annotation ingressclass.kubernetes.io/is-default-class."""

    name: str
    controller: str
    default: bool = False
    labels: dict[str, str] = field(default_factory=dict)
    kind = "IngressClass"
    namespace = ""


@dataclass(slots=True, frozen=True)
class IPBlock:
    """A range of addresses; `excepted` are carved out of it."""

    cidr: str
    excepted: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class PolicyPeer:
    """Either `ip_block`, or selectors: `pods` alone means the policy's own namespace, `namespaces` alone all their pods, both together AND."""

    pods: LabelSelector | None = None
    namespaces: LabelSelector | None = None
    ip_block: IPBlock | None = None


@dataclass(slots=True, frozen=True)
class PolicyPort:
    """`port`: a number, a name on the destination pod, or None for all ports of the protocol. `end_port`: 0, or the last of a range."""

    protocol: str = "TCP"
    port: int | str | None = None
    end_port: int = 0


@dataclass(slots=True, frozen=True)
class PolicyRule:
    """Peers and ports that are allowed; None in place of either means any."""

    peers: tuple[PolicyPeer, ...] | None = None
    ports: tuple[PolicyPort, ...] | None = None


@dataclass(slots=True)
class NetworkPolicy(Meta):
    """`types`: Ingress, Egress: which of the two the selected pods are isolated for."""

    name: str
    namespace: str
    pods: LabelSelector
    types: tuple[str, ...] = ("Ingress",)
    ingress: tuple[PolicyRule, ...] = ()
    egress: tuple[PolicyRule, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    kind = "NetworkPolicy"
