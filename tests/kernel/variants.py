"""Recorded: clusters that are set up wrong, or differently, and what becomes of their traffic."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from socket import SOCK_DGRAM

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from tests.kernel.cluster import Cluster
from tests.kernel.lab import Lab
from tests.kernel.rules import Service
from tests.kernel.stories import Recording, backend, closed_tcp, http_exchange

NEAR, SELF = ("10.96.0.10", 80), ("10.96.0.12", 80)


def one_node(lab: Lab, services: list[Service] | None = None) -> Cluster:
    """A client and a backend on one node, with a Service for each."""
    cluster = Cluster(lab, nodes=1)
    cluster.add_pod("client", "node1", 2)
    cluster.add_pod("web", "node1", 3)
    near = backend("near", NEAR[0], "10.244.1.3:8080", "node1", node_port=30080)
    cluster.program("node1", services or [near, backend("self", SELF[0], "10.244.1.2:8080", "node1")])
    return cluster


def exchange(lab: Lab, client: str, address: tuple[str, int], server: str, port: int = 8080) -> None:
    """An HTTP exchange, or the attempt at one."""
    with suppress(OSError):
        http_exchange(lab, client, address, server, ("0.0.0.0", port))


def no_bridge_nf(lab: Lab) -> Recording:
    one_node(lab)
    lab.sysctl("node1", "net.bridge.bridge-nf-call-iptables", 0)
    recording = Recording("bridge-nf-call-iptables=0: a reply goes past conntrack", lab, ["node1"])
    listening = lab.socket("web", 1)
    listening.bind(("10.244.1.3", 8080))
    listening.listen(1)
    recording.part("a Service with its backend on the same bridge", lambda: closed_tcp(lab, "client", NEAR, 0.5))
    recording.part("hairpin to oneself", lambda: exchange(lab, "client", SELF, "client"))
    listening.close()
    return recording


def no_hairpin(lab: Lab) -> Recording:
    one_node(lab)
    lab.set_hairpin("node1", "veth-client", False)
    recording = Recording("hairpin mode off: a pod cannot reach itself by its Service", lab, ["node1"])
    recording.part("the other pod", lambda: exchange(lab, "client", NEAR, "web"))
    recording.part("itself", lambda: closed_tcp(lab, "client", SELF, 0.5))
    return recording


def no_forwarding(lab: Lab) -> Recording:
    one_node(lab)
    lab.sysctl("node1", "net.ipv4.ip_forward", 0)
    recording = Recording("ip_forward=0: bridged traffic goes on, routed traffic ends", lab, ["node1"])
    recording.part("pod to pod on the bridge", lambda: lab.ping("client", "10.244.1.3"))
    recording.part("pod to Service on the bridge: br_netfilter asks for a route", lambda: closed_tcp(lab, "client", NEAR, 0.5))
    recording.part("pod to the node's other address", lambda: lab.ping("client", "192.168.0.2"))
    recording.part("pod to the world", lambda: lab.ping("client", "192.168.0.9", wait=0.5))
    return recording


def forward_drop(lab: Lab) -> Recording:
    cluster = one_node(lab)
    with_drop = cluster.rules_of("node1").replace(":FORWARD ACCEPT", ":FORWARD DROP")
    lab.restore("node1", with_drop)
    recording = Recording("FORWARD policy DROP, as Docker leaves it", lab, ["node1"])
    recording.part("pod to pod on the bridge", lambda: lab.ping("client", "10.244.1.3", wait=0.3))
    recording.part("pod to Service", lambda: closed_tcp(lab, "client", NEAR, 0.3))
    recording.part("node to pod", lambda: lab.ping("node1", "10.244.1.3"))
    recording.part("a node port: marked, so accepted", lambda: exchange(lab, "client", ("192.168.0.2", 30080), "web"))
    return recording


def local_node_port(lab: Lab) -> Recording:
    one_node(lab)
    recording = Recording("127.0.0.1 and a node port", lab, ["node1"])
    recording.part("route_localnet=0", lambda: closed_tcp(lab, "node1", ("127.0.0.1", 30080), 0.5))
    lab.sysctl("node1", "net.ipv4.conf.all.route_localnet", 1)
    recording.part("route_localnet=1", lambda: exchange(lab, "node1", ("127.0.0.1", 30080), "web"))
    return recording


def reverse_path(lab: Lab) -> Recording:
    one_node(lab)
    recording = Recording("rp_filter: the way back decides", lab, ["node1"])
    recording.part("warm", lambda: lab.ping("client", "10.244.1.1"))
    to_node = Ether(src=lab.mac("client", "eth0"), dst=lab.mac("node1", "cbr0"))
    forged = {source: bytes(to_node / IP(src=source, dst="10.244.1.1", id=1) / UDP(sport=1000, dport=9) / b"x") for source in ("192.168.0.9", "172.16.0.1")}
    for value in (0, 1, 2):
        lab.sysctl("node1", "net.ipv4.conf.cbr0.rp_filter", value)
        for source, frame in forged.items():
            recording.part(f"rp_filter={value}, a pod says it is {source}", lambda frame=frame: lab.inject("client", "eth0", frame))
    return recording


def stale_udp(lab: Lab) -> Recording:
    def dns(address: str) -> Service:
        return backend("dns", "10.96.0.13", f"{address}:5000", "node1", "udp")

    cluster = one_node(lab, [dns("10.244.1.3")])
    cluster.add_pod("web2", "node1", 4)
    recording = Recording("a UDP client with one port keeps its dead backend until its connection is forgotten", lab, ["node1"])
    with lab.socket("client", SOCK_DGRAM) as client:
        client.bind(("0.0.0.0", 5400))

        def ask() -> None:
            client.sendto(b"who?", ("10.96.0.13", 53))
            lab.settle(0.05)

        recording.part("the first question", ask)
        cluster.program("node1", [dns("10.244.1.4")])
        recording.part("the backend changed: still the old one", ask)
        lab.forget_connections("node1", "udp")
        recording.part("its connection is forgotten: the new one", ask)
        cluster.program("node1", [])
        recording.part("no Service any more: still translated", ask)
    return recording


VARIANTS: dict[str, Callable[[Lab], Recording]] = {
    "no-bridge-nf": no_bridge_nf,
    "no-hairpin": no_hairpin,
    "no-forwarding": no_forwarding,
    "forward-drop": forward_drop,
    "local-node-port": local_node_port,
    "reverse-path": reverse_path,
    "stale-udp": stale_udp,
}
