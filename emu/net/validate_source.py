"""Would an answer to this source leave by the device it came in by? (fib_validate_source: reverse path filter, martian sources)"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net import addr
from emu.net.fib import RTN_LOCAL, RTN_UNICAST, SCOPE_HOST, Route

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netns import Namespace


def validate_source(ns: Namespace, saddr: int, daddr: int, tos: int, oif: int, dev: NetDevice, mark: int) -> tuple[str, bool]:
    """(drop reason or nothing, whether the source is on link at `dev`). `oif`: ifindex the packet is forwarded to, 0 for delivery."""
    sysctl = ns.sysctl
    strictness = sysctl.conf_max(dev, "rp_filter")
    accept_local = sysctl.conf_or(dev, "accept_local")
    if not strictness and (dev.ifindex != oif or not sysctl.conf_or(dev, "send_redirects")):
        if accept_local:
            return "", False
        if not ns.fib.custom_local and not ns.fib.custom_rules:
            return ("IP_LOCAL_SOURCE" if addr.is_configured(ns, saddr) else ""), False
    # The way back: source and destination change places; the mark counts only where src_valid_mark says so. The kernel looks as if the answer
    # came in by the output device, or by lo.
    back = ns.by_index.get(oif)
    mark = mark if sysctl.conf_or(dev, "src_valid_mark") else 0
    found = ns.fib.lookup(saddr, daddr, back.name if back is not None else "lo", 0, tos, mark)
    if isinstance(found, int):
        return ("IP_RPFILTER" if strictness else ""), False
    route, nexthop = found
    if route.type != RTN_UNICAST:
        if route.type != RTN_LOCAL:
            return "IP_INVALID_SOURCE", False
        if not accept_local:
            return "IP_LOCAL_SOURCE", False
    if _uses(route, dev) or (route.type == RTN_LOCAL and dev is ns.lo):
        return "", nexthop.scope >= SCOPE_HOST
    if not dev.addresses:
        return ("IP_RPFILTER" if strictness else ""), False
    if strictness == 1:
        return "IP_RPFILTER", False
    found = ns.fib.lookup(saddr, daddr, back.name if back is not None else "lo", dev.ifindex, tos, mark, 0, True)
    return "", isinstance(found, tuple) and found[0].type == RTN_UNICAST and found[1].scope >= SCOPE_HOST


def _uses(route: Route, dev: NetDevice) -> bool:
    """fib_info_nh_uses_dev."""
    return any(nexthop.oif == dev.ifindex for nexthop in route.nexthops)
