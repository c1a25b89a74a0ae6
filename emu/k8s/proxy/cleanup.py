"""Stale UDP conntrack entries (pkg/proxy/conntrack/cleanup.go, the algorithm of 1.32 and later).

A UDP flow keeps its DNAT as long as packets refresh its entry, whatever the rules say by now. So after a sync in which endpoints of a UDP
service changed, entries towards its frontends whose reply comes from something that is no serving endpoint are deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any

from emu.k8s.proxy.state import ServiceState

UDP = 17


def stale_udp(state: ServiceState) -> Callable[[Any], bool]:
    """Which conntrack entries (with `orig` and `reply` tuples of ints) are stale by now.

    A service port without any serving endpoint is left alone.
    """
    by_frontend: dict[tuple[int, int], dict[tuple[int, int], None]] = {}
    by_node_port: dict[int, dict[tuple[int, int], None]] = {}
    for service, port in state.ports():
        if port.protocol != "UDP":
            continue
        serving: dict[tuple[int, int], None] = {}
        for text, endpoint in state.endpoints(service, port).items():
            if endpoint.serving:
                ip, _, number = text.rpartition(":")
                serving[int(IPv4Address(ip)), int(number)] = None
        if not serving:
            continue
        for ip in (service.cluster_ip, *service.lb_ips, *service.external_ips):
            by_frontend[int(IPv4Address(ip)), port.port] = serving
        if port.node_port:
            by_node_port[port.node_port] = serving

    def stale(entry: Any) -> bool:
        proto, _, daddr, _, dport = entry.orig
        if proto != UDP:
            return False
        serving = by_frontend.get((daddr, dport)) or by_node_port.get(dport)
        return serving is not None and (entry.reply[1], entry.reply[3]) not in serving

    return stale
