"""What ICMP teaches about one destination (fib_nh_exception in net/ipv4/route.c): a smaller path MTU, a better gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net import addr
from emu.net.fib import RTN_UNICAST
from emu.net.route import Dst, addr_type, lookup_output
from emu.wire.addr import ip_text

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netns import Namespace
    from emu.net.skb import Skb

LIMIT = 2048 * 5  # FNHE_HASH_SIZE buckets of FNHE_RECLAIM_DEPTH, of one nexthop
S = 1_000_000_000
REDIRECT_LIFE_S = 300  # ip_rt_gc_timeout


class RouteException:
    """`mtu`, `gateway`: 0 = nothing learned. `expires`: ns, of both; the later lesson sets it. It is about one nexthop: (device, gateway of the route)."""

    __slots__ = ("expires", "gateway", "mtu", "mtu_locked", "nexthop")

    def __init__(self, nexthop: tuple[int, int]) -> None:
        self.nexthop = nexthop
        self.mtu = 0
        self.mtu_locked = False  # less than min_pmtu was asked for
        self.gateway = 0
        self.expires = 0

    def applies(self, dst: Dst) -> bool:
        """Whether the decision still goes by the nexthop this was learned about."""
        return self.nexthop == (dst.dev.ifindex, dst.gateway)


def _exception(ns: Namespace, daddr: int, dst: Dst) -> RouteException:
    table = ns.fib.exceptions
    if table is None:
        table = ns.fib.exceptions = {}
    route_gateway = dst.gateway
    known: RouteException | None = table.get(daddr)
    if known is not None and known.gateway == dst.gateway and known.nexthop[0] == dst.dev.ifindex:
        route_gateway = known.nexthop[1]  # `dst` goes by the learned gateway already
    nexthop = (dst.dev.ifindex, route_gateway)
    if known is None or known.nexthop != nexthop:
        if len(table) >= LIMIT:
            del table[next(iter(table))]
        known = table[daddr] = RouteException(nexthop)
    return known


def update(ns: Namespace, skb: Skb, mtu: int, quoted: bytes) -> None:
    """A router could not send our packet on in one piece (__ip_rt_update_pmtu). Kept for mtu_expires, never below min_pmtu."""
    saddr, daddr = int.from_bytes(quoted[12:16], "big"), int.from_bytes(quoted[16:20], "big")
    dst = lookup_output(ns, daddr, saddr, None, quoted[1])
    if isinstance(dst, int) or dst.type != RTN_UNICAST:
        return
    learn_mtu(ns, daddr, dst, mtu)


def learn_mtu(ns: Namespace, daddr: int, dst: Dst, mtu: int) -> None:
    """Remember a smaller path MTU to `daddr`."""
    if dst.mtu < mtu or dst.mtu_locked:
        return
    known = _exception(ns, daddr, dst)
    known.mtu_locked = mtu < ns.sysctl.route_min_pmtu
    known.mtu = min(dst.mtu, max(mtu, ns.sysctl.route_min_pmtu))
    known.expires = ns.sim.now + ns.sysctl.route_mtu_expires * S
    ns.fib.invalidate()


def redirect(ns: Namespace, skb: Skb, gateway: int, quoted: bytes) -> None:
    """A router says that another one is nearer (__ip_do_redirect). Believed only from the gateway in use, and only about a gateway on link."""
    dev = skb.dev
    saddr, daddr = int.from_bytes(quoted[12:16], "big"), int.from_bytes(quoted[16:20], "big")
    if dev is None or skb.l3[skb.l4 + 1] > 3:
        return
    dst = lookup_output(ns, daddr, saddr, None, quoted[1])
    if isinstance(dst, int) or dst.dev is not dev or not dst.gateway or dst.gateway != skb.saddr:
        return
    sysctl = ns.sysctl
    if gateway == dst.gateway or not sysctl.accepts_redirects(dev) or gateway >> 28 == 14 or gateway in (0, 0xFFFFFFFF):
        return
    if not sysctl.conf_or(dev, "shared_media"):
        if not addr.on_link(dev, gateway, dst.gateway):
            return
        if sysctl.conf_or(dev, "secure_redirects") and not _is_some_gateway(ns, gateway, dev):
            return
    elif addr_type(ns, gateway) != RTN_UNICAST:
        return
    if not ns.neigh.resolve(dev, gateway):  # only a gateway that answers ARP is followed: the first redirect makes us ask
        return
    known = _exception(ns, daddr, dst)
    known.gateway = gateway
    known.expires = ns.sim.now + REDIRECT_LIFE_S * S
    if ns.tp.step:
        ns.tp.on_step(ns, skb.id, "route", f"{ip_text(daddr)} via {ip_text(gateway)} from now on (redirect)")
    ns.fib.invalidate()


def _is_some_gateway(ns: Namespace, gateway: int, dev: NetDevice) -> bool:
    """ip_fib_check_default: whether a route goes by this gateway on this device."""
    return any(hop.gateway == gateway and hop.oif == dev.ifindex for table in ns.fib.tables.values() for route in table for hop in route.nexthops)
