"""What the API server refuses: each complaint is one line that names the object and the field (pkg/apis/core/validation)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from emu.k8s.objects import CLUSTER, LOCAL, Container, ContainerPort, KubernetesError, Pod, Probe, Service, ServicePort

PROTOCOLS = ("TCP", "UDP", "SCTP")
TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
MAX_AFFINITY_SECONDS = 86400
_LABEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def check_name(kind: str, name: Any, dots: bool = True) -> None:
    """RFC 1123 names as the API server demands them: a subdomain of at most 253 characters, or, without `dots`, a label of at most 63."""
    if not isinstance(name, str):
        raise KubernetesError(f"{kind} {name!r}: metadata.name: must be text")
    longest = 253 if dots else 63
    parts = name.split(".") if dots else [name]
    if len(name) > longest:
        raise KubernetesError(f"{kind} {name[:20]!r}...: metadata.name: {len(name)} characters, at most {longest}")
    if all(part and part[0] != "-" and part[-1] != "-" and _LABEL.issuperset(part) for part in parts):
        return
    allowed = "'-' and '.'" if dots else "and '-'"
    raise KubernetesError(f"{kind} {name!r}: metadata.name: only lower case letters, digits, {allowed}, beginning and ending with a letter or digit")


def check_pod(pod: Pod) -> None:
    """Names, labels, containers."""
    check_name("Pod", pod.name)
    check_name("Namespace", pod.namespace, dots=False)
    where = f'Pod "{pod.namespace}/{pod.name}"'
    _check_labels(f"{where}: metadata.labels", pod.labels)
    seen: dict[str, None] = {}
    for index, container in enumerate(pod.spec.containers):
        field = f"{where}: spec.containers[{index}]"
        if not isinstance(container, Container):
            raise KubernetesError(f"{field}: {container!r} is not a Container")
        check_name(f"{field}: Container", container.name, dots=False)
        if container.name in seen:
            raise KubernetesError(f"{field}.name: {container.name!r} is there twice")
        seen[container.name] = None
        if container.program is not None and not callable(container.program):
            raise KubernetesError(f"{field}.program: {container.program!r} is not an async function")
        for number, port in enumerate(container.ports):
            if not isinstance(port, ContainerPort):
                raise KubernetesError(f"{field}.ports[{number}]: {port!r} is not a ContainerPort")
            check_port(f"{field}.ports[{number}].containerPort", port.container_port)
            _check_protocol(f"{field}.ports[{number}]", port.protocol)
        if container.readiness is not None:
            _check_probe(f"{field}.readinessProbe", container.readiness)


def _check_probe(field: str, probe: Any) -> None:
    if not isinstance(probe, Probe):
        raise KubernetesError(f"{field}: {probe!r} is not a Probe")
    if isinstance(probe.port, str) and probe.port:
        check_name(f"{field}: port", probe.port, dots=False)
    elif not probe.exec:
        check_port(f"{field}.port", probe.port)
    for name, value, least in (("periodSeconds", probe.period_seconds, 0.001), ("timeoutSeconds", probe.timeout_seconds, 0.001),
                               ("initialDelaySeconds", probe.initial_delay_seconds, 0.0), ("failureThreshold", probe.failure_threshold, 1),
                               ("successThreshold", probe.success_threshold, 1)):  # fmt: skip
        if not isinstance(value, (int, float)) or not least <= value <= 1e9:
            raise KubernetesError(f"{field}.{name}: {value!r} is less than {least:g}, or no number")


def check_service(service: Service) -> None:
    """Everything that can be said of a Service without looking at others."""
    check_name("Service", service.name, dots=False)
    check_name("Namespace", service.namespace, dots=False)
    where = f'Service "{service.namespace}/{service.name}"'
    if service.type not in TYPES:
        raise KubernetesError(f"{where}: spec.type: unsupported value {service.type!r}: one of {', '.join(TYPES)}")
    if service.selector is not None:
        _check_labels(f"{where}: spec.selector", service.selector)
    _check_labels(f"{where}: metadata.labels", service.labels)
    if not service.ports and service.cluster_ip != "None" and service.type != "ExternalName":
        raise KubernetesError(f"{where}: spec.ports: required value")
    _check_service_ports(where, service)
    for policy, value in (("externalTrafficPolicy", service.external_traffic_policy), ("internalTrafficPolicy", service.internal_traffic_policy)):
        if value not in (CLUSTER, LOCAL):
            raise KubernetesError(f"{where}: spec.{policy}: {value!r} is neither Cluster nor Local")
    seconds: Any = service.session_affinity_seconds
    if not isinstance(seconds, int) or not 0 <= seconds <= MAX_AFFINITY_SECONDS:
        raise KubernetesError(f"{where}: spec.sessionAffinityConfig.clientIP.timeoutSeconds: {seconds!r} is not between 0 and {MAX_AFFINITY_SECONDS}")
    _check_addresses(where, service)


def _check_service_ports(where: str, service: Service) -> None:
    for index, port in enumerate(service.ports):
        if not isinstance(port, ServicePort):
            raise KubernetesError(f"{where}: spec.ports[{index}]: {port!r} is not a ServicePort")
    names = [port.name for port in service.ports]
    if len(service.ports) > 1 and ("" in names or len(dict.fromkeys(names)) != len(names)):
        raise KubernetesError(f"{where}: spec.ports: each of several ports needs a name of its own")
    seen: dict[tuple[str, int], None] = {}
    for index, port in enumerate(service.ports):
        field = f"{where}: spec.ports[{index}]"
        check_port(f"{field}.port", port.port)
        if port.name:
            check_name(f"{field}: port", port.name, dots=False)
        target: Any = port.target_port
        if isinstance(target, str) and target:
            check_name(f"{field}: targetPort", target, dots=False)
        elif target != 0:
            check_port(f"{field}.targetPort", target)
        _check_protocol(field, port.protocol)
        if port.node_port and service.type in ("ClusterIP", "ExternalName"):
            raise KubernetesError(f"{field}.nodePort: may not be set when spec.type is {service.type}")
        if (port.protocol, port.port) in seen:
            raise KubernetesError(f"{field}: {port.protocol} {port.port} is there twice")
        seen[port.protocol, port.port] = None


def _check_addresses(where: str, service: Service) -> None:
    if service.cluster_ip not in ("", "None"):
        check_ip(f"{where}: spec.clusterIP", service.cluster_ip)
    lists: tuple[tuple[str, Any], ...] = (("externalIPs", service.external_ips), ("loadBalancerSourceRanges", service.source_ranges))
    for name, values in lists:
        if isinstance(values, str) or not isinstance(values, (tuple, list)):
            raise KubernetesError(f"{where}: spec.{name}: {values!r} is not a tuple of texts")
    for ip in service.external_ips:
        address = check_ip(f"{where}: spec.externalIPs", ip)
        if address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified:
            raise KubernetesError(f"{where}: spec.externalIPs: {ip} cannot be the address of a Service")
    for cidr in service.source_ranges:
        try:
            if not isinstance(cidr, str):
                raise ValueError(f"{cidr!r} is not text")
            IPv4Network(cidr, strict=False)
        except ValueError as error:
            raise KubernetesError(f"{where}: spec.loadBalancerSourceRanges: {error}") from None


def check_ip(field: str, text: Any) -> IPv4Address:
    """An IPv4 address as text."""
    try:
        if not isinstance(text, str):
            raise ValueError(f"{text!r} is not text")
        return IPv4Address(text)
    except ValueError as error:
        raise KubernetesError(f"{field}: {error}") from None


def check_port(field: str, port: Any) -> None:
    """A number from 1 to 65535."""
    if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= 65535:
        raise KubernetesError(f"{field}: {port!r} is not between 1 and 65535")


def _check_protocol(field: str, protocol: Any) -> None:
    if protocol not in PROTOCOLS:
        raise KubernetesError(f"{field}.protocol: unsupported value {protocol!r}: one of {', '.join(PROTOCOLS)}")


def _check_labels(field: str, labels: Any) -> None:
    if not isinstance(labels, dict) or not all(isinstance(key, str) and isinstance(value, str) for key, value in labels.items()):
        raise KubernetesError(f"{field}: {labels!r} does not map texts to texts")
