"""`ip route`: add, replace, delete, show routes; ask which one a packet would take."""

from __future__ import annotations

from collections.abc import Sequence

from emu.iproute.addr import SCOPES, device_of, parse_address, parse_prefix
from emu.iproute.record import render
from emu.iproute.route_text import Hidden, route_record
from emu.net import fib_config, fib_frontend, fib_text
from emu.net import route as net_route
from emu.net.device import NetDevice
from emu.net.fib import (
    RTN_ANYCAST,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_UNICAST,
    RTN_UNREACHABLE,
    RTN_UNSPEC,
    SCOPE_HOST,
    SCOPE_LINK,
    SCOPE_NOWHERE,
    SCOPE_UNIVERSE,
    TABLE_LOCAL,
    TABLE_MAIN,
    TYPE_NAMES,
    NextHop,
    Route,
)
from emu.net.fib_shared import Attachment, RouteSet
from emu.net.netns import ETH_P_IP, Namespace, NetError
from emu.net.skb import Skb
from emu.trace.points import COMMAND
from emu.wire.addr import cidr_parse, cidr_text, ip_int, ip_text

ENOENT, EINVAL = 2, 22
TYPES = {name: number for number, name in enumerate(TYPE_NAMES) if name != "none"}
LOCAL_TYPES = (RTN_LOCAL, RTN_BROADCAST, RTN_ANYCAST)  # of table `local` unless another is named
TABLES = {name: number for number, name in fib_text.TABLE_NAMES.items()}
PROTOCOLS = {name: number for number, name in fib_text.PROTO_NAMES.items()}
ERRORS = {
    2: "No such file or directory", 13: "Permission denied", 19: "No such device", 22: "Invalid argument", 101: "Network is unreachable",
    113: "No route to host",
}  # fmt: skip


def table_number(ns: Namespace, table: str | int) -> int:
    """A table by name or number. Raises NetError EINVAL."""
    if isinstance(table, int) or table.isdecimal():
        number = int(table)
        if 0 < number < 1 << 32:
            return number
    elif table in TABLES:
        return TABLES[table]
    raise NetError(EINVAL, f'"{table}" is not a valid table ID in {ns.name}')


def _number(ns: Namespace, names: dict[str, int], value: str, what: str) -> int:
    if value in names:
        return names[value]
    if value.isdecimal() and int(value) < 256:
        return int(value)
    raise NetError(EINVAL, f'"{value}" is not a valid {what} in {ns.name}')


def _prefix(ns: Namespace, prefix: str) -> tuple[int, int]:
    return (0, 0) if prefix in ("default", "any", "all") else parse_prefix(ns, prefix, "route")


def _route(
    ns: Namespace, prefix: str, via: str | None, dev: str | NetDevice | None, src: str | None, metric: int, table: str | int | None, type_: str,
    scope: str | None, onlink: bool, proto: str, tos: int, mtu: int, mtu_lock: bool, nexthops: Sequence[dict[str, object]] | None,
    advmss: int, hoplimit: int,
) -> Route:  # fmt: skip
    network, length = _prefix(ns, prefix)
    if tos & 3:
        raise NetError(EINVAL, f"Invalid dsfield (tos): ECN bits must be 0: {tos:#x} for {prefix} in {ns.name}")
    if nexthops and via is not None and nexthops[0].get("via") != via:
        raise NetError(EINVAL, f"Nexthop gateway does not match RTA_GATEWAY or RTA_VIA: {via} for {prefix} in {ns.name}")
    kind = _number(ns, TYPES, type_, "route type")
    if table is None:
        number = TABLE_LOCAL if kind in LOCAL_TYPES else TABLE_MAIN
    else:
        number = table_number(ns, table)
    hops: tuple[NextHop, ...] = ()
    if nexthops is not None:
        hops = tuple(
            _nexthop(ns, hop.get("via"), hop.get("dev"), int(str(hop.get("weight", 1))), bool(hop.get("onlink", False)), prefix) for hop in nexthops
        )
    elif via is not None or dev is not None:
        hops = (_nexthop(ns, via, dev, 1, onlink, prefix),)
    if scope is not None:
        wide = _number(ns, {**SCOPES, "nowhere": SCOPE_NOWHERE}, scope, "scope")
    elif kind == RTN_LOCAL:
        wide = SCOPE_HOST
    elif kind in (RTN_BROADCAST, RTN_MULTICAST, RTN_ANYCAST) or (kind == RTN_UNICAST and hops and nexthops is None and via is None):
        wide = SCOPE_LINK
    else:
        wide = SCOPE_UNIVERSE
    prefsrc = parse_address(ns, src, f"src of {prefix}") if src is not None else 0
    protocol = _number(ns, PROTOCOLS, proto, "routing protocol")
    return Route(network, length, hops, kind, wide, number, metric, tos, protocol, prefsrc, mtu, mtu_lock, advmss, hoplimit)


