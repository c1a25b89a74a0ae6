"""Routes that addresses and device states bring and take (net/ipv4/fib_frontend.c): `local` and `broadcast` entries, connected prefixes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from emu.net import notifier
from emu.net.fib import (
    PROTO_KERNEL,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_UNICAST,
    SCOPE_HOST,
    SCOPE_LINK,
    SCOPE_NOWHERE,
    TABLE_LOCAL,
    TABLE_MAIN,
    NextHop,
    Route,
    Table,
    shared_route,
)

if TYPE_CHECKING:
    from emu.net.addr import IfAddr
    from emu.net.device import NetDevice
    from emu.net.netns import Namespace

_Routes = dict[tuple[int, int, int, int, int], Route]


def addresses_changed(ns: Namespace, dev: NetDevice, addresses: tuple[IfAddr, ...]) -> None:
    """Set a device's addresses and add and remove what differs in the routes they bring (fib_add_ifaddr, fib_del_ifaddr)."""
    before, locals_before = _kernel_routes(dev), [ifa.local for ifa in dev.addresses]
    dev.addresses = addresses
    after = _kernel_routes(dev)
    for key, route in before.items():
        if key not in after:
            _delete(ns, route)
    for key, route in after.items():
        if key not in before:
            _add(ns, route)
    remaining = {ifa.local: True for ifa in addresses}
    for local in locals_before:
        if local not in remaining and not _is_local(ns, local):
            flush(ns, lambda route, gone=local: route.prefsrc == gone and route.table == TABLE_MAIN)  # fib_sync_down_addr
    if locals_before and not addresses:  # the last address went: IP is disabled on this device (fib_disable_ip with force)
        _drop_nexthops(ns, dev, force=True)
        if ns.neigh:
            ns.neigh.ifdown(dev)
    ns.fib.invalidate()


def _is_local(ns: Namespace, ip: int) -> bool:
    found = ns.fib.local.lookup(ip)
    return isinstance(found, tuple) and found[0].type == RTN_LOCAL


LOCALHOST = 0x7F000001
_NONE: _Routes = {}
_loopback_routes: dict[tuple[int, bool], _Routes] = {}  # (ifindex, up) -> what 127.0.0.1/8 brings: the same in every namespace


@lru_cache(maxsize=8192)
def _on_link(oif: int, scope: int) -> tuple[NextHop, ...]:
    """The nexthops of a route straight to a device, one object for all."""
    return (NextHop(oif, scope=scope),)


def _kernel_routes(dev: NetDevice) -> _Routes:
    """The routes of all addresses of a device in its present state, by (type, network, length, prefsrc, metric). Not to be changed."""
    addresses = dev.addresses
    if not addresses:
        return _NONE
    if dev.kind != "loopback" or len(addresses) > 1 or not _is_localhost(addresses[0]):
        return _make_routes(dev)
    key = dev.ifindex, dev.up
    routes = _loopback_routes.get(key)
    if routes is None:
        routes = _loopback_routes[key] = _make_routes(dev)
    return routes


def _is_localhost(ifa: IfAddr) -> bool:
    return ifa.local == ifa.address == LOCALHOST and ifa.length == 8 and not (ifa.broadcast or ifa.secondary or ifa.metric or ifa.noprefixroute)


