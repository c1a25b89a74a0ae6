"""Services and endpoints of manifests (core/v1, discovery.k8s.io/v1)."""

from __future__ import annotations

from collections.abc import Iterator

from emu.k8s.manifest.fields import Fields
from emu.k8s.manifest.meta import Header
from emu.k8s.manifest.pod import PROTOCOLS
from emu.k8s.objects import (
    CLUSTER,
    LABEL_SERVICE_NAME,
    LOCAL,
    Endpoint,
    EndpointPort,
    Endpoints,
    EndpointSlice,
    EndpointSubset,
    Service,
    ServicePort,
)
from emu.k8s.validation import check_ip, check_name

DEFAULT_AFFINITY_SECONDS = 10800
SERVICE_TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")


def service(fields: Fields, header: Header) -> Service:
    """core/v1 Service."""
    spec = fields.mapping("spec")
    kind = spec.choice("type", SERVICE_TYPES, "ClusterIP")
    external_name = spec.text("externalName").rstrip(".")
    if kind == "ExternalName":
        check_name(f"{fields.where}: spec.externalName: name", external_name or spec.required("externalName"))
    for family in spec.texts("ipFamilies"):
        if family != "IPv4":
            spec.fail("ipFamilies", f"{family} is not emulated: this network is IPv4 only")
    ingress = fields.mapping("status").mapping("loadBalancer").items("ingress")
    return Service(
        header.name,
        header.namespace,
        tuple(_service_ports(spec)),
        spec.labels("selector") or None,
        kind,
        cluster_ip=_cluster_ip(spec),
        external_ips=spec.texts("externalIPs"),
        lb_ips=tuple(_address(item, "ip") for item in ingress if "ip" in item and item.text("ipMode", "VIP") == "VIP"),
        source_ranges=tuple(cidr.strip() for cidr in spec.texts("loadBalancerSourceRanges")),
        session_affinity_seconds=_affinity(spec),
        external_traffic_policy=spec.choice("externalTrafficPolicy", (CLUSTER, LOCAL), CLUSTER),
        internal_traffic_policy=spec.choice("internalTrafficPolicy", (CLUSTER, LOCAL), CLUSTER),
        health_check_node_port=spec.port("healthCheckNodePort"),
        publish_not_ready=spec.flag("publishNotReadyAddresses"),
        labels=header.labels,
        external_name=external_name,
        traffic_distribution=spec.choice("trafficDistribution", ("", "PreferClose", "PreferSameZone", "PreferSameNode")),
        load_balancer_ip=spec.text("loadBalancerIP"),
        load_balancer_class=spec.text("loadBalancerClass"),
        allocate_node_ports=spec.flag("allocateLoadBalancerNodePorts", True),
        **header.meta(),
    )


def _service_ports(spec: Fields) -> Iterator[ServicePort]:
    for item in spec.items("ports"):
        if "port" not in item:
            item.fail("port", "Required value")
        protocol = item.choice("protocol", PROTOCOLS, "TCP")
        yield ServicePort(item.port("port"), item.port_or_name("targetPort"), protocol, item.text("name"), item.port("nodePort"))


def _cluster_ip(spec: Fields) -> str:
    value = spec.text("clusterIP")
    if value in ("", "None"):
        return value
    return _address(spec, "clusterIP")


def _address(fields: Fields, name: str) -> str:
    return str(check_ip(f"{fields.where}: {fields.at(name)}", fields.text(name)))


def _affinity(spec: Fields) -> int:
    if spec.choice("sessionAffinity", ("None", "ClientIP"), "None") == "None":
        return 0
    return spec.mapping("sessionAffinityConfig").mapping("clientIP").whole("timeoutSeconds", DEFAULT_AFFINITY_SECONDS, 1, 86400)


def endpoint_slice(fields: Fields, header: Header) -> EndpointSlice:
    """discovery.k8s.io/v1 EndpointSlice."""
    if fields.choice("addressType", ("IPv4", "IPv6", "FQDN")) != "IPv4":
        fields.fail("addressType", f"{fields.text('addressType')} is not emulated: this network is IPv4 only")
    ports = tuple(EndpointPort(item.text("name"), item.port("port"), item.choice("protocol", PROTOCOLS, "TCP")) for item in fields.items("ports"))
    endpoints = tuple(endpoint for item in fields.items("endpoints") for endpoint in _slice_endpoints(item))
    return EndpointSlice(header.name, header.namespace, header.labels.get(LABEL_SERVICE_NAME, ""), ports, endpoints, header.labels, **header.meta())


def _slice_endpoints(item: Fields) -> Iterator[Endpoint]:
    addresses = item.texts("addresses")
    if not addresses:
        item.fail("addresses", "Required value: must contain at least 1 address")
    conditions, hints, target = item.mapping("conditions"), item.mapping("hints"), item.mapping("targetRef")
    ready, terminating = conditions.flag("ready", True), conditions.flag("terminating", False)
    # kube-proxy reads the first address only.
    yield Endpoint(
        str(check_ip(f"{item.where}: {item.at('addresses[0]')}", addresses[0])),
        item.text("nodeName"),
        ready,
        conditions.flag("serving", ready),
        terminating,
        item.text("zone"),
        tuple(zone.required("name") for zone in hints.items("forZones")),
        tuple(node.required("name") for node in hints.items("forNodes")),
        f"{target.text('namespace')}/{target.text('name')}" if target.text("kind") == "Pod" else "",
        item.text("hostname"),
    )


def endpoints(fields: Fields, header: Header) -> Endpoints:
    """core/v1 Endpoints."""
    subsets = []
    for item in fields.items("subsets"):
        ports = tuple(EndpointPort(port.text("name"), port.port("port"), port.choice("protocol", PROTOCOLS, "TCP")) for port in item.items("ports"))
        addresses = [
            Endpoint(_address(each, "ip"), each.text("nodeName"), ready=ready, serving=ready, hostname=each.text("hostname"))
            for name, ready in (("addresses", True), ("notReadyAddresses", False))
            for each in item.items(name)
        ]
        subsets.append(EndpointSubset(tuple(addresses), ports))
    return Endpoints(header.name, header.namespace, tuple(subsets), header.labels, **header.meta())
