"""One node's kube-proxy: keeps the node's iptables in step with the API (pkg/proxy/iptables Proxier)."""

from __future__ import annotations

from typing import Any

from emu.iproute import conntrack, iptables
from emu.k8s.ensure import ensure_chain, ensure_rule
from emu.k8s.objects import Node
from emu.k8s.proxy.cleanup import stale_udp
from emu.k8s.proxy.document import JUMPS, Options, build_document
from emu.k8s.proxy.rules import PortRules
from emu.k8s.proxy.state import LARGE_CLUSTER_ENDPOINTS, Key, PortKey, ServiceListener, ServiceState
from emu.trace.points import STEP


class Proxier(ServiceListener):
    """Syncs `delays.proxy` after the first change it heard of. The first sync is full, later ones write only what changed."""

    def __init__(self, state: ServiceState, node: Node, netns: Any, options: Options) -> None:
        self.state, self.node, self.netns, self.options = state, node, netns, options
        self.sim = state.api.sim
        self.written: dict[PortKey, PortRules] = {}  # what the node's own service chains hold now
        self.chains: dict[str, None] = {}  # all per-service chains on the node
        self._full = True
        self._pending: Any = None
        self._changed: dict[Key, bool] = {}
        state.listeners.append(self)

    def service_changed(self, key: Key, slices: bool) -> None:
        """Remember the change and have it synced."""
        self._changed[key] = self._changed.get(key, False) or slices
        self.schedule()

    def schedule(self) -> None:
        """Have a sync run; several requests make one."""
        if self._pending is None:
            self.state.due += 1
            self._pending = self.sim.call_later(self.state.api.delays.proxy, self.sync)

    def stop(self) -> None:
        """The node goes down: forget what is due. The rules go with the node's namespace."""
        self._nothing_due()
        if self in self.state.listeners:
            self.state.listeners.remove(self)

    def _nothing_due(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
            self.state.due -= 1

    def sync(self) -> None:
        """syncProxyRules."""
        self._nothing_due()
        changed, self._changed = self._changed, {}
        full, self._full = self._full, False
        if full:
            self._tell("first sync: its chains, and the jumps to them from the built-in ones")
            self._ensure_jumps()
        state = self.state
        pairs = state.ports()
        large = sum(len(state.endpoints(service, port)) for service, port in pairs) > LARGE_CLUSTER_ENDPOINTS
        ports: list[PortRules] = []
        touched: list[PortRules] = []
        written: dict[PortKey, PortRules] = {}
        for service, port in pairs:
            rules = state.rules(service, port, self.node, self.options, large)
            key = (service.namespace, service.name, port.name, port.protocol)
            ports.append(rules)
            written[key] = rules
            if full or self.written.get(key) is not rules:
                touched.append(rules)
        chains = {chain: None for rules in ports for chain in rules.chains}
        stale = [chain for chain in self.chains if chain not in chains]
        self._tell("sync: the dispatch chains, and the chains of what changed" if self.chains or touched else "sync: no Services yet")
        iptables.restore(self.netns, build_document(self.options, ports, touched, stale), noflush=True, counters=True)
        self.written, self.chains = written, chains
        if self._udp_endpoints_changed(changed):
            self._tell("forgets UDP connections to endpoints that are gone")
            conntrack.delete_if(self.netns, stale_udp(state))

    def _tell(self, what: str) -> None:
        if self.netns.tp.journal:
            self.netns.tp.on_journal(STEP, self.netns.name, what, f"kube-proxy on {self.node.name}")

    def _udp_endpoints_changed(self, changed: dict[Key, bool]) -> bool:
        for key, slices in changed.items():
            service = self.state.api.services.get(key)
            if slices and service is not None and any(port.protocol == "UDP" for port in service.ports):
                return True
        return False

    def _ensure_jumps(self) -> None:
        """Create the chains and put each jump at the head of its built-in chain, unless it is there (EnsureChain, EnsureRule -I)."""
        for table, builtin, rule in JUMPS:
            target = rule.rpartition(" ")[2]
            ensure_chain(self.netns, table, target)
            ensure_rule(self.netns, table, builtin, rule)
        if self.options.localhost_nodeports:
            ensure_chain(self.netns, "filter", "KUBE-FIREWALL")
            for builtin in ("INPUT", "OUTPUT"):
                ensure_rule(self.netns, "filter", builtin, "-j KUBE-FIREWALL")
        for table in ("mangle", "nat", "filter"):
            ensure_chain(self.netns, table, "KUBE-PROXY-CANARY")