def _nexthop(ns: Namespace, via: object, dev: object, weight: int, onlink: bool, prefix: str) -> NextHop:
    gateway = parse_address(ns, via, f"nexthop of {prefix}") if isinstance(via, str) else 0
    oif = device_of(ns, dev).ifindex if isinstance(dev, (str, NetDevice)) else 0
    if not 1 <= weight <= 256:
        raise NetError(EINVAL, f'"{weight}" is an invalid weight for a nexthop of {prefix} in {ns.name}')
    return NextHop(oif, gateway, weight, onlink)


def add(
    ns: Namespace, prefix: str, *, via: str | None = None, dev: str | NetDevice | None = None, src: str | None = None, metric: int = 0,
    table: str | int | None = None, type: str = "unicast", scope: str | None = None, onlink: bool = False, proto: str = "boot", tos: int = 0, mtu: int = 0,  # noqa: A002
    mtu_lock: bool = False, nexthops: Sequence[dict[str, object]] | None = None, mode: str = "add",
    advmss: int = 0, hoplimit: int = 0,
) -> None:  # fmt: skip
    """`ip route add [TYPE] PREFIX [via GW] [dev DEV] ...`. `nexthops`: [{"via": .., "dev": .., "weight": ..}, ...] for several paths.
    `mode`: add, replace, change, append, prepend. Raises NetError in the kernel's words: EEXIST, ENETUNREACH, EINVAL, ENODEV, ENETDOWN, ENOENT.
    """
    fib_config.insert(ns, _route(ns, prefix, via, dev, src, metric, table, type, scope, onlink, proto, tos, mtu, mtu_lock, nexthops, advmss, hoplimit), mode)
    if ns.tp.journal:
        _tell(ns, mode, prefix, via, dev, src, metric, table, type, scope, onlink, proto, tos, mtu, mtu_lock, nexthops, advmss, hoplimit)


def replace(
    ns: Namespace, prefix: str, *, via: str | None = None, dev: str | NetDevice | None = None, src: str | None = None, metric: int = 0,
    table: str | int | None = None, type: str = "unicast", scope: str | None = None, onlink: bool = False, proto: str = "boot", tos: int = 0, mtu: int = 0,  # noqa: A002
    mtu_lock: bool = False, nexthops: Sequence[dict[str, object]] | None = None, advmss: int = 0, hoplimit: int = 0,
) -> None:  # fmt: skip
    """`ip route replace`: like `add`, but takes the place of a route of the same prefix, TOS and metric."""
    add(
        ns, prefix, via=via, dev=dev, src=src, metric=metric, table=table, type=type, scope=scope, onlink=onlink, proto=proto, tos=tos, mtu=mtu,
        mtu_lock=mtu_lock, nexthops=nexthops, mode="replace", advmss=advmss, hoplimit=hoplimit,
    )  # fmt: skip