def _make_routes(dev: NetDevice) -> _Routes:
    routes: _Routes = {}
    loopback = dev.kind == "loopback"

    def magic(type_: int, network: int, length: int, prefsrc: int, metric: int = 0) -> None:
        key = (type_, network, length, prefsrc, metric)
        if key not in routes:
            nexthops = _on_link(dev.ifindex, SCOPE_NOWHERE if type_ == RTN_LOCAL else SCOPE_HOST)
            scope = SCOPE_HOST if type_ == RTN_LOCAL else SCOPE_LINK
            table = TABLE_MAIN if type_ == RTN_UNICAST else TABLE_LOCAL
            make = shared_route if loopback else Route
            routes[key] = make(network, length, nexthops, type_, scope, table, metric, 0, PROTO_KERNEL, prefsrc)

    primaries: list[IfAddr] = []
    for ifa in dev.addresses:
        prefix = ifa.address & ifa.mask
        if ifa.secondary:
            prefsrc = next((other.local for other in primaries if other.shares_prefix(ifa)), ifa.local)
        else:
            primaries.append(ifa)
            prefsrc = ifa.local
        magic(RTN_LOCAL, ifa.local, 32, prefsrc)
        if not dev.up:
            continue
        if ifa.broadcast and ifa.broadcast != 0xFFFFFFFF:
            magic(RTN_BROADCAST, ifa.broadcast, 32, prefsrc)
        if prefix and not ifa.secondary and (prefix != ifa.local or ifa.length < 32):
            if not ifa.noprefixroute:
                magic(RTN_LOCAL if loopback else RTN_UNICAST, prefix, ifa.length, prefsrc, ifa.metric)
            if ifa.length < 31:
                magic(RTN_BROADCAST, prefix | (~ifa.mask & 0xFFFFFFFF), 32, prefsrc)
    return routes


def _add(ns: Namespace, route: Route) -> None:
    table = ns.fib.table(route.table)
    present = table.routes.get(route.network << 6 | route.length)
    if present is route:
        return
    if present is None and not table.shared:
        table.put(route.network, route.length, (route,))
    elif not any(other.same(route) for other in table.at(route.network, route.length)):
        table.insert(route, append=True)


def _delete(ns: Namespace, route: Route) -> None:
    table = ns.fib.tables.get(route.table)
    if table is None:
        return
    for other in table.at(route.network, route.length):
        if other.type == route.type and other.scope == route.scope and other.prefsrc == route.prefsrc and other.metric == route.metric:
            if other.nexthops[:1] and other.nexthops[0].oif == route.nexthops[0].oif:
                table.remove(other)
                return


def flush(ns: Namespace, doomed: object) -> int:
    """Remove every route that `doomed(route)` names, from all tables; returns how many (fib_flush)."""
    assert callable(doomed)
    removed = 0
    for table in ns.fib.tables.values():
        removed += _flush_table(table, doomed)
    if removed:
        ns.fib.invalidate()
    return removed


def _flush_table(table: Table, doomed: object) -> int:
    assert callable(doomed)
    victims = [route for hit in table.routes.values() for route in (hit if isinstance(hit, tuple) else (hit,)) if doomed(route)]
    for route in victims:
        table.remove(route)
    return len(victims)


def _drop_nexthops(ns: Namespace, dev: NetDevice, force: bool = False, unregister: bool = False) -> None:
    """fib_disable_ip: routes go when all their nexthops are dead; a multipath route stays for the others. Local entries survive `down`."""
    by_index = ns.by_index
    ifindex = dev.ifindex

    def dead(nexthop: NextHop) -> bool:
        if nexthop.oif == ifindex:
            return force or nexthop.scope != SCOPE_NOWHERE
        other = by_index.get(nexthop.oif)
        return nexthop.scope != SCOPE_NOWHERE and (other is None or not other.up)

    def doomed(route: Route) -> bool:
        if not any(nexthop.oif == ifindex for nexthop in route.nexthops):
            return False
        return unregister or all(dead(nexthop) for nexthop in route.nexthops)

    flush(ns, doomed)
    for table in ns.fib.tables.values():
        for attachment in table.shared:
            if attachment.oif == ifindex:
                attachment.routes.detach(table)


def _device_event(dev: NetDevice, event: str) -> None:
    """fib_netdev_event. Carrier and MTU are read from the device at lookup, so CHANGE and CHANGEMTU only end cached decisions."""
    ns = dev.netns
    if event == notifier.UP:
        for route in _kernel_routes(dev).values():
            _add(ns, route)
    elif event == notifier.DOWN:
        _drop_nexthops(ns, dev)
    elif event == notifier.UNREGISTER:
        _drop_nexthops(ns, dev, force=True, unregister=True)
    ns.fib.invalidate()


notifier.register(notifier.FIB, _device_event)
