"""The forwarding information base of one namespace: routes, tables with longest-prefix match, policy rules (net/ipv4/fib_trie.c, fib_rules.c).

A `Route` is immutable and names devices by ifindex, so that namespaces can share it. Whether a nexthop is dead or has no carrier is read from the
device. A table is one dict keyed `network << 6 | length`, looked up once per prefix length in use.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from emu.wire.addr import prefix_mask

if TYPE_CHECKING:
    from emu.net.fib_shared import Attachment
    from emu.net.netns import Namespace

RTN_UNSPEC, RTN_UNICAST, RTN_LOCAL, RTN_BROADCAST, RTN_ANYCAST, RTN_MULTICAST, RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW = range(10)
TYPE_NAMES = ("none", "unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit", "throw")
TABLE_DEFAULT, TABLE_MAIN, TABLE_LOCAL = 253, 254, 255
SCOPE_UNIVERSE, SCOPE_SITE, SCOPE_LINK, SCOPE_HOST, SCOPE_NOWHERE = 0, 200, 253, 254, 255
PROTO_UNSPEC, PROTO_REDIRECT, PROTO_KERNEL, PROTO_BOOT, PROTO_STATIC = 0, 1, 2, 3, 4

ENOENT, EACCES, EINVAL, EAGAIN, ENETUNREACH, EHOSTUNREACH = 2, 13, 22, 11, 101, 113
# fib_props: what a lookup that hits such a route returns; 0 goes on with its nexthop.
TYPE_ERRORS = (EINVAL, 0, 0, 0, 0, 0, EINVAL, EHOSTUNREACH, EACCES, EAGAIN)

FR_ACT_GOTO, FR_ACT_NOP = 2, 3  # the other actions of a rule are numbered as route types

MASKS = tuple(prefix_mask(length) for length in range(33))


class NextHop(NamedTuple):
    """`oif`: ifindex, 0 for none. `gateway`: 0 = on link. `scope`: HOST for on-link nexthops, else the scope of the gateway's own route."""

    oif: int
    gateway: int = 0
    weight: int = 1
    onlink: bool = False
    scope: int = SCOPE_HOST


class Route:
    """One route. `network` has no host bits. `metric`: lower wins. `mtu`: 0 = the device's. `mtu_lock`: path MTU discovery may not lower it.
    `advmss`: the MSS that TCP announces, `hoplimit`: the TTL of what is sent; 0 = as usual.
    """

    shared = False  # made from a RouteSet (fib_shared)

    __slots__ = ("advmss", "hoplimit", "length", "metric", "mtu", "mtu_lock", "network", "nexthops", "prefsrc", "protocol", "scope", "table", "tos", "type")

    def __init__(
        self, network: int, length: int, nexthops: tuple[NextHop, ...] = (), type_: int = RTN_UNICAST, scope: int = SCOPE_UNIVERSE, table: int = TABLE_MAIN,
        metric: int = 0, tos: int = 0, protocol: int = PROTO_BOOT, prefsrc: int = 0, mtu: int = 0, mtu_lock: bool = False,
        advmss: int = 0, hoplimit: int = 0,
    ) -> None:  # fmt: skip
        self.network = network
        self.length = length
        self.nexthops = nexthops
        self.type = type_
        self.scope = scope
        self.table = table
        self.metric = metric
        self.tos = tos
        self.protocol = protocol
        self.prefsrc = prefsrc
        self.mtu = mtu
        self.mtu_lock = mtu_lock
        self.advmss = advmss
        self.hoplimit = hoplimit

    def __repr__(self) -> str:
        return f"<Route {TYPE_NAMES[self.type]} {self.network:#x}/{self.length} table {self.table} {self.nexthops}>"

    def same(self, other: Route) -> bool:
        """Whether every field is equal (fib_find_info plus the alias's own fields)."""
        return self is other or all(getattr(self, slot) == getattr(other, slot) for slot in Route.__slots__)


@lru_cache(maxsize=8192)
def shared_route(*args: Any) -> Route:
    """`Route(*args)`, one object for all namespaces that ask for the same (all pods of a node have the same default route)."""
    return Route(*args)


Found = tuple[Route, NextHop]
Lengths = tuple[tuple[int, int], ...]


@lru_cache(maxsize=4096)
def _joined(some: Lengths, more: Lengths) -> Lengths:
    """(mask, length) pairs, longest first, one tuple for all tables with the same lengths."""
    return tuple(sorted(dict.fromkeys((*some, *more)), key=lambda item: -item[1]))


