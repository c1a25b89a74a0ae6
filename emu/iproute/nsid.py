"""Numbers that a namespace has for others (net/core/net_namespace.c): given when a device there is first told about whose peer is elsewhere."""

from __future__ import annotations

from emu.net.device import NetDevice
from emu.net.netns import Namespace, NetError
from emu.net.veth import Veth
from emu.net.vxlan import Vxlan

EEXIST = 17


def nsid(ns: Namespace, other: Namespace) -> int:
    """The number of `other` in `ns`, the lowest free one if it has none yet (peernet2id_alloc)."""
    known = _known(ns)
    if other not in known:
        used = list(known.values())
        known[other] = next(number for number in range(len(used) + 1) if number not in used)
    return known[other]


def link_netns(dev: NetDevice) -> Namespace:
    """Where the other end of a veth is, or what a VXLAN device tunnels through; else the device's own namespace (ndo get_link_net)."""
    if isinstance(dev, Veth) and dev.peer is not None:
        return dev.peer.netns
    return dev.underlay if isinstance(dev, Vxlan) else dev.netns


def all_ids(ns: Namespace) -> dict[Namespace, int]:
    """Every namespace that has a number in `ns`."""
    for dev in ns.by_index.values():
        if link_netns(dev) is not ns:
            nsid(ns, link_netns(dev))
    return _known(ns)


def _known(ns: Namespace) -> dict[Namespace, int]:
    known = ns.nsids or {}
    ns.nsids = {other: number for other, number in known.items() if not other.gone}
    return ns.nsids


def set_nsid(ns: Namespace, other: Namespace, number: int | None) -> None:
    """`ip netns set NAME NUMBER|auto`. Raises NetError EEXIST."""
    known = _known(ns)
    if other in known:
        raise NetError(EEXIST, f"Peer netns already has a nsid assigned: {other.name} in {ns.name}")
    if number in known.values():
        raise NetError(EEXIST, f"The specified nsid is already used: {number} in {ns.name}")
    if number is None:
        nsid(ns, other)
    else:
        known[other] = number
