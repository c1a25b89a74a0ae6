"""Adding and deleting routes with the kernel's checks (fib_create_info, fib_check_nh in net/ipv4/fib_semantics.c; fib_table_insert, _delete)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emu.net.fib import (
    PROTO_KERNEL,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_UNICAST,
    SCOPE_HOST,
    SCOPE_LINK,
    SCOPE_NOWHERE,
    SCOPE_UNIVERSE,
    TABLE_LOCAL,
    TABLE_MAIN,
    TYPE_ERRORS,
    NextHop,
    Route,
    shared_route,
)
from emu.net.fib_text import prefix_text
from emu.net.netns import NetError
from emu.wire.addr import ip_text

if TYPE_CHECKING:
    from emu.net.netns import Namespace

ENOENT, ESRCH, EEXIST, ENODEV, EINVAL, ENETDOWN = 2, 3, 17, 19, 22, 100
TYPE_SCOPES = {RTN_LOCAL: SCOPE_HOST, RTN_BROADCAST: SCOPE_LINK}


def check(ns: Namespace, wanted: Route) -> Route:
    """The route as it can be installed, its nexthops resolved. Raises NetError in the kernel's words."""
    where = f"{prefix_text(wanted.network, wanted.length)} in {ns.name}"
    if wanted.length < 32 and wanted.network & (0xFFFFFFFF >> wanted.length):
        raise NetError(EINVAL, f"Invalid prefix for given prefix length: {where}")
    if wanted.scope < TYPE_SCOPES.get(wanted.type, SCOPE_UNIVERSE):
        raise NetError(EINVAL, f"Invalid scope: {where}")
    if TYPE_ERRORS[wanted.type]:
        if wanted.nexthops:
            raise NetError(EINVAL, f"Gateway, device and multipath can not be specified for this route type: {where}")
        nexthops: tuple[NextHop, ...] = ()
    elif not wanted.nexthops:
        raise NetError(ENODEV, f"No such device: {where} needs a nexthop")
    else:
        nexthops = tuple(_check_nexthop(ns, wanted, nexthop, where) for nexthop in wanted.nexthops)
    if wanted.prefsrc and not (wanted.type == RTN_LOCAL and wanted.prefsrc == wanted.network) and not _is_local(ns, wanted.prefsrc, wanted.table):
        raise NetError(EINVAL, f"Invalid prefsrc address: {ip_text(wanted.prefsrc)} for {where}")
    return shared_route(
        wanted.network, wanted.length, nexthops, wanted.type, wanted.scope, wanted.table, wanted.metric, wanted.tos, wanted.protocol, wanted.prefsrc,
        wanted.mtu, wanted.mtu_lock, wanted.advmss, wanted.hoplimit,
    )  # fmt: skip


def _is_local(ns: Namespace, ip: int, table: int) -> bool:
    for candidate in (TABLE_LOCAL if table == TABLE_MAIN else table, TABLE_LOCAL):
        known = ns.fib.tables.get(candidate)
        found = known.lookup(ip) if known is not None else None
        if isinstance(found, tuple) and found[0].type == RTN_LOCAL:
            return True
    return False


def _check_nexthop(ns: Namespace, wanted: Route, nexthop: NextHop, where: str) -> NextHop:
    if wanted.scope == SCOPE_HOST:
        if nexthop.gateway or len(wanted.nexthops) != 1:
            raise NetError(EINVAL, f"Route with host scope can not have a gateway: {where}")
        if nexthop.oif not in ns.by_index:
            raise NetError(ENODEV, f"No such device: {where}")
        return NextHop(nexthop.oif, 0, nexthop.weight, False, SCOPE_NOWHERE)
    dev = ns.by_index.get(nexthop.oif)
    if not nexthop.gateway:
        if nexthop.onlink:
            raise NetError(EINVAL, f"Invalid flags for nexthop - PERVASIVE and ONLINK can not be set: {where}")
        if dev is None:
            raise NetError(ENODEV, f"No such device: {where}")
        if not dev.up:
            raise NetError(ENETDOWN, f"Device for nexthop is not up: {dev.name}, {where}")
        return NextHop(nexthop.oif, 0, nexthop.weight, False, SCOPE_HOST)
    gateway = ip_text(nexthop.gateway)
    if nexthop.onlink:
        if wanted.scope >= SCOPE_LINK:
            raise NetError(EINVAL, f"Nexthop has invalid scope: {gateway} for {where}")
        if dev is None:
            raise NetError(ENODEV, f"Nexthop device required for onlink: {gateway} for {where}")
        if not dev.up:
            raise NetError(ENETDOWN, f"Nexthop device is not up: {dev.name} for {where}")
        if nexthop.gateway >> 28 == 14 or nexthop.gateway == 0xFFFFFFFF or isinstance(ns.fib.local.lookup(nexthop.gateway), tuple):
            raise NetError(EINVAL, f"Nexthop has invalid gateway: {gateway} for {where}")
        return NextHop(nexthop.oif, nexthop.gateway, nexthop.weight, True, SCOPE_LINK)
    scope = max(wanted.scope + 1, SCOPE_LINK)
    found = None
    if wanted.table not in (0, TABLE_MAIN) and (table := ns.fib.tables.get(wanted.table)) is not None:
        found = table.lookup(nexthop.gateway, nexthop.oif, 0, scope, True)
    if not isinstance(found, tuple):
        found = ns.fib.lookup(nexthop.gateway, 0, "lo", nexthop.oif, 0, 0, scope, True)
    if isinstance(found, int):
        raise NetError(found, f"Nexthop has invalid gateway: {gateway} is not on link, for {where}")
    route, through = found
    if route.type not in (RTN_UNICAST, RTN_LOCAL):
        raise NetError(EINVAL, f"Nexthop has invalid gateway: {gateway} for {where}")
    out = ns.by_index[through.oif]
    if not out.up:
        raise NetError(ENETDOWN, f"Nexthop device is not up: {out.name} for {where}")
    return NextHop(through.oif, nexthop.gateway, nexthop.weight, False, route.scope)


