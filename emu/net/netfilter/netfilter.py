"""Netfilter in one namespace: the five hooks, and what runs at each in Linux's order of priorities.

          PREROUTING      INPUT      FORWARD      OUTPUT          POSTROUTING
    -400  defrag                                  defrag
    -300  raw                                     raw
    -200  conntrack                               conntrack
    -150  mangle          mangle     mangle       mangle, reroute  mangle
    -100  nat (dst)                               nat (dst), reroute
       0                  filter     filter       filter
     100                  nat (src)                                nat (src)
     max                  confirm                                  confirm

A table's hook exists from its first chain on, defragmentation and connection tracking from the first rule that needs them (the nat table
always does). Hooks without anything to run cost one truth test.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emu.net.netfilter.chain import Chain
from emu.net.netfilter.edit import Change
from emu.net.netfilter.match_recent import keep_lists
from emu.net.netfilter.rule import ACCEPT, Rule
from emu.net.netfilter.table import BUILTIN, FORWARD, HOOK_NAMES, INPUT, OUTPUT, POSTROUTING, PREROUTING
from emu.net.netfilter.tablestate import Table
from emu.net.netfilter.walk import run_chain
from emu.net.skb import CT_ESTABLISHED, CT_IS_REPLY
from emu.wire.addr import ip_text

if TYPE_CHECKING:
    import random

    from emu.net.device import NetDevice
    from emu.net.netns import Namespace
    from emu.net.skb import Skb

Step = Callable[["Skb", "NetDevice | None", "NetDevice | None"], bool]

LOG_LINES = 1000


class Netfilter:
    """`tables`: by name. `tracking`: connection tracking is on. `log`: (time in ns, line) of what LOG targets wrote, the newest 1,000. `recent`:
    lists of `-m recent` by name.

    `hook` (now): the hook that is running; `table` and `where`: the table, and the (chain, rule index) that decided last, for messages.
    `trail`: a list that collects what a packet touched (see `walk.py`), None when nobody wants it.
    """

    __slots__ = (
        "_cacheable", "_recent_sizes", "_statistic", "_wants_ct", "hashlimit", "hook_now", "log", "ns", "recent", "steps", "table", "tables", "tracking",
        "trail", "where",
    )  # fmt: skip

    def __init__(self, ns: Namespace) -> None:
        self.ns = ns
        self.tables: dict[str, Table] = {}
        self.steps: list[tuple[Step, ...]] = [(), (), (), (), ()]
        self.recent: dict[str, Any] = {}
        self.hashlimit: dict[str, Any] = {}
        self.log: deque[tuple[int, str]] = deque(maxlen=LOG_LINES)
        self.hook_now = 0
        self.table = ""
        self.where: tuple[str, int] = ("", 0)
        self.trail: list[Any] | None = None
        self._statistic: random.Random | None = None
        self._cacheable: bool | None = None
        self.tracking = False
        self._wants_ct: tuple[str, str] | None = None  # table and chain of a rule that needs connection tracking
        self._recent_sizes: dict[str, int] | None = None

    # -- packets

    def hook(self, h: int, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None) -> bool:
        """Run everything that stands at hook `h`. True: the packet goes on, possibly rewritten. False: it was dropped, answered or kept."""
        for step in self.steps[h]:
            self.hook_now = h
            if not step(skb, indev, outdev):
                return False
        return True

    @property
    def statistic(self) -> random.Random:
        """The random stream of `-m statistic`."""
        stream = self._statistic
        if stream is None:
            stream = self._statistic = self.ns.sim.stream(f"{self.ns.name}/statistic")
        return stream

    @property
    def cacheable(self) -> bool:
        """Whether all packets of a flow after its first fare alike here. The nat table does not matter: it sees only the first."""
        if self.ns.ct is not None and self.ns.ct.events is not None:
            return False
        cacheable = self._cacheable
        if cacheable is None:
            cacheable = self._cacheable = all(chain.cacheable for name, table in self.tables.items() if name != "nat" for chain in table.content.chains())
        return cacheable

    def recent_sizes(self) -> dict[str, int]:
        """Stamps that each `recent` list keeps of an address: what the most demanding rule asks for."""
        sizes = self._recent_sizes
        if sizes is None:
            sizes = self._recent_sizes = {}
            for table in self.tables.values():
                for chain in table.content.chains():
                    for name, size in chain.lists:
                        sizes[name] = max(size, sizes.get(name, 0))
        return sizes

    # -- tables

    def get_table(self, name: str) -> Table:
        """The table of that name, made if it is not there. Raises KeyError for a name that Linux does not know."""
        table = self.tables.get(name)
        if table is None:
            BUILTIN[name]
            table = self.tables[name] = Table(name)
        return table

    def apply(self, name: str, change: Change, needs_ct: bool = False) -> None:
        """Let a change of table `name` take effect. `needs_ct`: a rule in it needs connection tracking."""
        self.get_table(name).apply(change)
        if self.tracking or needs_ct:
            self._track(name)
        self._recent_sizes = None
        if self.recent:
            keep_lists(self.recent, self.recent_sizes())
        self.rebuild()
        self.ns.generation += 1

    def _track(self, changed: str) -> None:
        """Connection tracking is on while some rule needs it, be it in a chain that nobody jumps to (nf_ct_netns_get, nf_ct_netns_put). What
        it knows stays when it is switched off. `changed`: the table where the next such rule is to be looked for first.
        """
        if self._wants_ct is not None:
            table, chain = self._wants_ct
            now = self.tables[table].content.get(chain)
            if now is not None and now.needs_ct:
                return
        self._wants_ct = None
        for name in (changed, *self.tables):
            for each in self.tables[name].content.chains():
                if each.needs_ct:
                    self._wants_ct = name, each.name
                    if not self.tracking:
                        from emu.net import conntrack  # the tracker itself needs the hooks

                        self.tracking = True
                        conntrack.get(self.ns).resume()
                    return
        self.tracking = False

    def rebuild(self) -> None:
        """Work out again what runs at each hook; also called when connection tracking starts."""
        self._cacheable = None
        ct = self.ns.ct if self.tracking else None
        steps: list[list[Step]] = [[], [], [], [], []]
        if ct is not None:
            steps[PREROUTING].append(self._defrag)
            steps[OUTPUT].append(self._defrag)
        self._add(steps, "raw", (PREROUTING, OUTPUT))
        if ct is not None:
            steps[PREROUTING].append(self._conntrack)
            steps[OUTPUT].append(self._conntrack)
        self._add(steps, "mangle", (PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING))
        nat = self.tables.get("nat")
        if ct is not None and nat is not None and nat.content.layers:
            steps[PREROUTING].append(self._nat_step(nat, PREROUTING))
            steps[OUTPUT].append(self._nat_step(nat, OUTPUT))
        self._add(steps, "filter", (INPUT, FORWARD, OUTPUT))
        if ct is not None and nat is not None and nat.content.layers:
            steps[INPUT].append(self._nat_step(nat, INPUT))
            steps[POSTROUTING].append(self._nat_step(nat, POSTROUTING))
        if ct is not None:
            steps[INPUT].append(self._confirm)
            steps[POSTROUTING].append(self._confirm)
        self.steps = [tuple(each) for each in steps]

    def _add(self, steps: list[list[Step]], name: str, hooks: tuple[int, ...]) -> None:
        table = self.tables.get(name)
        if table is None:
            return
        for hook in hooks:
            chain = table.content.get(HOOK_NAMES[hook])
            if chain is not None and (chain.rules or chain.policy != "ACCEPT" or chain.counted):
                step = self._table_step(table, chain)
                steps[hook].append(self._rerouting(step) if name == "mangle" and hook == OUTPUT else step)

    # -- what stands at the hooks

    def _table_step(self, table: Table, chain: Chain) -> Step:
        """A base chain; a packet that it does not accept ends here."""

        def step(skb: Skb, indev: NetDevice | None, outdev: NetDevice | None) -> bool:
            if run_chain(self, table, chain, skb, indev, outdev) == ACCEPT:
                return True
            self.dropped(skb, indev, outdev)
            return False

        return step

    def dropped(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None) -> None:
        """End a packet that the rule at `where` did not let pass."""
        name, index = self.where
        chain = self.tables[self.table].chain(name)
        what = f"{self.table} {name} policy {chain.policy}" if index < 0 else f"{self.table} {name} rule {index + 1}: {chain.rules[index].text}"
        self.ns.drop(skb, "NETFILTER_DROP", what, indev if self.hook_now in (PREROUTING, INPUT) else outdev or indev)

    def _rerouting(self, step: Step) -> Step:
        """mangle OUTPUT (nf_route_table_hook4): what routing looks at may have changed, then route again."""

        def reroute(skb: Skb, indev: NetDevice | None, outdev: NetDevice | None) -> bool:
            before = (skb.mark, skb.saddr, skb.daddr, skb.tos)
            if not step(skb, indev, outdev):
                return False
            return (skb.mark, skb.saddr, skb.daddr, skb.tos) == before or self._route_again(skb)

        return reroute

    def _route_again(self, skb: Skb) -> bool:
        from emu.net import ip_output  # IP calls the hooks

        if ip_output.route_me_harder(self.ns, skb):
            return True
        self.ns.drop(skb, "NETFILTER_DROP", f"no route to {ip_text(skb.daddr)} after a rule changed the packet")
        return False

    def _nat_step(self, table: Table, hook: int) -> Step:
        """The nat hooks (nf_nat_inet_fn): rules see the first packet of a connection only, conntrack's NAT does the rest."""
        from emu.net.conntrack import nat

        name = HOOK_NAMES[hook]
        ns = self.ns
        nat_hook = nat.hook

        def step(skb: Skb, indev: NetDevice | None, outdev: NetDevice | None) -> bool:
            if skb.ctinfo == CT_ESTABLISHED or skb.ctinfo == CT_ESTABLISHED + CT_IS_REPLY:
                rules = None
            else:
                rules = lambda: self._nat_rules(table, name, skb, indev, outdev)  # noqa: E731
            daddr = skb.daddr
            if not nat_hook(ns, hook, skb, indev, outdev, rules):
                return False
            if hook != OUTPUT:
                return True
            return skb.daddr == daddr or self._route_again(skb)

        return step

    def _nat_rules(self, table: Table, name: str, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None) -> bool:
        chain = table.content.get(name)
        if chain is None or run_chain(self, table, chain, skb, indev, outdev) == ACCEPT:
            return True
        self.dropped(skb, indev, outdev)
        return False

    def _defrag(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None) -> bool:
        """ipv4_conntrack_defrag: nothing behind this point sees a fragment."""
        if not skb.frag & 0x3FFF:
            return True
        from emu.net import ip_fragment

        if self.hook_now == OUTPUT:
            user = ip_fragment.DEFRAG_CONNTRACK_OUT
        else:
            user = ip_fragment.DEFRAG_BRIDGE_IN if skb.nf_bridge is not None else ip_fragment.DEFRAG_CONNTRACK_IN
        whole = ip_fragment.defrag(self.ns, skb, user)
        if whole is None:
            return False
        if whole is not skb:
            for slot in type(skb).__slots__:
                setattr(skb, slot, getattr(whole, slot))
        return True

    def _conntrack(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None) -> bool:
        return bool(self.ns.ct.packet_in(self.hook_now, skb))

    def _confirm(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None) -> bool:
        return bool(self.ns.ct.confirm(skb))


def get(ns: Namespace) -> Netfilter:
    """The namespace's Netfilter, made at the first call."""
    nf = ns.nf
    if nf is None:
        nf = ns.nf = Netfilter(ns)
    return nf  # type: ignore[no-any-return]


__all__ = ["FORWARD", "INPUT", "OUTPUT", "POSTROUTING", "PREROUTING", "Netfilter", "Rule", "get"]
