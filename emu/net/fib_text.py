"""Routes and rules in iproute2's words."""

from __future__ import annotations

from typing import Any

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
)
from emu.wire.addr import ip_text

TABLE_NAMES = {TABLE_DEFAULT: "default", TABLE_MAIN: "main", TABLE_LOCAL: "local"}
SCOPE_NAMES = {SCOPE_UNIVERSE: "global", SCOPE_SITE: "site", SCOPE_LINK: "link", SCOPE_HOST: "host", SCOPE_NOWHERE: "nowhere"}
PROTO_NAMES = {
    1: "redirect", 2: "kernel", 3: "boot", 4: "static", 8: "gated", 9: "ra", 10: "mrt", 11: "zebra", 12: "bird", 13: "dnrouted", 14: "xorp", 15: "ntk",
    16: "dhcp", 18: "keepalived", 42: "babel", 99: "openr", 186: "bgp", 187: "isis", 188: "ospf", 189: "rip", 192: "eigrp",
}  # fmt: skip


def prefix_text(network: int, length: int) -> str:
    """`default`, `10.0.0.0/24`, or a bare address for /32."""
    if not length:
        return "default" if not network else f"{ip_text(network)}/0"
    return ip_text(network) if length == 32 else f"{ip_text(network)}/{length}"


def name_of(names: dict[int, str], value: int) -> str:
    """The name, or the number where there is none."""
    return names.get(value, str(value))


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
