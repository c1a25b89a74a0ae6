"""The iptables rules of policies: an allow chain for each policy and direction, and a verdict chain for each isolated pod.

All in the filter table, below FORWARD: there the packet of a Service has its backend's address already (DNAT is PREROUTING's), and what a node sends
itself to its pods (the kubelet's probes) does not pass. An allow chain sets a mark bit; the verdict chain of the pod lets marked packets go on and
drops the rest. So a packet from one pod to another of the same node is judged twice, by the sender's egress and the receiver's ingress.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

from emu.k8s.netpol.view import EGRESS, INGRESS, PolicyView
from emu.k8s.objects import NetworkPolicy, Node, Pod, PolicyPort, PolicyRule

TOP = "NETPOL-FORWARD"
BIT = "0x20000"
JUMP = f'-m comment --comment "network policies" -j {TOP}'
MAX_COMMENT = 240  # xt_comment holds 255

Chains = dict[str, list[str]]


def chain_name(kind: str, what: str) -> str:
    """A chain name of at most 28 characters."""
    digest = hashlib.sha256(what.encode()).digest()
    return f"NETPOL-{kind}-{base64.b32encode(digest).decode()[:16]}"


def comment(text: str) -> str:
    """A comment match."""
    short = text if len(text) <= MAX_COMMENT else f"{text[: MAX_COMMENT - 3]}..."
    return f'-m comment --comment "{short}"'


def policy_chains(view: PolicyView, policy: NetworkPolicy, direction: str) -> Chains:
    """The allow chain of one direction of a policy, and one for each address block of it that has exceptions."""
    name = f"{policy.namespace}/{policy.name}"
    chains: Chains = {allow_chain(policy, direction): []}
    lines = chains[allow_chain(policy, direction)]
    allow = f"{comment(name)} -j MARK --set-xmark {BIT}/{BIT}"
    other = "-d" if direction == EGRESS else "-s"
    for number, rule in enumerate(policy.egress if direction == EGRESS else policy.ingress):
        for match, pods, excepted in _peers(view, policy, rule, other):
            ports = list(_ports(view, policy, rule, direction, pods))
            if excepted:
                block = chain_name("BLK", f"{name} {direction} {number} {match}")
                lines.append(f"{match} -j {block}")
                chains[block] = [f"{other} {cidr} -j RETURN" for cidr in excepted] + [f"{port} {allow}".strip() for port in ports]
            else:
                lines += [f"{match} {port} {allow}".strip() for port in ports]
    return chains


def _peers(view: PolicyView, policy: NetworkPolicy, rule: PolicyRule, side: str) -> Iterator[tuple[str, list[Pod] | None, tuple[str, ...]]]:
    """(match on the peer's address, the pods it stands for or None, exceptions)."""
    if rule.peers is None:
        yield "", None, ()
        return
    seen: dict[str, None] = {}
    for peer in rule.peers:
        if peer.ip_block is not None:
            yield f"{side} {peer.ip_block.cidr}", None, peer.ip_block.excepted
            continue
        for pod in view.peers(policy, peer):
            if pod.ip not in seen:
                seen[pod.ip] = None
                yield f"{side} {pod.ip}/32", [pod], ()


def _ports(view: PolicyView, policy: NetworkPolicy, rule: PolicyRule, direction: str, peers: list[Pod] | None) -> Iterator[str]:
    """Matches on protocol and port; a named port is what it is on each pod that the traffic is for."""
    if rule.ports is None:
        yield ""
        return
    for port in rule.ports:
        if not isinstance(port.port, str):
            yield view.ports_match(port, port.port)
            continue
        destinations = view.selected(policy) if direction == INGRESS else (peers if peers is not None else view.pods.values())
        for pod in destinations:
            number = pod.port_named(port.port, port.protocol)
            if number is not None:
                where = "" if direction == EGRESS and peers is not None else f"-d {pod.ip}/32 "
                yield where + view.ports_match(PolicyPort(port.protocol), number)


def allow_chain(policy: NetworkPolicy, direction: str) -> str:
    """The chain that marks what a policy allows."""
    return chain_name("IN" if direction == INGRESS else "OUT", f"{policy.namespace}/{policy.name}")


def pod_chain(pod: Pod, direction: str) -> str:
    """The chain that judges what comes to, or from, an isolated pod."""
    return chain_name("TO" if direction == INGRESS else "FROM", f"{pod.namespace}/{pod.name}")


def node_chains(view: PolicyView, node: Node, cache: dict[tuple[str, str, str], Chains]) -> Chains:
    """All chains of one node. `cache`: allow chains of this version of the view, by namespace, name and direction; nodes share it."""
    chains: Chains = {TOP: [f"{comment('replies, and what belongs to a connection that was allowed')} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"]}
    if not view.policies:
        return {TOP: []}
    for direction, flag in ((EGRESS, "-s"), (INGRESS, "-d")):
        for pod in view.pods.values():
            if pod.node != node.name or not (policies := view.isolating(pod, direction)):
                continue
            name = f"{pod.namespace}/{pod.name}"
            chain = pod_chain(pod, direction)
            chains[TOP].append(f"{flag} {pod.ip}/32 {comment(name)} -j {chain}")
            lines = [f"-s {pod.ip}/32 -d {pod.ip}/32 -j RETURN", f"-j MARK --set-xmark 0x0/{BIT}"]  # a pod may always reach itself
            for policy in policies:
                key = (policy.namespace, policy.name, direction)
                if key not in cache:
                    cache[key] = policy_chains(view, policy, direction)
                chains.update(cache[key])
                lines += [f"-j {allow_chain(policy, direction)}", f"-m mark --mark {BIT}/{BIT} -j RETURN"]
            word = "from" if direction == EGRESS else "to"
            names = ", ".join(f"{policy.namespace}/{policy.name}" for policy in policies)
            lines.append(f"{comment(f'{direction} {word} {name} is allowed by none of: {names}')} -j DROP")
            chains[chain] = lines
    chains[TOP].append(f"-j MARK --set-xmark 0x0/{BIT}")
    return chains


def document(chains: Chains, stale: list[str]) -> str:
    """The text for `iptables-restore --noflush`."""
    lines = ["*filter", *(f":{name} - [0:0]" for name in (*chains, *stale))]
    lines += [f"-A {name} {line}" for name, rules in chains.items() for line in rules]
    lines += [f"-X {name}" for name in stale]
    return "\n".join([*lines, "COMMIT", ""])
