"""Puts the parts of a namespace together (what pernet_operations do on Linux when a struct net is made)."""

from __future__ import annotations

from collections.abc import Callable

from emu.net import arp, icmp, ip_input, sockets
from emu.net.fib import Fib
from emu.net.loopback import Loopback
from emu.net.neigh import NeighTable
from emu.net.netns import ETH_P_ARP, ETH_P_IP, Kernel, Namespace
from emu.net.skb import Skb
from emu.net.sysctl import Sysctl

IPPROTO_ICMP = 1

# The same in every namespace, as on Linux (ptype_base, inet_protos). The sockets put theirs in too.
_HANDLERS: dict[int, Callable[[Namespace, Skb], None]] = {ETH_P_IP: ip_input.ip_rcv, ETH_P_ARP: arp.rcv}
_PROTOCOLS: dict[int, Callable[[Namespace, Skb], None]] = {IPPROTO_ICMP: icmp.rcv}


def new_namespace(name: str, kernel: Kernel) -> Namespace:
    """A namespace as `ip netns add` leaves it: only lo, and that down. The first one of a machine is its root namespace."""
    ns = Namespace(name, kernel)
    if kernel.init_net is None:
        kernel.init_net = ns
    ns.sysctl = Sysctl(ns)
    ns.fib = Fib(ns)
    ns.handlers = _HANDLERS
    ns.protocols = _PROTOCOLS
    ns.neigh = NeighTable(ns)
    ns.lo = Loopback()
    ns.add_device(ns.lo)
    sockets.install(ns)
    return ns
