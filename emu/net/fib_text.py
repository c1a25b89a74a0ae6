"""Routes and rules in iproute2's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.net.fib import (
    RTN_LOCAL,
    RTN_UNICAST,
    RTN_UNREACHABLE,
    SCOPE_HOST,
    SCOPE_LINK,
    SCOPE_NOWHERE,
    SCOPE_SITE,
    SCOPE_UNIVERSE,
    TABLE_DEFAULT,
    TABLE_LOCAL,
    TABLE_MAIN,
    TYPE_NAMES,
    NextHop,
    Route,
)
from emu.wire.addr import ip_text

if TYPE_CHECKING:
    from emu.net.netns import Namespace

TABLE_NAMES = {TABLE_DEFAULT: "default", TABLE_MAIN: "main", TABLE_LOCAL: "local"}
SCOPE_NAMES = {SCOPE_UNIVERSE: "global", SCOPE_SITE: "site", SCOPE_LINK: "link", SCOPE_HOST: "host", SCOPE_NOWHERE: "nowhere"}
PROTO_NAMES = {1: "redirect", 2: "kernel", 3: "boot", 4: "static"}


def prefix_text(network: int, length: int) -> str:
    """`default`, `10.0.0.0/24`, or a bare address for /32."""
    if not length:
        return "default" if not network else f"{ip_text(network)}/0"
    return ip_text(network) if length == 32 else f"{ip_text(network)}/{length}"


def name_of(names: dict[int, str], value: int) -> str:
    """The name, or the number where there is none."""
    return names.get(value, str(value))


def nexthop_text(ns: Namespace, nexthop: NextHop) -> str:
    """` via GW dev NAME`, each part only if it is there, with a leading space."""
    dev = ns.by_index.get(nexthop.oif)
    via = f" via {ip_text(nexthop.gateway)}" if nexthop.gateway else ""
    return via + (f" dev {dev.name}" if dev is not None else f" dev if{nexthop.oif}" if nexthop.oif else "")


def nexthop_flags(ns: Namespace, nexthop: NextHop) -> str:
    """` dead`, ` linkdown`, ` onlink` as iproute2 prints them after everything else."""
    dev = ns.by_index.get(nexthop.oif)
    flags = ""
    if dev is not None and nexthop.scope != SCOPE_NOWHERE:
        if not dev.up:
            flags += " dead linkdown"
        elif not dev.carrier:
            flags += " linkdown"
    return flags + (" onlink" if nexthop.onlink else "")


def route_text(ns: Namespace, route: Route, table: bool = False, no_dev: bool = False) -> str:
    """One route as `ip route show` prints it, without the trailing blank. `table`: name the table unless it is main. `no_dev`: as if asked by device."""
    kind = "" if route.type == RTN_UNICAST else f"{TYPE_NAMES[route.type]} "
    text = kind + prefix_text(route.network, route.length)
    if route.tos:
        text += f" tos {route.tos:#04x}"
    single = len(route.nexthops) == 1
    if single:
        text += (f" via {ip_text(route.nexthops[0].gateway)}" if route.nexthops[0].gateway else "") if no_dev else nexthop_text(ns, route.nexthops[0])
    if table and route.table != TABLE_MAIN:
        text += f" table {name_of(TABLE_NAMES, route.table)}"
    if route.protocol != 3:
        text += f" proto {name_of(PROTO_NAMES, route.protocol)}"
    if route.scope != SCOPE_UNIVERSE:
        text += f" scope {name_of(SCOPE_NAMES, route.scope)}"
    if route.prefsrc:
        text += f" src {ip_text(route.prefsrc)}"
    if route.metric:
        text += f" metric {route.metric}"
    if single:
        text += nexthop_flags(ns, route.nexthops[0])
    if route.mtu:
        text += f" mtu {'lock ' if route.mtu_lock else ''}{route.mtu}"
    for nexthop in () if single else route.nexthops:
        text += f"\n\tnexthop{nexthop_text(ns, nexthop)} weight {nexthop.weight}{nexthop_flags(ns, nexthop)}"
    return text


def decision_text(dst: Any) -> str:
    """A routing decision in a few words, for the hop table."""
    route = dst.route
    if dst.type == RTN_UNREACHABLE:
        return "no route"
    if route is None:
        return f"{TYPE_NAMES[dst.type]} dev {dst.dev.name}"
    if route.type == RTN_LOCAL:
        return f"local {prefix_text(route.network, route.length)}"
    kind = "" if route.type == RTN_UNICAST else f"{TYPE_NAMES[route.type]} "
    via = f" via {ip_text(dst.gateway)}" if dst.gateway else ""
    table = f" table {name_of(TABLE_NAMES, route.table)}" if route.table not in (TABLE_MAIN, TABLE_LOCAL) else ""
    return f"{kind}{prefix_text(route.network, route.length)}{via} dev {dst.dev.name}{table}"
