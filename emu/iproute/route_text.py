"""Routes as `ip route` prints them, text and JSON from one place (iproute2's print_route). What a filter pins down is not printed."""

from __future__ import annotations

from typing import Any

from emu.iproute.record import Record
from emu.net.fib import PROTO_BOOT, RTN_UNICAST, SCOPE_NOWHERE, SCOPE_UNIVERSE, TABLE_MAIN, TYPE_NAMES, NextHop, Route
from emu.net.fib_text import PROTO_NAMES, SCOPE_NAMES, TABLE_NAMES, name_of, prefix_text
from emu.net.netns import Namespace
from emu.wire.addr import ip_text


class Hidden:
    """What is left out because the question named it: `ip route show dev eth0` does not print the device."""

    def __init__(self) -> None:
        self.table = True  # one table was asked for
        self.dev = self.via = self.proto = self.scope = self.metric = self.tos = self.src = False


def route_record(ns: Namespace, route: Route, hidden: Hidden, details: bool = False) -> Record:
    """One route."""
    record = Record()
    if route.type != RTN_UNICAST or details:
        record.add("type", TYPE_NAMES[route.type], f"{TYPE_NAMES[route.type]} ")
    record.add("dst", prefix_text(route.network, route.length), f"{prefix_text(route.network, route.length)} ")
    if route.tos and not hidden.tos:
        record.add("tos", f"{route.tos:#04x}", f"tos {route.tos:#04x} ")
    single = route.nexthops[0] if len(route.nexthops) == 1 else None
    if single is not None:
        _way(record, ns, single, hidden)
    if (route.table != TABLE_MAIN or details) and not hidden.table:
        _named(record, "table", TABLE_NAMES, route.table)
    if (route.protocol != PROTO_BOOT or details) and not hidden.proto:
        _named(record, "protocol", PROTO_NAMES, route.protocol, "proto")
    if (route.scope != SCOPE_UNIVERSE or details) and not hidden.scope:
        _named(record, "scope", SCOPE_NAMES, route.scope)
    if route.prefsrc and not hidden.src:
        record.add("prefsrc", ip_text(route.prefsrc), f"src {ip_text(route.prefsrc)} ")
    if route.metric and not hidden.metric:
        record.add("metric", route.metric, f"metric {route.metric} ")
    _flags(record, ns, single)
    if metrics := metrics_text(route):
        names = ("mtu", "advmss", "hoplimit")
        record.add("metrics", [{name: value for name in names if (value := getattr(route, name))}], metrics)
    if single is None and route.nexthops:
        hops = [_hop(ns, hop) for hop in route.nexthops]
        record.add("nexthops", [hop.data for hop in hops], "".join(f"\n\tnexthop {hop.text}" for hop in hops))
    record.say("\n")
    return record


def metrics_text(route: Route) -> str:
    """What the route says about the packets themselves, in order of RTAX_*."""
    words = f"mtu {'lock ' if route.mtu_lock else ''}{route.mtu} " if route.mtu else ""
    return words + "".join(f"{name} {value} " for name in ("advmss", "hoplimit") if (value := getattr(route, name)))


def _named(record: Record, key: str, names: dict[int, str], value: int, word: str = "") -> None:
    record.add(key, name_of(names, value), f"{word or key} {name_of(names, value)} ")


def _way(record: Record, ns: Namespace, hop: NextHop, hidden: Hidden) -> None:
    if hop.gateway and not hidden.via:
        record.add("gateway", ip_text(hop.gateway), f"via {ip_text(hop.gateway)} ")
    if hop.oif and not hidden.dev:
        dev = ns.by_index.get(hop.oif)
        name = dev.name if dev is not None else f"if{hop.oif}"
        record.add("dev", name, f"dev {name} ")


def _flags(record: Record, ns: Namespace, hop: NextHop | None) -> None:
    words = []
    dev = ns.by_index.get(hop.oif) if hop is not None else None
    if hop is not None and dev is not None and hop.scope != SCOPE_NOWHERE:
        linkdown = not (dev.up and dev.carrier)
        words += ["dead"] if not dev.up or (linkdown and ns.sysctl.conf_or(dev, "ignore_routes_with_linkdown")) else []
        words += ["linkdown"] if linkdown else []
    words += ["onlink"] if hop is not None and hop.onlink else []
    record.add("flags", words, "".join(f"{word} " for word in words))


def _hop(ns: Namespace, hop: NextHop) -> Record:
    record = Record()
    _way(record, ns, hop, Hidden())
    record.add("weight", hop.weight, f"weight {hop.weight} ")
    _flags(record, ns, hop)
    return record


# Word of `ip route get` -> member of its JSON object.
GOT = {
    "from": "from", "tos": "tos", "via": "gateway", "dev": "dev", "table": "table", "src": "prefsrc", "mark": "mark", "uid": "uid", "expires": "expires",
    "mtu": "mtu", "iif": "iif",
}  # fmt: skip


def got_members(text: str) -> dict[str, Any]:
    """What `ip route get` printed, as its JSON object."""
    first, _, cache = text.partition("\n")
    words = first.split()
    found: dict[str, Any] = {"type": words.pop(0)} if words[0] in TYPE_NAMES else {}
    found["dst"] = words.pop(0)
    for word, value in zip(words[::2], words[1::2], strict=False):
        if word in ("mark", "uid"):
            found.setdefault("flags", [])
        found[GOT[word]] = int(value) if word == "uid" or (word == "mark" and value.isdecimal()) else value
    found.setdefault("flags", [])
    tail = [word for word in cache.split()[1:] if word != "lock"]
    flags = tail.pop(0) if tail and tail[0].startswith("<") else "<>"
    found["cache"] = [flag for flag in flags[1:-1].split(",") if flag]
    members = dict(zip(tail[::2], tail[1::2], strict=False))
    if "expires" in members:
        found["expires"] = int(members["expires"].removesuffix("sec"))
    metrics = {name: int(members[name]) for name in ("mtu", "advmss", "hoplimit") if name in members}
    if metrics:
        found["metrics"] = [metrics]
    if "iif" in members:
        found["iif"] = members["iif"]
    return found
