"""Routing decisions (net/ipv4/route.c): for packets that came in, for packets made here, and what kind of address an address is.

Decisions are `Dst` objects, cached per namespace by flow until `ns.generation` changes, so that a packet of a known flow costs one dict hit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.net import addr
from emu.net.fib import (
    EHOSTUNREACH,
    EINVAL,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_UNICAST,
    RTN_UNREACHABLE,
    RTN_UNSPEC,
    SCOPE_HOST,
    SCOPE_LINK,
    NextHop,
    Route,
)
from emu.net.fib_text import decision_text
from emu.net.multipath import choose
from emu.net.netns import ETH_P_IP
from emu.net.validate_source import validate_source
from emu.wire.addr import ip_text

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netns import Namespace
    from emu.net.skb import Skb

ENODEV, ENETUNREACH = 19, 101
LBCAST = 0xFFFFFFFF
ALL_HOSTS = 0xE0000001
IP_MAX_MTU = 0xFFFF
CACHE_LIMIT = 16384  # flows; beyond it the cache starts anew


class Dst:
    """A decision. `type`: RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST (deliver), RTN_UNICAST (send on by `dev`), RTN_UNREACHABLE (`error`: errno), RTN_UNSPEC
    (drop for `reason`). `gateway`: 0 = the destination is on link. `prefsrc`: source address for packets made here. `mtu`: bytes; `mtu_locked`: nothing on the
    way lowers it, so that packets are sent without DF. `hoplimit`: TTL that the route asks for, 0 = ip_default_ttl.
    `expires`: ns when it must be made again, 0 = when a table changes. `redirect`: the sender should use the gateway itself.
    """

    __slots__ = ("_text", "dev", "error", "expires", "gateway", "hoplimit", "mtu", "mtu_locked", "prefsrc", "reason", "redirect", "route", "table", "type")

    def __init__(self, type_: int, dev: NetDevice | None = None, gateway: int = 0, route: Route | None = None, prefsrc: int = 0) -> None:
        self.type = type_
        self.dev: NetDevice = dev  # type: ignore[assignment]  # None only for drops
        self.gateway = gateway
        self.route = route
        self.table = route.table if route is not None else 0
        self.prefsrc = prefsrc
        self.mtu = 0
        self.mtu_locked = False
        self.hoplimit = route.hoplimit if route is not None else 0
        self.error = 0
        self.reason = ""
        self.redirect = False
        self.expires = 0
        self._text = ""

    @property
    def text(self) -> str:
        """The decision in words, as `ip route` would print the route; for drops, why."""
        if not self._text:
            self._text = decision_text(self)
        return self._text


def _set_mtu(dst: Dst) -> None:
    route = dst.route
    mtu = route.mtu if route is not None else 0
    dst.mtu_locked = route is not None and route.mtu_lock
    dst.mtu = min(mtu or dst.dev.mtu, IP_MAX_MTU)


# -- input --------------------------------------------------------------------------------------------------------------------------


def lookup_input(ns: Namespace, skb: Skb) -> Dst:
    """ip_route_input_noref: what to do with a packet that came in by `skb.dev`."""
    fib = ns.fib
    if fib.generation != ns.generation:
        fib.inputs.clear()
        fib.outputs.clear()
        fib.generation = ns.generation
    dev = skb.dev
    key = (skb.daddr, skb.saddr, dev.ifindex, skb.tos, skb.mark)  # type: ignore[union-attr]
    dst: Dst | None = fib.inputs.get(key)
    if dst is not None and (not dst.expires or ns.sim.now < dst.expires):
        return dst
    dst = _input_slow(ns, skb, dev)  # type: ignore[arg-type]
    if len(fib.inputs) >= CACHE_LIMIT:
        fib.inputs.clear()
    fib.inputs[key] = dst
    return dst


def _drop(reason: str, text: str) -> Dst:
    dst = Dst(RTN_UNSPEC)
    dst.reason = reason
    dst._text = text
    return dst


def _martian_source(reason: str, saddr: int, dev: NetDevice) -> Dst:
    if reason == "IP_RPFILTER":
        return _drop(reason, f"rp_filter on {dev.name}: an answer to {ip_text(saddr)} would not leave by {dev.name}")
    if reason == "IP_LOCAL_SOURCE":
        return _drop(reason, f"source {ip_text(saddr)} is an address of this host (accept_local is off on {dev.name})")
    return _drop(reason, f"martian source {ip_text(saddr)} on {dev.name}")


def _input_slow(ns: Namespace, skb: Skb, dev: NetDevice) -> Dst:
    """ip_route_input_rcu and ip_route_input_slow, check by check."""
    saddr, daddr, tos = skb.saddr, skb.daddr, skb.tos & 0xFC
    if daddr >> 28 == 14:
        if not is_member(ns, dev, daddr):
            return _drop("NOT_SPECIFIED", f"multicast group {ip_text(daddr)} has no member here")
        reason = _multicast_source(ns, skb, dev)
        return _martian_source(reason, saddr, dev) if reason else Dst(RTN_MULTICAST, dev)
    if saddr >> 28 == 14 or saddr == LBCAST:
        return _martian_source("IP_INVALID_SOURCE", saddr, dev)
    if daddr == LBCAST or (saddr == 0 and daddr == 0):
        return _broadcast_input(ns, skb, dev, None)
    if not saddr:
        return _martian_source("IP_INVALID_SOURCE", saddr, dev)
    if not daddr:
        return _drop("IP_INVALID_DEST", f"martian destination {ip_text(daddr)} on {dev.name}")
    if daddr >> 24 == 127:
        if not ns.sysctl.conf_or(dev, "route_localnet"):
            return _drop("IP_LOCALNET", f"loopback destination {ip_text(daddr)} came in by {dev.name} (route_localnet is off)")
    elif saddr >> 24 == 127 and not ns.sysctl.conf_or(dev, "route_localnet"):
        return _drop("IP_LOCALNET", f"loopback source {ip_text(saddr)} came in by {dev.name} (route_localnet is off)")
    found = ns.fib.lookup(daddr, saddr, dev.name, 0, tos, skb.mark)
    forwarding = ns.sysctl.conf(dev).forwarding
    if isinstance(found, int):
        return _unreachable(daddr, dev, found if forwarding else EHOSTUNREACH, bool(forwarding))
    route, nexthop = found
    if route.type == RTN_BROADCAST:
        return _broadcast_input(ns, skb, dev, route)
    if route.type == RTN_LOCAL:
        reason, _ = validate_source(ns, saddr, daddr, tos, 0, dev, skb.mark)
        if reason:
            return _martian_source(reason, saddr, dev)
        dst = Dst(RTN_LOCAL, dev, 0, route)
        _set_mtu(dst)
        return dst
    if not forwarding:
        return _unreachable(daddr, dev, EHOSTUNREACH, False)
    if route.type != RTN_UNICAST:
        return _drop("IP_INVALID_DEST", f"martian destination {ip_text(daddr)} on {dev.name}")
    if len(route.nexthops) > 1:
        nexthop = choose(ns, route, saddr, daddr)
    return _forward(ns, skb, dev, route, nexthop, tos)


def _forward(ns: Namespace, skb: Skb, dev: NetDevice, route: Route, nexthop: NextHop, tos: int) -> Dst:
    """__mkroute_input."""
    reason, source_on_link = validate_source(ns, skb.saddr, skb.daddr, tos, nexthop.oif, dev, skb.mark)
    if reason:
        return _martian_source(reason, skb.saddr, dev)
    out = ns.by_index[nexthop.oif]
    gateway = nexthop.gateway
    dst = Dst(RTN_UNICAST, out, gateway, route)
    if out is dev and source_on_link and ns.sysctl.conf_or(out, "send_redirects"):
        dst.redirect = ns.sysctl.conf_or(out, "shared_media") or addr.on_link(out, skb.saddr, gateway)
    _set_mtu(dst)
    _apply_exception(ns, dst, skb.daddr, bool(ns.sysctl.ip_forward_use_pmtu))
    return dst


def _broadcast_input(ns: Namespace, skb: Skb, dev: NetDevice, route: Route | None) -> Dst:
    if skb.protocol != ETH_P_IP:
        return _drop("NOT_SPECIFIED", "ARP for a broadcast address")
    if skb.saddr:
        reason, _ = validate_source(ns, skb.saddr, 0, skb.tos & 0xFC, 0, dev, skb.mark)
        if reason:
            return _martian_source(reason, skb.saddr, dev)
    return Dst(RTN_BROADCAST, dev, 0, route)


def _multicast_source(ns: Namespace, skb: Skb, dev: NetDevice) -> str:
    """ip_mc_validate_source: the reason to drop, or nothing."""
    saddr = skb.saddr
    if saddr >> 28 == 14 or saddr == LBCAST:
        return "IP_INVALID_SOURCE"
    if saddr >> 24 == 127 and not ns.sysctl.conf_or(dev, "route_localnet"):
        return "IP_LOCALNET"
    if not saddr:
        return "" if skb.daddr & 0xFFFFFF00 == 0xE0000000 else "IP_INVALID_SOURCE"
    return validate_source(ns, saddr, 0, skb.tos & 0xFC, 0, dev, skb.mark)[0]


def _unreachable(daddr: int, dev: NetDevice, error: int, forwarding: bool) -> Dst:
    dst = Dst(RTN_UNREACHABLE, dev)
    dst.error = error
    dst._text = f"no route to {ip_text(daddr)}" if forwarding else f"{ip_text(daddr)} is not ours and forwarding is off on {dev.name}"
    return dst


def is_member(ns: Namespace, dev: NetDevice, group: int) -> bool:
    """ip_check_mc_rcu: every device with IP is in the all-hosts group; there is no IGMP, so no other."""
    return group == ALL_HOSTS and bool(dev.addresses)


# -- output -------------------------------------------------------------------------------------------------------------------------


def lookup_output(
    ns: Namespace, daddr: int, saddr: int = 0, oif: NetDevice | None = None, tos: int = 0, mark: int = 0, anysrc: bool = False
) -> Dst | int:  # fmt: skip
    """ip_route_output_key: how to send from here. Returns an errno (positive) where there is no way. `anysrc`: `saddr` need not be ours."""
    fib = ns.fib
    if fib.generation != ns.generation:
        fib.inputs.clear()
        fib.outputs.clear()
        fib.generation = ns.generation
    key = (daddr, saddr, oif, tos, mark, anysrc)
    dst: Dst | int | None = fib.outputs.get(key)
    if dst is not None and (dst.__class__ is int or not dst.expires or ns.sim.now < dst.expires):  # type: ignore[union-attr]
        return dst
    dst = _output_slow(ns, daddr, saddr, oif, tos & 0xFC, mark, anysrc)
    if len(fib.outputs) >= CACHE_LIMIT:
        fib.outputs.clear()
    fib.outputs[key] = dst
    return dst


def _output_slow(ns: Namespace, daddr: int, saddr: int, oif: NetDevice | None, tos: int, mark: int, anysrc: bool) -> Dst | int:
    """ip_route_output_key_hash_rcu."""
    group = daddr >> 28 == 14 or daddr == LBCAST
    if saddr:
        if saddr >> 28 == 14 or saddr == LBCAST or not saddr:
            return EINVAL
        if oif is None and group:
            oif = addr.find_local(ns, saddr)
            return _make_output(ns, daddr, saddr, oif, None, None) if oif is not None else ENETUNREACH
        if not anysrc and addr.find_local(ns, saddr) is None:
            return ENETUNREACH
    if oif is not None:
        if ns.by_index.get(oif.ifindex) is not oif:
            return ENODEV
        if not oif.up:
            return ENETUNREACH
        if daddr & 0xFFFFFF00 == 0xE0000000 or daddr == LBCAST:
            return _make_output(ns, daddr, saddr or addr.select_source(ns, oif, 0, SCOPE_LINK), oif, None, None)
        if not saddr:
            if daddr >> 28 == 14:
                saddr = addr.select_source(ns, oif, 0, 0)
            elif not daddr:
                saddr = addr.select_source(ns, oif, 0, SCOPE_HOST)
    if not daddr:
        daddr = saddr = saddr or 0x7F000001
        return _make_output(ns, daddr, saddr, ns.lo, None, None, RTN_LOCAL)
    found = ns.fib.lookup(daddr, saddr, "lo", oif.ifindex if oif is not None else 0, tos, mark)
    if isinstance(found, int):
        if oif is None:
            return found
        # The tables know nothing, the caller names the device: the destination is on link.
        return _make_output(ns, daddr, saddr or addr.select_source(ns, oif, 0, SCOPE_LINK), oif, None, None)
    route, nexthop = found
    if route.type == RTN_LOCAL:
        return _make_output(ns, daddr, saddr or route.prefsrc or daddr, ns.lo, route, None, RTN_LOCAL)
    if len(route.nexthops) > 1 and oif is None:
        nexthop = choose(ns, route, saddr, daddr, saddr)
    out = ns.by_index[nexthop.oif]
    if not saddr:
        saddr = route.prefsrc or addr.select_source(ns, out, nexthop.gateway, route.scope)
    return _make_output(ns, daddr, saddr, out, route, nexthop, route.type)


def _make_output(
    ns: Namespace, daddr: int, saddr: int, dev: NetDevice, route: Route | None, nexthop: NextHop | None, type_: int = RTN_UNICAST
) -> Dst | int:  # fmt: skip
    """__mkroute_output."""
    if saddr >> 24 == 127 and dev is not ns.lo and not ns.sysctl.conf_or(dev, "route_localnet"):
        return EINVAL
    if daddr == LBCAST:
        type_ = RTN_BROADCAST
    elif daddr >> 28 == 14:
        type_ = RTN_MULTICAST
    elif not daddr:
        return EINVAL
    if type_ == RTN_BROADCAST:
        route = nexthop = None
    elif type_ == RTN_MULTICAST and route is not None and route.length < 4:
        route = nexthop = None  # a default route is no route for multicast: on link
    dst = Dst(type_, dev, nexthop.gateway if nexthop is not None else 0, route, saddr)
    _set_mtu(dst)
    _apply_exception(ns, dst, daddr, True)
    return dst


def _apply_exception(ns: Namespace, dst: Dst, daddr: int, use_pmtu: bool) -> None:
    """What ICMP taught about this destination: a smaller path MTU, another gateway (find_exception)."""
    table = ns.fib.exceptions
    if table is None:
        return
    known = table.get(daddr)
    if known is None or dst.type != RTN_UNICAST or not known.applies(dst):
        return
    if ns.sim.now >= known.expires:
        del table[daddr]
        return
    dst.expires = known.expires
    if known.gateway:
        dst.gateway = known.gateway
    if use_pmtu and known.mtu:
        dst.mtu = min(dst.mtu, known.mtu)
        dst.mtu_locked = known.mtu_locked


def spec_dst(ns: Namespace, skb: Skb) -> int:
    """The address of ours to answer from when the packet was not sent to one of them (fib_compute_spec_dst)."""
    scope = 0
    if skb.saddr:
        found = ns.fib.lookup(skb.saddr, 0, "lo", 0, skb.tos & 0x1C)
        if isinstance(found, tuple):
            route, nexthop = found
            return route.prefsrc or addr.select_source(ns, ns.by_index.get(nexthop.oif), nexthop.gateway, route.scope)
    else:
        scope = SCOPE_LINK
    return addr.select_source(ns, skb.dev, skb.saddr, scope)


def output_source(ns: Namespace, dst: Dst) -> int:
    """The address that stands for this host on the way out (ip_rt_get_source)."""
    route = dst.route
    return dst.prefsrc or (route.prefsrc if route is not None else 0) or addr.select_source(ns, dst.dev, dst.gateway, 0)


def addr_type(ns: Namespace, ip: int, dev: NetDevice | None = None) -> int:
    """inet_addr_type (by the local table), or with `dev` inet_dev_addr_type: RTN_LOCAL and the like only if it is of this device."""
    if ip == LBCAST or not ip:
        return RTN_BROADCAST
    if ip >> 28 == 14:
        return RTN_MULTICAST
    found: Any = ns.fib.local.lookup(ip)
    if isinstance(found, tuple):
        if dev is None or found[1].oif == dev.ifindex:
            return int(found[0].type)
    return RTN_UNICAST
