"""The iptables-restore document of one sync: filter, then nat, for `iptables-restore --noflush --counters`.

A full sync writes every chain. A partial one leaves out the chains of services that did not change; the dispatch chains are always whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from emu.k8s.proxy.rules import Detector, PortRules

MASQUERADE_MARK = "0x00004000"

FILTER_CHAINS = ("KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-FORWARD", "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL")
NAT_CHAINS = ("KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ")

NEW = "-m conntrack --ctstate NEW "
PORTALS = '-m comment --comment "kubernetes service portals"'
EXTERNAL = '-m comment --comment "kubernetes externally-visible service portals"'
FIREWALL = '-m comment --comment "kubernetes load balancer firewall"'

# (table, built-in chain, rule): each is put at the head if it is missing, in this order, so that the last one ends on top.
JUMPS: tuple[tuple[str, str, str], ...] = (
    ("filter", "INPUT", f"{NEW}{EXTERNAL} -j KUBE-EXTERNAL-SERVICES"),
    ("filter", "FORWARD", f"{NEW}{EXTERNAL} -j KUBE-EXTERNAL-SERVICES"),
    ("filter", "INPUT", '-m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS'),
    ("filter", "FORWARD", f"{NEW}{PORTALS} -j KUBE-SERVICES"),
    ("filter", "OUTPUT", f"{NEW}{PORTALS} -j KUBE-SERVICES"),
    ("filter", "FORWARD", '-m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD'),
    ("filter", "INPUT", f"{NEW}{FIREWALL} -j KUBE-PROXY-FIREWALL"),
    ("filter", "OUTPUT", f"{NEW}{FIREWALL} -j KUBE-PROXY-FIREWALL"),
    ("filter", "FORWARD", f"{NEW}{FIREWALL} -j KUBE-PROXY-FIREWALL"),
    ("nat", "OUTPUT", f"{PORTALS} -j KUBE-SERVICES"),
    ("nat", "PREROUTING", f"{PORTALS} -j KUBE-SERVICES"),
    ("nat", "POSTROUTING", '-m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING'),
)

ANTI_MARTIAN = (
    '-A KUBE-FIREWALL -m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8 '
    "-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP"
)


@dataclass(slots=True, frozen=True)
class Options:
    """kube-proxy's configuration as far as the rules depend on it. `node_port_ips`: None for every local address."""

    detector: Detector = field(default_factory=Detector)
    masquerade_all: bool = False
    localhost_nodeports: bool = True
    node_port_ips: tuple[str, ...] | None = None
    random_fully: bool = True
    drop_invalid: bool = True


def build_document(options: Options, ports: Sequence[PortRules], changed: Iterable[PortRules], stale_chains: Sequence[str]) -> str:
    """`ports`: every service port in order; `changed`: those whose own chains are written; `stale_chains`: chains to delete."""
    changed = list(changed)
    lines = ["*filter"]
    lines += [f":{chain} - [0:0]" for chain in FILTER_CHAINS]
    if options.localhost_nodeports:
        lines += [":KUBE-FIREWALL - [0:0]", ANTI_MARTIAN]
    for port in ports:
        lines += port.filter_services
        lines += port.filter_external
        lines += port.filter_firewall
        lines += port.filter_nodeports
    if options.drop_invalid:
        lines.append("-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP")
    lines.append(f'-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark {MASQUERADE_MARK}/{MASQUERADE_MARK} -j ACCEPT')
    lines.append('-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT')
    lines += ["COMMIT", "*nat"]
    lines += [f":{chain} - [0:0]" for chain in NAT_CHAINS]
    for port in changed:
        lines += [f":{chain} - [0:0]" for chain in port.chains]
    lines += [f":{chain} - [0:0]" for chain in stale_chains]
    lines.append(f"-A KUBE-POSTROUTING -m mark ! --mark {MASQUERADE_MARK}/{MASQUERADE_MARK} -j RETURN")
    lines.append(f"-A KUBE-POSTROUTING -j MARK --xor-mark {MASQUERADE_MARK}")
    fully = " --random-fully" if options.random_fully else ""
    lines.append(f'-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE{fully}')
    lines.append(f"-A KUBE-MARK-MASQ -j MARK --or-mark {MASQUERADE_MARK}")
    # Whether a port's chains are written does not change its place in the dispatch chains.
    for port in ports:
        lines += port.nat_services
        lines += port.nat_nodeports
    for port in changed:
        lines += port.chain_rules
    lines += [f"-X {chain}" for chain in stale_chains]
    lines += _nodeports_tail(options)
    lines.append("COMMIT")
    return "\n".join(lines) + "\n"


def _nodeports_tail(options: Options) -> list[str]:
    note = '-m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain"'
    if options.node_port_ips is None:
        loopback = "" if options.localhost_nodeports else " ! -d 127.0.0.0/8"
        return [f"-A KUBE-SERVICES {note} -m addrtype --dst-type LOCAL{loopback} -j KUBE-NODEPORTS"]
    ips = [ip for ip in options.node_port_ips if options.localhost_nodeports or not ip.startswith("127.")]
    return [f"-A KUBE-SERVICES {note} -d {ip} -j KUBE-NODEPORTS" for ip in ips]