class Table:
    """One routing table. `routes[network << 6 | length]` is a Route, or a tuple of them ordered as the kernel tries them (TOS, then metric)."""

    __slots__ = ("id", "lengths", "ns", "routes", "shared")

    def __init__(self, ns: Namespace, table_id: int) -> None:
        self.ns = ns
        self.id = table_id
        self.routes: dict[int, Route | tuple[Route, ...]] = {}
        self.lengths: Lengths = ()  # (mask, length), longest first; may hold a length that is not in use any more
        self.shared: tuple[Attachment, ...] = ()  # routes held in common with other namespaces

    def lookup(self, daddr: int, oif: int = 0, tos: int = 0, scope: int = 0, down: bool = False) -> Found | int | None:
        """fib_table_lookup: (route, nexthop), an errno for routes that refuse (EAGAIN: `throw`), None if nothing matches.

        `down`: nexthops without carrier count even where ignore_routes_with_linkdown is set.
        """
        get = self.routes.get
        shared = self.shared
        for mask, length in self.lengths:
            hit = get((daddr & mask) << 6 | length)
            if shared:
                hit = self.at(daddr & mask, length)
            elif hit is None:
                continue
            for route in hit if isinstance(hit, tuple) else (hit,):
                if (route.tos and route.tos != tos) or route.scope < scope:
                    continue
                error = TYPE_ERRORS[route.type]
                if error:
                    return error
                nexthop = self.usable(route, oif, down)
                if nexthop is not None:
                    return route, nexthop
        return None

    def usable(self, route: Route, oif: int, down: bool = False) -> NextHop | None:
        """The first nexthop of `route` that is alive and leaves by `oif` (0: by any)."""
        by_index = self.ns.by_index
        for nexthop in route.nexthops:
            if oif and nexthop.oif != oif:
                continue
            dev = by_index.get(nexthop.oif)
            if dev is None:
                continue
            if nexthop.scope == SCOPE_NOWHERE:  # an address of ours: it stays ours on a device that is down
                return nexthop
            if not dev.up:
                continue
            if not dev.carrier and not down and self.ns.sysctl.conf_or(dev, "ignore_routes_with_linkdown"):
                continue
            return nexthop
        return None

    def at(self, network: int, length: int) -> tuple[Route, ...]:
        """Every route of one prefix, in the order they are tried."""
        key = network << 6 | length
        hit = self.routes.get(key)
        own = () if hit is None else hit if isinstance(hit, tuple) else (hit,)
        for attachment in self.shared:
            route = attachment.get(key)
            if route is not None:
                before = tuple(other for other in own if other.tos or other.metric <= route.metric)
                own = (*before, route, *own[len(before) :])
        return own

    def put(self, network: int, length: int, routes: tuple[Route, ...]) -> None:
        """Set the routes of one prefix; an empty tuple removes it."""
        key = network << 6 | length
        if self.shared:
            for attachment in self.shared:
                if not any(route.shared for route in routes):
                    attachment.hide(key)
            routes = tuple(route for route in routes if not route.shared)
        if not routes:
            self.routes.pop(key, None)
            if not self.routes and not self.shared:
                self.lengths = ()
        else:
            self.routes[key] = routes if len(routes) > 1 else routes[0]
            entry = (MASKS[length], length)
            if entry not in self.lengths:
                self.add_lengths((entry,))

    def add_lengths(self, lengths: Lengths) -> None:
        """Prefix lengths to look at from now on."""
        self.lengths = _joined(self.lengths, lengths)

    def __iter__(self) -> Iterator[Route]:
        """Every route, in order of address, the longer prefix first (as the trie is walked and `ip route` shows it)."""
        keys = dict.fromkeys(self.routes)
        for attachment in self.shared:
            keys.update(dict.fromkeys(attachment.routes.entries))
        for key in sorted(keys, key=lambda key: (key >> 6, -(key & 63))):
            yield from self.at(key >> 6, key & 63)

    def insert(self, route: Route, append: bool = False) -> None:
        """Put a route among those of its prefix: higher TOS first, then lower metric, then newest first (`append`: last)."""
        present = self.at(route.network, route.length)
        if not present:
            self.put(route.network, route.length, (route,))
            return
        routes = list(present)
        order = (-route.tos, route.metric)
        index = 0
        while index < len(routes):
            other = (-routes[index].tos, routes[index].metric)
            if other > order or (other == order and not append):
                break
            index += 1
        routes.insert(index, route)
        self.put(route.network, route.length, tuple(routes))

    def remove(self, route: Route) -> None:
        """Take out this very route."""
        present = self.at(route.network, route.length)
        self.put(route.network, route.length, tuple(other for other in present if other is not route and not (other.shared and route.shared)))


class Rule(NamedTuple):
    """One policy rule (struct fib4_rule). Zero lengths and empty names match everything. `action`: RTN_UNICAST asks `table`, FR_ACT_GOTO goes on with the
    first rule of priority `target`, FR_ACT_NOP does nothing, other RTN_* refuse.
    """

    priority: int
    table: int = 0
    src: int = 0
    src_len: int = 0
    dst: int = 0
    dst_len: int = 0
    iif: str = ""
    oif: str = ""
    mark: int = 0
    mark_mask: int = 0
    tos: int = 0
    action: int = RTN_UNICAST
    invert: bool = False
    suppress_prefixlength: int = -1
    target: int = 0
    protocol: int = 0  # who made it

    def matches(self, saddr: int, daddr: int, iif: str, oif: str, tos: int, mark: int) -> bool:
        """fib_rule_match and fib4_rule_match."""
        matched = (
            (saddr ^ self.src) & MASKS[self.src_len] == 0
            and (daddr ^ self.dst) & MASKS[self.dst_len] == 0
            and (not self.iif or self.iif == iif)
            and (not self.oif or self.oif == oif)
            and (mark ^ self.mark) & self.mark_mask == 0
            and (not self.tos or self.tos == tos)
        )
        return matched != self.invert


