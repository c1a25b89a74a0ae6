"""Nodes, namespaces and what is only kept (core/v1)."""

from __future__ import annotations

from ipaddress import IPv4Network

from emu.k8s.manifest.fields import Fields
from emu.k8s.manifest.meta import Header
from emu.k8s.manifest.pod import pod_spec
from emu.k8s.objects import Kept, Namespace, Node, Pod, Taint
from emu.k8s.validation import check_ip

METADATA_NAME = "kubernetes.io/metadata.name"


def namespace(fields: Fields, header: Header) -> Namespace:
    """core/v1 Namespace."""
    return Namespace(header.name, {**header.labels, METADATA_NAME: header.name}, **header.meta())


def node(fields: Fields, header: Header) -> Node:
    """core/v1 Node. Address and pod range are empty where the manifest gives none: the cluster chooses them."""
    spec, status = fields.mapping("spec"), fields.mapping("status")
    cidr = spec.text("podCIDR")
    if cidr:
        try:
            cidr = str(IPv4Network(cidr))
        except ValueError:
            spec.invalid("podCIDR", cidr, "must be a valid IPv4 CIDR value")
    ip = next((item.required("address") for item in status.items("addresses") if item.text("type") == "InternalIP" and ":" not in item.text("address")), "")
    if ip:
        ip = str(check_ip(f"{fields.where}: status.addresses", ip))
    taints = tuple(
        Taint(item.required("key"), item.text("value"), item.choice("effect", ("NoSchedule", "PreferNoSchedule", "NoExecute"))) for item in spec.items("taints")
    )
    ready = all(item.text("status", "True") == "True" for item in status.items("conditions") if item.text("type") == "Ready")
    return Node(header.name, ip, cidr, header.labels, ready, taints, spec.flag("unschedulable"), **header.meta())


def pod(fields: Fields, header: Header) -> Pod:
    """core/v1 Pod."""
    spec = fields.mapping("spec")
    return Pod(header.name, header.namespace, spec.text("nodeName"), pod_spec(spec), header.labels, **header.meta())


def kept(fields: Fields, header: Header) -> Kept:
    """ConfigMap, Secret."""
    return Kept(str(fields.raw["kind"]), header.name, header.namespace, header.labels, **header.meta())
