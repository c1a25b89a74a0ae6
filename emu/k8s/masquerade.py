"""ip-masq-agent: pods' traffic to the outside leaves with the node's address; traffic inside the cluster keeps the pod's."""

from __future__ import annotations

from typing import Any

from emu.iproute import iptables
from emu.k8s.ensure import ensure_rule
from emu.trace.points import STEP

NON_MASQUERADE_CIDRS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
LINK_LOCAL = "169.254.0.0/16"


def document(cidrs: tuple[str, ...] = NON_MASQUERADE_CIDRS) -> str:
    """The agent's nat rules for `iptables-restore --noflush` (kubernetes-sigs/ip-masq-agent)."""
    note = '-m comment --comment "ip-masq-agent: local traffic is not subject to MASQUERADE"'
    lines = ["*nat", ":IP-MASQ-AGENT - [0:0]"]
    lines += [f"-A IP-MASQ-AGENT {note} -d {cidr} -j RETURN" for cidr in (LINK_LOCAL, *cidrs)]
    comment = '-m comment --comment "ip-masq-agent: outbound traffic is subject to MASQUERADE (must be last in chain)"'
    lines.append(f"-A IP-MASQ-AGENT {comment} -j MASQUERADE --random-fully")
    return "\n".join([*lines, "COMMIT", ""])


JUMP = '-m comment --comment "ip-masq-agent: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom IP-MASQ-AGENT chain"'


def install(netns: Any, cidrs: tuple[str, ...] = NON_MASQUERADE_CIDRS) -> None:
    """Write the chain and append the jump to POSTROUTING, behind kube-proxy's."""
    if netns.tp.journal:
        netns.tp.on_journal(STEP, netns.name, "what leaves the cluster gets the node's address", f"ip-masq-agent on {netns.name}")
    iptables.restore(netns, document(cidrs), noflush=True)
    ensure_rule(netns, "nat", "POSTROUTING", f"{JUMP} -m addrtype ! --dst-type LOCAL -j IP-MASQ-AGENT", at_head=False)