DEFAULT_RULES = tuple(Rule(priority, table, protocol=PROTO_KERNEL) for priority, table in ((0, TABLE_LOCAL), (32766, TABLE_MAIN), (32767, TABLE_DEFAULT)))


class Fib:
    """A namespace's tables, rules and caches of decisions. `inputs` and `outputs` hold Dst objects by flow, valid while `generation` is the namespace's."""

    __slots__ = ("custom_local", "custom_rules", "exceptions", "generation", "inputs", "local", "main", "ns", "outputs", "rules", "tables")

    def __init__(self, ns: Namespace) -> None:
        self.ns = ns
        self.local = Table(ns, TABLE_LOCAL)
        self.main = Table(ns, TABLE_MAIN)
        self.tables: dict[int, Table] = {TABLE_LOCAL: self.local, TABLE_MAIN: self.main}
        self.rules: tuple[Rule, ...] = DEFAULT_RULES
        self.custom_rules = False
        self.custom_local = False  # a `local` route that no address made
        self.inputs: dict[Any, Any] = {}
        self.outputs: dict[Any, Any] = {}
        self.generation = -1
        self.exceptions: dict[int, Any] | None = None  # destination -> learned path MTU and gateway (fib_nh_exception)

    def invalidate(self) -> None:
        """Something a routing decision depends on changed (rt_cache_flush)."""
        self.ns.generation += 1

    def flush_cache(self) -> None:
        """Forget also what ICMP taught about destinations (writing net.ipv4.route.flush, `ip route flush cache`)."""
        self.exceptions = None
        self.invalidate()

    def table(self, table_id: int) -> Table:
        """The table of that number, made if it does not exist (fib_new_table)."""
        table = self.tables.get(table_id)
        if table is None:
            table = self.tables[table_id] = Table(self.ns, table_id)
        return table

    def lookup(
        self, daddr: int, saddr: int = 0, iif: str = "lo", oif: int = 0, tos: int = 0, mark: int = 0, scope: int = 0, down: bool = False
    ) -> Found | int:  # fmt: skip
        """fib_lookup: (route, nexthop) or an errno. `iif`: the input device's name, `lo` for packets made here."""
        if self.custom_rules:
            return self._lookup_by_rules(daddr, saddr, iif, oif, tos, mark, scope, down)
        # Without rules of one's own, `local` and `main` are one trie: the longest prefix of either wins, `local` where they are equal.
        found = self.local.lookup(daddr, oif, tos, scope, down)
        if found is None or found.__class__ is int or found[0].length < 32:  # type: ignore[index]
            main = self.main.lookup(daddr, oif, tos, scope, down)
            if found is None or (isinstance(main, tuple) and isinstance(found, tuple) and main[0].length > found[0].length):
                found = main
        if found is None or found.__class__ is int:
            default = self.tables.get(TABLE_DEFAULT)
            if default is not None:
                other = default.lookup(daddr, oif, tos, scope, down)
                if other is not None:
                    found = other
            if found is None or found == EAGAIN:
                return ENETUNREACH
        return found

    def has_rule(self, priority: int) -> bool:
        """Whether there is a rule of that priority: one that a `goto` can go to."""
        return any(rule.priority == priority for rule in self.rules)

    def _lookup_by_rules(self, daddr: int, saddr: int, iif: str, oif: int, tos: int, mark: int, scope: int, down: bool) -> Found | int:
        dev = self.ns.by_index.get(oif)
        oif_name = dev.name if dev is not None else ""
        skip_to = 0
        for rule in self.rules:
            if rule.priority < skip_to or not rule.matches(saddr, daddr, iif, oif_name, tos, mark):
                continue
            if rule.action == FR_ACT_GOTO:
                if self.has_rule(rule.target):
                    skip_to = rule.target
                continue
            if rule.action == FR_ACT_NOP:
                continue
            if rule.action != RTN_UNICAST:
                return {RTN_UNREACHABLE: ENETUNREACH, RTN_PROHIBIT: EACCES}.get(rule.action, EINVAL)
            table = self.tables.get(rule.table)
            if table is None:
                continue
            found = table.lookup(daddr, oif, tos, scope, down)
            if found is None or found == EAGAIN:
                continue
            if isinstance(found, tuple) and found[0].length <= rule.suppress_prefixlength:
                continue
            return found
        return ENETUNREACH
