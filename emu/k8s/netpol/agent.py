"""The policy agent of one node: keeps its rules in step with policies, pods and namespaces."""

from __future__ import annotations

from typing import Any

from emu.iproute import iptables
from emu.k8s.ensure import ensure_chain, ensure_rule
from emu.k8s.netpol.rules import JUMP, TOP, Chains, document, node_chains
from emu.k8s.netpol.view import PolicyView
from emu.k8s.objects import Node
from emu.trace.points import STEP


class PolicyRules:
    """The view, and the allow chains made of it, for all nodes."""

    def __init__(self, view: PolicyView) -> None:
        self.view = view
        self.due = 0
        self._version = -1
        self._cache: dict[tuple[str, str, str], Chains] = {}

    def chains(self, node: Node) -> Chains:
        """What a node's filter table is to hold now."""
        if self._version != self.view.version:
            self._version, self._cache = self.view.version, {}
        return node_chains(self.view, node, self._cache)


class PolicyAgent:
    """Does nothing on a cluster without policies. Syncs `delays.proxy` after the first change."""

    def __init__(self, rules: PolicyRules, node: Node, netns: Any) -> None:
        self.rules, self.node, self.netns = rules, node, netns
        self.sim = rules.view.api.sim
        self._chains: Chains = {}
        self._pending: Any = None
        rules.view.listeners.append(self.schedule)
        if rules.view.policies:
            self.schedule()

    def schedule(self) -> None:
        """Have a sync run; several requests make one."""
        if self._pending is None:
            self.rules.due += 1
            self._pending = self.sim.call_later(self.rules.view.api.delays.proxy, self.sync)

    def stop(self) -> None:
        """The node goes down; its rules go with its namespace."""
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
            self.rules.due -= 1
        self.rules.view.listeners.remove(self.schedule)

    def sync(self) -> None:
        """Write what differs. The jump stands at the head of FORWARD, before kube-proxy's, which accept."""
        self._pending = None
        self.rules.due -= 1
        chains = self.rules.chains(self.node)
        if chains == self._chains:
            return
        if self.netns.tp.journal:
            self.netns.tp.on_journal(STEP, self.netns.name, "what policies allow", f"policy agent on {self.node.name}")
        stale = [name for name in self._chains if name not in chains]
        iptables.restore(self.netns, document(chains, stale), noflush=True, counters=True)
        if not self._chains:
            ensure_chain(self.netns, "filter", TOP)
            ensure_rule(self.netns, "filter", "FORWARD", JUMP)
        self._chains = chains