def delete(
    ns: Namespace, prefix: str, *, via: str | None = None, dev: str | NetDevice | None = None, src: str | None = None, metric: int | None = None,
    table: str | int | None = None, type: str | None = None, scope: str | None = None, proto: str | None = None, tos: int = 0, mtu: int = 0,  # noqa: A002
    nexthops: Sequence[dict[str, object]] | None = None, advmss: int = 0, hoplimit: int = 0,
) -> None:  # fmt: skip
    """`ip route del PREFIX ...`: the first route of the prefix that agrees with everything given. Raises NetError ESRCH."""
    network, length = _prefix(ns, prefix)
    kind = _number(ns, TYPES, type, "route type") if type is not None else 0
    number = table_number(ns, table) if table is not None else TABLE_LOCAL if kind in LOCAL_TYPES else TABLE_MAIN
    fib_config.remove(
        ns, network, length, number, gateway=parse_address(ns, via, f"nexthop of {prefix}") if via is not None else 0,
        oif=device_of(ns, dev).ifindex if dev is not None else 0, type_=kind,
        scope=_number(ns, {**SCOPES, "nowhere": SCOPE_NOWHERE}, scope, "scope") if scope is not None else SCOPE_NOWHERE, metric=metric, tos=tos,
        protocol=_number(ns, PROTOCOLS, proto, "routing protocol") if proto is not None else 0,
        prefsrc=parse_address(ns, src, f"src of {prefix}") if src is not None else 0, mtu=mtu, advmss=advmss, hoplimit=hoplimit,
        nexthops=[(_nexthop(ns, hop.get("via"), hop.get("dev"), 1, False, prefix), int(str(hop.get("weight", 0)))) for hop in nexthops or ()],
    )  # fmt: skip
    if ns.tp.journal:
        _tell(ns, "del", prefix, via, dev, src, metric or 0, table, type or "unicast", scope, False, proto or "boot", tos, mtu, False, nexthops)


def _tell(
    ns: Namespace, verb: str, prefix: str, via: str | None, dev: str | NetDevice | None, src: str | None, metric: int, table: str | int | None, type_: str,
    scope: str | None, onlink: bool, proto: str, tos: int, mtu: int, mtu_lock: bool, nexthops: Sequence[dict[str, object]] | None,
    advmss: int = 0, hoplimit: int = 0,
) -> None:  # fmt: skip
    """Write the command into the journal."""
    words = f"ip route {verb} {type_ + ' ' if type_ != 'unicast' else ''}{prefix}"
    name = dev.name if isinstance(dev, NetDevice) else dev
    given = (
        ("tos", tos), ("via", via), ("dev", name), ("src", src), ("metric", metric), ("table", table), ("scope", scope),
        ("proto", proto if proto != "boot" else None), ("mtu lock" if mtu_lock else "mtu", mtu),
        ("advmss", advmss), ("hoplimit", hoplimit),
    )  # fmt: skip
    words += "".join(f" {word} {value}" for word, value in given if value) + (" onlink" if onlink else "")
    for hop in nexthops or ():
        words += " nexthop" + "".join(f" {word} {hop[word]}" for word in ("via", "dev", "weight") if word in hop) + (" onlink" if hop.get("onlink") else "")
    ns.tp.on_journal(COMMAND, ns.name, words)


