"""The `iptables-restore` texts of the recordings: what kube-proxy and the node's egress masquerade load on a node.

Written by hand from the rules that kube-proxy documents and tests, independently of the emulator's kube-proxy, so that the two
can be compared.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

CLUSTER_CIDR = "10.244.0.0/16"

ROUTER = """\
*nat
-A POSTROUTING -o eth1 -j MASQUERADE
COMMIT
"""


@dataclass(frozen=True)
class Service:
    """One port of a Service. `endpoints` are (ip:port, node) pairs; `local_policy` is externalTrafficPolicy Local."""

    name: str
    cluster_ip: str
    port: int
    endpoints: tuple[tuple[str, str], ...]
    node_port: int = 0
    protocol: str = "tcp"
    local_policy: bool = False


def chain(kind: str, service: Service, endpoint: str = "") -> str:
    hashed = hashlib.sha256(f"{service.name}{service.protocol}{endpoint}".encode()).digest()
    return f"KUBE-{kind}-" + base64.b32encode(hashed).decode()[:16]


def balance(source: str, service: Service, endpoints: Sequence[str]) -> list[str]:
    lines = []
    for i, endpoint in enumerate(endpoints):
        left = len(endpoints) - i
        chance = f" -m statistic --mode random --probability {1 / left:.10f}" if left > 1 else ""
        lines.append(f'-A {source} -m comment --comment "{service.name} -> {endpoint}"{chance} -j {chain("SEP", service, endpoint)}')
    return lines


def reject(where: str, service: Service, match: str, why: str, target: str) -> str:
    return f'-A {where} -m comment --comment "{service.name} {why}" {match} -j {target}'


def service_rules(node: str, service: Service) -> tuple[list[str], list[str], list[str], list[str], list[str]]:
    """(nat chains, nat KUBE-SERVICES and own rules, nat KUBE-NODEPORTS, filter KUBE-SERVICES, filter KUBE-EXTERNAL-SERVICES)."""
    proto, n = f"-m {service.protocol} -p {service.protocol}", service.name
    vip = f"{proto} -d {service.cluster_ip} --dport {service.port}"
    node_port = f"{proto} --dport {service.node_port}"
    endpoints = sorted(address for address, _node in service.endpoints)
    local = sorted(address for address, where in service.endpoints if where == node)
    if not endpoints:
        outside = [reject("KUBE-EXTERNAL-SERVICES", service, f"-m addrtype --dst-type LOCAL {node_port}", "has no endpoints", "REJECT")]
        return [], [], [], [reject("KUBE-SERVICES", service, vip, "has no endpoints", "REJECT")], outside if service.node_port else []
    svc, svl, ext = chain("SVC", service), chain("SVL", service), chain("EXT", service)
    chains = [svc]
    rules = [f'-A KUBE-SERVICES -m comment --comment "{n} cluster IP" {vip} -j {svc}']
    rules.append(f'-A {svc} -m comment --comment "{n} cluster IP" {vip} ! -s {CLUSTER_CIDR} -j KUBE-MARK-MASQ')
    node_ports, external = [], []
    if service.node_port:
        chains.append(ext)
        node_ports.append(f"-A KUBE-NODEPORTS -m comment --comment {n} {node_port} -j {ext}")
        if service.local_policy:
            rules += [
                f'-A {ext} -m comment --comment "pod traffic for {n} external destinations" -s {CLUSTER_CIDR} -j {svc}',
                f'-A {ext} -m comment --comment "masquerade LOCAL traffic for {n} external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ',
                f'-A {ext} -m comment --comment "route LOCAL traffic for {n} external destinations" -m addrtype --src-type LOCAL -j {svc}',
            ]
            if local:
                chains.append(svl)
                rules += [f"-A {ext} -j {svl}", *balance(svl, service, local)]
            else:
                match = f"-m addrtype --dst-type LOCAL {node_port}"
                external.append(reject("KUBE-EXTERNAL-SERVICES", service, match, "has no local endpoints", "DROP"))
        else:
            rules += [f'-A {ext} -m comment --comment "masquerade traffic for {n} external destinations" -j KUBE-MARK-MASQ', f"-A {ext} -j {svc}"]
    rules += balance(svc, service, endpoints)
    for endpoint in endpoints:
        sep = chain("SEP", service, endpoint)
        chains.append(sep)
        rules.append(f"-A {sep} -m comment --comment {n} -s {endpoint.partition(':')[0]} -j KUBE-MARK-MASQ")
        rules.append(f"-A {sep} -m comment --comment {n} {proto} -j DNAT --to-destination {endpoint}")
    return chains, rules, node_ports, [], external


def node_rules(node: str, services: Sequence[Service]) -> str:
    """Everything a node loads: mangle, filter and nat, flushed and written whole."""
    nat_chains: list[str] = []
    nat: list[str] = []
    node_ports: list[str] = []
    inside: list[str] = []
    outside: list[str] = []
    for service in services:
        for whole, part in zip((nat_chains, nat, node_ports, inside, outside), service_rules(node, service), strict=True):
            whole += part
    new = "-m conntrack --ctstate NEW -m comment --comment"
    firewall = f'{new} "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL'
    portals = f'{new} "kubernetes service portals" -j KUBE-SERVICES'
    visible = f'{new} "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES'
    lines = [
        "*mangle", ":KUBE-IPTABLES-HINT - [0:0]", ":KUBE-KUBELET-CANARY - [0:0]", ":KUBE-PROXY-CANARY - [0:0]", "COMMIT",
        "*filter", ":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]",
        *(f":KUBE-{name} - [0:0]" for name in "EXTERNAL-SERVICES FIREWALL FORWARD KUBELET-CANARY NODEPORTS PROXY-CANARY PROXY-FIREWALL SERVICES".split()),
        f"-A INPUT {firewall}",
        '-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS',
        f"-A INPUT {visible}",
        "-A INPUT -j KUBE-FIREWALL",
        f"-A FORWARD {firewall}",
        '-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD',
        f"-A FORWARD {portals}",
        f"-A FORWARD {visible}",
        f"-A OUTPUT {firewall}",
        f"-A OUTPUT {portals}",
        "-A OUTPUT -j KUBE-FIREWALL",
        *outside,
        '-A KUBE-FIREWALL -m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8'
        " -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP",
        "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP",
        '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT',
        '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        *inside, "COMMIT",
        "*nat", ":PREROUTING ACCEPT [0:0]", ":INPUT ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", ":POSTROUTING ACCEPT [0:0]",
        *(f":KUBE-{name} - [0:0]" for name in "KUBELET-CANARY MARK-MASQ NODEPORTS POSTROUTING PROXY-CANARY SERVICES".split()),
        *(f":{name} - [0:0]" for name in nat_chains),
        '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
        '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
        '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
        '-A POSTROUTING -m comment --comment "kubenet: SNAT for outbound traffic from cluster" -m addrtype ! --dst-type LOCAL ! -d 10.0.0.0/8 -j MASQUERADE',
        "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
        "-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000",
        '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
        "-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000",
        *nat, *node_ports,
        '-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain"'
        " -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS",
        "COMMIT",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