def insert(ns: Namespace, wanted: Route, mode: str = "add") -> None:
    """fib_table_insert. `mode`: add (EEXIST if there is one of the same prefix, TOS and metric), replace, change (ENOENT if none), append, prepend."""
    route = check(ns, wanted)
    table = ns.fib.table(route.table)
    present = table.at(route.network, route.length)
    alike = [other for other in present if other.tos == route.tos and other.metric == route.metric]
    where = f"{prefix_text(route.network, route.length)} in {ns.name}"
    if alike:
        if mode == "add":
            raise NetError(EEXIST, f"File exists: {where}")
        if any(other.same(route) for other in alike[:1] if mode != "append") or (mode in ("append", "prepend") and any(other.same(route) for other in alike)):
            if mode in ("replace", "change"):
                return
            raise NetError(EEXIST, f"File exists: {where}")
    elif mode == "change":
        raise NetError(ENOENT, f"No such file or directory: no route {where} to change")
    if mode in ("replace", "change") and alike:
        routes = [route if other is alike[0] else other for other in present if other is alike[0] or not other.same(route)]
        table.put(route.network, route.length, tuple(routes))
    else:
        table.insert(route, append=mode == "append")
    if route.type == RTN_LOCAL and route.protocol != PROTO_KERNEL:
        ns.fib.custom_local = True
    ns.fib.invalidate()


def remove(
    ns: Namespace, network: int, length: int, table_id: int = TABLE_MAIN, *, gateway: int = 0, oif: int = 0, type_: int = 0, scope: int = SCOPE_NOWHERE,
    metric: int | None = None, tos: int = 0, protocol: int = 0, prefsrc: int = 0, mtu: int = 0, nexthops: Sequence[tuple[NextHop, int]] = (),
    advmss: int = 0, hoplimit: int = 0,
) -> None:  # fmt: skip
    """fib_table_delete: the first route of that prefix that agrees with everything given. `nexthops`: each with a weight, 0 for any. Raises NetError ESRCH."""
    table = ns.fib.tables.get(table_id)
    for route in table.at(network, length) if table is not None else ():
        if (
            route.tos == tos
            and (metric is None or route.metric == metric)
            and (not type_ or route.type == type_)
            and (scope == SCOPE_NOWHERE or route.scope == scope)
            and (not protocol or route.protocol == protocol)
            and (not prefsrc or route.prefsrc == prefsrc)
            and (not mtu or route.mtu == mtu)
            and (not advmss or route.advmss == advmss)
            and (not hoplimit or route.hoplimit == hoplimit)
            and _nexthops_agree(route, gateway, oif)
            and _multipath_agrees(route, nexthops)
        ):
            assert table is not None
            table.remove(route)
            ns.fib.invalidate()
            return
    raise NetError(ESRCH, f"No such process: no route {prefix_text(network, length)} in {ns.name}")


def _nexthops_agree(route: Route, gateway: int, oif: int) -> bool:
    if not gateway and not oif:
        return True
    return len(route.nexthops) >= 1 and (not gateway or route.nexthops[0].gateway == gateway) and (not oif or route.nexthops[0].oif == oif)


def _multipath_agrees(route: Route, nexthops: Sequence[tuple[NextHop, int]]) -> bool:
    """fib_nh_match: each of the route's nexthops against the one given in its place; more may be given than there are."""
    if not nexthops:
        return True
    return len(nexthops) >= len(route.nexthops) and all(
        (not weight or weight == has.weight) and (not asked.oif or asked.oif == has.oif) and (not asked.gateway or asked.gateway == has.gateway)
        for has, (asked, weight) in zip(route.nexthops, nexthops, strict=False)
    )
