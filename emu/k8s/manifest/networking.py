"""Ingresses and network policies of manifests (networking.k8s.io/v1)."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from emu.k8s.manifest.fields import Fields
from emu.k8s.manifest.meta import Header
from emu.k8s.manifest.pod import PROTOCOLS
from emu.k8s.manifest.selectors import selector
from emu.k8s.objects import (
    Backend,
    Ingress,
    IngressClass,
    IngressPath,
    IngressRule,
    IPBlock,
    NetworkPolicy,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
)
from emu.k8s.validation import check_name

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
DEFAULT_CLASS_ANNOTATION = "ingressclass.kubernetes.io/is-default-class"


def ingress(fields: Fields, header: Header) -> Ingress:
    """networking.k8s.io/v1 Ingress."""
    spec = fields.mapping("spec")
    rules = tuple(_ingress_rule(item) for item in spec.items("rules"))
    default = _backend(spec, "defaultBackend") if "defaultBackend" in spec else None
    if not rules and default is None:
        spec.fail("", "either `defaultBackend` or `rules` must be specified")
    return Ingress(
        header.name, header.namespace, rules, default, spec.text("ingressClassName") or header.annotations.get(CLASS_ANNOTATION, ""), header.labels,
        **header.meta(),
    )  # fmt: skip


def _ingress_rule(item: Fields) -> IngressRule:
    host = item.text("host")
    if host:
        check_name(f"{item.where}: {item.at('host')}: host", host.removeprefix("*."))
    paths = []
    for each in item.mapping("http").items("paths"):
        kind = each.choice("pathType", ("Exact", "Prefix", "ImplementationSpecific"), "")
        path = each.text("path")
        if kind != "ImplementationSpecific" and not path.startswith("/"):
            each.invalid("path", path, "must be an absolute path")
        paths.append(IngressPath(path or "/", kind, _backend(each, "backend")))
    return IngressRule(host, tuple(paths))


def _backend(fields: Fields, name: str) -> Backend:
    if name not in fields:
        fields.fail(name, "Required value")
    backend = fields.mapping(name)
    if "service" not in backend:
        backend.fail("service", "Required value: backends of other kinds than Service are not emulated" if "resource" in backend else "Required value")
    service = backend.mapping("service")
    port = service.mapping("port")
    if ("number" in port) == ("name" in port):
        port.fail("", "Required value: one of port name or number is required" if "number" not in port else "cannot set both port name & port number")
    return Backend(service.required("name"), port.port("number") or port.text("name"))


def ingress_class(fields: Fields, header: Header) -> IngressClass:
    """networking.k8s.io/v1 IngressClass."""
    default = header.annotations.get(DEFAULT_CLASS_ANNOTATION) == "true"
    return IngressClass(header.name, fields.mapping("spec").required("controller"), default, header.labels, **header.meta())


def network_policy(fields: Fields, header: Header) -> NetworkPolicy:
    """networking.k8s.io/v1 NetworkPolicy. Without policyTypes it is for Ingress, and for Egress if it has egress rules."""
    spec = fields.mapping("spec")
    types = spec.texts("policyTypes")
    for index, kind in enumerate(types):
        if kind not in ("Ingress", "Egress"):
            spec.fail(f"policyTypes[{index}]", f'Unsupported value: "{kind[:60]}": supported values: "Ingress", "Egress"')
    return NetworkPolicy(
        header.name,
        header.namespace,
        selector(spec.mapping("podSelector")),
        types or (("Ingress", "Egress") if spec.values("egress") else ("Ingress",)),
        tuple(_policy_rule(item, "from") for item in spec.items("ingress")),
        tuple(_policy_rule(item, "to") for item in spec.items("egress")),
        header.labels,
        **header.meta(),
    )


def _policy_rule(item: Fields, name: str) -> PolicyRule:
    # An empty list means any, just as a missing one.
    peers = tuple(_peer(peer) for peer in item.items(name)) or None
    return PolicyRule(peers, tuple(_policy_ports(item)) or None)


def _peer(item: Fields) -> PolicyPeer:
    pods, namespaces, block = item.optional("podSelector"), item.optional("namespaceSelector"), item.optional("ipBlock")
    if block is not None:
        if pods is not None or namespaces is not None:
            item.fail("ipBlock", "Forbidden: may not specify both ipBlock and another peer")
        return PolicyPeer(ip_block=_ip_block(block))
    if pods is None and namespaces is None:
        item.fail("", "Required value: must specify a peer")
    return PolicyPeer(selector(pods) if pods is not None else None, selector(namespaces) if namespaces is not None else None)


def _ip_block(fields: Fields) -> IPBlock:
    block = _cidr(fields, "cidr", fields.required("cidr"))
    excepted = []
    for index, text in enumerate(fields.texts("except")):
        inner = _cidr(fields, f"except[{index}]", text)
        if not inner.subnet_of(block) or inner == block:
            fields.invalid(f"except[{index}]", text, f"must be a strict subset of `cidr` {block}")
        excepted.append(str(inner))
    return IPBlock(str(block), tuple(excepted))


def _cidr(fields: Fields, name: str, text: str) -> IPv4Network:
    if ":" in text:
        fields.invalid(name, text, "IPv6 is not emulated")
    try:
        if "/" not in text:
            raise ValueError("no prefix length")
        return IPv4Network(text, strict=False)
    except ValueError:
        fields.invalid(name, text, "must be a valid CIDR value, (e.g. 10.9.8.0/24)")


def _policy_ports(item: Fields) -> Iterator[PolicyPort]:
    for each in item.items("ports"):
        port = each.port_or_name("port")
        end = each.port("endPort")
        if end:
            if not isinstance(port, int) or not port:
                each.invalid("endPort", end, "may not be specified when `port` is not a number")
            elif end < port:
                each.invalid("endPort", end, "must be greater than or equal to `port`")
        yield PolicyPort(each.choice("protocol", PROTOCOLS, "TCP"), port or None, end)