class SharedRoutes:
    """Routes that many namespaces have in common, held once for all: what a cloud's route controller or a routing daemon writes into every node.

    routes = SharedRoutes(); routes.add("10.244.3.0/24", via="192.168.0.5"); routes.attach(node_ns, dev="eth0")
    A namespace that owns the gateway of an entry does not have that route.
    """

    def __init__(self) -> None:
        self._set = RouteSet()

    def __len__(self) -> int:
        return len(self._set)

    def add(self, prefix: str, via: str) -> None:
        """Add a route, or give it another gateway, in every namespace it is attached to."""
        network, length = cidr_parse(prefix)
        self._set.set(network, length, ip_int(via))
        for attachment in self._set.attached:
            if attachment.table.ns.tp.journal:
                self._tell(attachment, (network << 6 | length,))

    def delete(self, prefix: str) -> None:
        """Take a route away everywhere. Raises NetError ESRCH."""
        network, length = cidr_parse(prefix)
        self._set.remove(network, length)

    def attach(self, ns: Namespace, *, dev: str | NetDevice, metric: int = 0, table: str | int = "main", proto: str = "static") -> None:
        """Give a namespace all these routes, by `dev`. Raises NetError EEXIST, ENETDOWN."""
        protocol = _number(ns, PROTOCOLS, proto, "routing protocol")
        attachment = self._set.attach(ns, device_of(ns, dev), ns.fib.table(table_number(ns, table)), metric, protocol)
        if ns.tp.journal:
            self._tell(attachment, tuple(self._set.entries))

    @staticmethod
    def _tell(attachment: Attachment, keys: Sequence[int]) -> None:
        """Write the routes that this gives one namespace into the journal."""
        ns = attachment.table.ns
        for route in map(attachment.get, keys):
            if route is not None:
                words = f"{cidr_text(route.network, route.length)} via {ip_text(route.nexthops[0].gateway)} dev {ns.by_index[attachment.oif].name}"
                ns.tp.on_journal(COMMAND, ns.name, f"ip route replace {words}")

    def detach(self, ns: Namespace, *, table: str | int = "main") -> None:
        """Take them all away from one namespace."""
        self._set.detach(ns.fib.table(table_number(ns, table)))


def flush(ns: Namespace, *, table: str | int | None = None, dev: str | NetDevice | None = None, proto: str | None = None) -> int:
    """`ip route flush [table T] [dev DEV] [proto P]`: how many routes went."""
    number = table_number(ns, table) if table is not None else TABLE_MAIN
    oif = device_of(ns, dev).ifindex if dev is not None else 0
    protocol = _number(ns, PROTOCOLS, proto, "routing protocol") if proto is not None else 0

    def doomed(route: Route) -> bool:
        by_device = not oif or any(hop.oif == oif for hop in route.nexthops)
        return route.table == number and by_device and (not protocol or route.protocol == protocol)

    gone = fib_frontend.flush(ns, doomed)
    if ns.tp.journal:
        given = (("table", table), ("dev", dev.name if isinstance(dev, NetDevice) else dev), ("proto", proto))
        ns.tp.on_journal(COMMAND, ns.name, "ip route flush" + "".join(f" {word} {value}" for word, value in given if value))
    return gone


def show(ns: Namespace, table: str | int | None = None, dev: str | NetDevice | None = None) -> str:
    """`ip route show [table T|all] [dev DEV]`, as iproute2 prints it (a blank ends each line). Raises NetError ENOENT for a table without routes."""
    oif = device_of(ns, dev).ifindex if dev is not None else 0
    if table == "all":
        # The kernel walks its table hash; `main` and `local` share a trie, `main` is dumped first.
        tables = [ns.fib.tables[number] for number in sorted(ns.fib.tables, key=lambda number: (number % 256, number))]
    else:
        known = ns.fib.tables.get(table_number(ns, table) if table is not None else TABLE_MAIN)
        if known is None:
            raise NetError(ENOENT, f"ipv4: FIB table does not exist: {table} in {ns.name}")
        tables = [known]
    hidden = Hidden()
    hidden.table, hidden.dev = table != "all", bool(oif)
    return render([route_record(ns, route, hidden) for one in tables for route in one if not oif or any(hop.oif == oif for hop in route.nexthops)])


def _decision(
    ns: Namespace, address: str, src: str | None, iif: str | NetDevice | None, oif: str | NetDevice | None, mark: int, tos: int
) -> net_route.Dst:  # fmt: skip
    """What a packet would meet. Raises NetError with the errno a sender would get."""
    daddr = parse_address(ns, address, "address to look up")
    saddr = parse_address(ns, src, "source to look up") if src is not None else 0
    if iif is None:
        if not daddr:  # a packet to nowhere goes to oneself
            daddr = saddr or 0x7F000001
        dst = net_route.lookup_output(ns, daddr, saddr, device_of(ns, oif) if oif is not None else None, tos, mark)
        if isinstance(dst, int):
            raise NetError(dst, f"{ERRORS.get(dst, 'Invalid argument')}: {address} in {ns.name}")
        return dst
    skb = Skb(0, ETH_P_IP, b"")
    skb.dev, skb.daddr, skb.saddr, skb.mark, skb.tos = device_of(ns, iif), daddr, saddr, mark, tos
    dst = net_route.lookup_input(ns, skb)
    error = dst.error if dst.type == RTN_UNREACHABLE else EINVAL if dst.type == RTN_UNSPEC else 0
    if error:
        raise NetError(error, f"{ERRORS.get(error, 'Invalid argument')}: {address} in {ns.name}: {dst.text}")
    return dst


def match(
    ns: Namespace, address: str, *, src: str | None = None, iif: str | NetDevice | None = None, oif: str | NetDevice | None = None, mark: int = 0, tos: int = 0
) -> str:  # fmt: skip
    """`ip route get ADDRESS fibmatch`: the route that would be taken."""
    dst = _decision(ns, address, src, iif, oif, mark, tos)
    hidden = Hidden()
    hidden.table = False
    return route_record(ns, dst.route, hidden).text if dst.route is not None else ""


def get(
    ns: Namespace, address: str, *, src: str | None = None, iif: str | NetDevice | None = None, oif: str | NetDevice | None = None, mark: int = 0, tos: int = 0,
    uid: int = 0,
) -> str:  # fmt: skip
    """`ip route get ADDRESS [from SRC] [iif DEV] [oif DEV] [mark M] [tos T] [uid N]`. Raises NetError with the errno a sender would get."""
    dst = _decision(ns, address, src, iif, oif, mark, tos)
    local = dst.type in (RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST)
    text = "" if dst.type == RTN_UNICAST else f"{TYPE_NAMES[dst.type]} "
    text += address + (f" from {src}" if src is not None else "")
    text += f" tos {dst.route.tos:#04x}" if dst.route is not None and dst.route.tos else ""
    text += f" via {ip_text(dst.gateway)}" if dst.gateway else ""
    text += f" dev {ns.lo.name if local and iif is not None else dst.dev.name}"
    table = dst.table if ip_int(address) else 0
    if dst.type == RTN_BROADCAST and iif is None and ns.fib.local.lookup(ip_int(address)) is not None:
        table = TABLE_LOCAL
    if table and table != TABLE_MAIN and (ns.fib.custom_rules or table != TABLE_LOCAL):  # without rules both are one trie
        text += f" table {fib_text.name_of(fib_text.TABLE_NAMES, table)}"
    if src is None and dst.prefsrc:
        text += f" src {ip_text(dst.prefsrc)}"
    if mark:
        text += f" mark {mark:#x}" if mark >= 16 else f" mark {mark}"
    if iif is None:
        text += f" rt_offload_failed uid {uid}" if dst.type == RTN_MULTICAST else f" uid {uid}"  # iproute2 takes RTCF_MULTICAST for that flag
    redirected = bool(dst.gateway) and dst.route is not None and all(hop.gateway != dst.gateway for hop in dst.route.nexthops)
    known = (
        ("redirected", redirected), ("redirect", dst.redirect), ("local", local or dst.dev is ns.lo), ("brd", dst.type == RTN_BROADCAST),
        ("mc", dst.type == RTN_MULTICAST),
    )  # fmt: skip
    flags = [name for name, on in known if on]
    text += " \n    cache" + (f" <{','.join(flags)}>" if flags else "")
    lock = "lock " if dst.mtu_locked else ""
    if dst.expires:
        text += f" expires {(dst.expires - ns.sim.now) // 1_000_000_000}sec" + (f" mtu {lock}{dst.mtu}" if dst.mtu < dst.dev.mtu else "")
    elif dst.route is not None and dst.route.mtu:
        text += f" mtu {lock}{dst.route.mtu}"
    if dst.route is not None:
        text += "".join(f" {name} {value}" for name in ("advmss", "hoplimit") if (value := getattr(dst.route, name)))
    if iif is not None:
        text += f" iif {device_of(ns, iif).name}"
    return text + " \n"
