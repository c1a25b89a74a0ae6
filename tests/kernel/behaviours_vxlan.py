"""Recorded: two nodes with a VXLAN overlay as flannel makes it, and what becomes of traffic through it when something is not as it should be."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.kernel.cluster import Cluster
from tests.kernel.lab import Lab
from tests.kernel.stories import Recording, closed_udp, http_exchange, udp_exchange

MARKS = """*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i cbr0 -j MARK --set-mark 0x4000
-A PREROUTING -i eth0 -p udp -m udp --dport 8472 -j MARK --set-mark 0x7
-A PREROUTING -i flannel.1 -m mark --mark 0x7 -j ACCEPT
-A OUTPUT -p udp -m udp --dport 8472 -m mark --mark 0x4000 -j ACCEPT
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p udp -m udp --dport 8472 -m conntrack --ctstate NEW -j ACCEPT
-A FORWARD -m conntrack --ctstate NEW -j ACCEPT
-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A OUTPUT -p udp -m udp --dport 8472 -m conntrack --ctstate NEW -j ACCEPT
-A OUTPUT -p udp -m udp --dport 8472 -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
"""
NO_ICMP = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p icmp -m icmp --icmp-type 3/4 -j DROP\nCOMMIT\n"
NO_RULES = "*mangle\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n*filter\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"


class Overlay(Cluster):
    """Two nodes, a pod on each (a, b), and flannel's entries on both. `pod_mtu`: what the CNI plugin was told."""

    def __init__(self, lab: Lab, pod_mtu: int = 1450) -> None:
        self.pod_mtu = pod_mtu
        super().__init__(lab, nodes=2)
        for number, node in enumerate(self.nodes, 1):
            lab.add_vxlan(node, "flannel.1", 1, f"192.168.0.{number + 1}", "eth0", learning=False)
            lab.add_address(node, "flannel.1", f"10.244.{number}.0/32")
            lab.set_up(node, "flannel.1")
        for number, node in enumerate(self.nodes, 1):
            other = 3 - number
            self.believe(node, f"10.244.{other}.0", lab.mac(f"node{other}", "flannel.1"), f"192.168.0.{other + 1}")
            lab.add_onlink_route(node, f"10.244.{other}.0/24", f"10.244.{other}.0", "flannel.1")
        self.add_pod("a", "node1", 2)
        self.add_pod("b", "node2", 2)

    def add_node(self, number: int, name: str) -> None:
        lab = self.lab
        self.add_machine(name, f"192.168.0.{number + 1}")
        lab.sysctl(name, "net.ipv4.ip_forward", 1)
        lab.add_bridge(name, "cbr0")
        lab.set_mtu(name, "cbr0", self.pod_mtu)
        lab.set_up(name, "cbr0")
        lab.add_address(name, "cbr0", f"10.244.{number}.1/24")
        lab.pin_mac(name, "cbr0")

    def add_pod(self, name: str, node: str, number: int) -> str:
        address = super().add_pod(name, node, number)
        self.lab.set_mtu(name, "eth0", self.pod_mtu)
        self.lab.set_mtu(node, f"veth-{name}", self.pod_mtu)
        return address

    def believe(self, node: str, address: str, mac: str, endpoint: str) -> None:
        """A neighbour on the overlay, and which node it is on."""
        self.lab.set_neighbour(node, "flannel.1", address, mac, "permanent")
        self.lab.add_endpoint(node, "flannel.1", mac, endpoint)


def named(lab: Lab, text: str) -> str:
    """The text with devices' names for their MACs."""
    for mac, name in lab.macs.items():
        text = text.replace(mac, name)
    return text


def part_without_node2(recording: Recording, title: str, action: Callable[[], object]) -> None:
    """A program's fragments go the whole way one after the other where all machines are one; those of a reply, and on real machines, go together,
    and so they do in the emulator. At the node that takes them out of the tunnel the orders of what is outside and inside differ."""
    recording.part(title, action)
    name, frames = recording.parts[-1]
    recording.parts[-1] = name, [frame for frame in frames if frame.netns != "node2"]


def vxlan(lab: Lab) -> Recording:
    cluster = Overlay(lab)
    recording = Recording("a VXLAN overlay as flannel makes it", lab, [])

    def note(title: str, text: str) -> None:
        recording.texts.append((title, named(lab, text)))

    there, here = ("10.244.2.2", 5000), ("10.244.2.2", 8080)
    note("FDB of flannel.1 on node1", lab.endpoints("node1", "flannel.1"))
    note("routes of node1", lab.routes("node1"))
    recording.part("a pings b, nobody knows anybody", lambda: lab.ping("a", "10.244.2.2", 2, 0.2))
    recording.part("a sends a datagram to b and back", lambda: udp_exchange(lab, "a", there, "b", there))
    recording.part("a asks b over HTTP", lambda: http_exchange(lab, "a", here, "b", here))
    recording.part("node1 itself pings b", lambda: lab.ping("node1", "10.244.2.2"))
    recording.part("a sends to a closed UDP port of b", lambda: closed_udp(lab, "a", ("10.244.2.2", 9)))
    recording.part("a pings b with TTL 1, 2 and 3", lambda: [lab.ping("a", "10.244.2.2", wait=0.3, ttl=ttl) for ttl in (1, 2, 3)])
    recording.part("TOS 0x4a, and congestion experienced", lambda: [lab.program("a", f"ping -c 1 -Q {tos} 10.244.2.2") for tos in (74, 3)])
    recording.part("as much as fits", lambda: lab.ping("a", "10.244.2.2", size=1422, pmtu="do"))
    part_without_node2(recording, "more, in fragments", lambda: lab.ping("a", "10.244.2.2", size=2000, pmtu="dont"))

    for node in cluster.nodes:
        lab.restore(node, MARKS)
    recording.part("marks set inside and outside", lambda: lab.ping("a", "10.244.2.2", 2, 0.2))
    for node in cluster.nodes:
        note(f"iptables-save -c on {node}", re.sub(r"^# .*\n", "", lab.saved_rules(node), flags=re.M))
        lab.restore(node, NO_RULES)

    wrong = "02:00:00:00:00:99"
    cluster.believe("node1", "10.244.2.0", wrong, "192.168.0.3")
    recording.part("node1 believes another MAC of node2's flannel.1", lambda: lab.ping("a", "10.244.2.2", wait=0.3))
    lab.set_neighbour("node1", "flannel.1", "10.244.2.0", "02:00:00:00:00:98", "permanent")
    recording.part("node1 has no endpoint for the MAC", lambda: lab.ping("a", "10.244.2.2", wait=0.3))
    cluster.believe("node1", "10.244.2.0", "02:00:00:00:00:97", "172.16.0.1")
    recording.part("node1 has no route to the endpoint", lambda: lab.ping("a", "10.244.2.2", wait=0.3))
    cluster.believe("node1", "10.244.2.0", "02:00:00:00:00:96", "192.168.0.2")
    recording.part("the endpoint is node1 itself", lambda: lab.ping("a", "10.244.2.2", wait=0.3))
    lab.set_neighbour("node1", "flannel.1", "10.244.2.0", lab.mac("node2", "flannel.1"), "permanent")
    lab.set_down("node2", "flannel.1")
    recording.part("node2's flannel.1 is down", lambda: lab.ping("a", "10.244.2.2", wait=0.3))
    note("FDB of flannel.1 on node1 in the end", lab.endpoints("node1", "flannel.1"))
    return recording


def vxlan_mtu(lab: Lab) -> Recording:
    cluster = Overlay(lab, pod_mtu=1500)
    recording = Recording("pods that do not know of the tunnel, and a node network that takes less than the tunnel thinks", lab, [])
    recording.part("warm", lambda: lab.ping("a", "10.244.2.2"))
    for node in cluster.nodes:
        lab.restore(node, NO_ICMP)
    recording.part("black hole: a small packet", lambda: lab.ping("a", "10.244.2.2"))
    recording.part("black hole: a large packet, its error lost", lambda: lab.ping("a", "10.244.2.2", size=1472, pmtu="do", wait=0.3))
    for node in cluster.nodes:
        lab.restore(node, NO_RULES)
    recording.part("the error is told", lambda: lab.ping("a", "10.244.2.2", size=1472, pmtu="do", wait=0.3))
    recording.part("what a pod lets be cut goes on in pieces", lambda: lab.ping("b", "10.244.1.2", size=1472, pmtu="dont"))
    for node in cluster.nodes:
        lab.set_mtu(node, "eth0", 1400)
    recording.part("the node network takes 1400: outer packets in pieces", lambda: lab.ping("b", "10.244.1.2", size=1400, pmtu="dont"))
    recording.part("the same again", lambda: lab.ping("b", "10.244.1.2", size=1400, pmtu="dont"))
    part_without_node2(recording, "node1 itself, which learns", lambda: [lab.ping("node1", "10.244.2.2", size=1400, pmtu="dont") for _ in range(2)])
    return recording


def vxlan_learning(lab: Lab) -> Recording:
    recording = Recording("tunnels that learn: ARP through the default endpoint", lab, [])
    lab.add_netns("switch")
    lab.add_bridge("switch", "br0")
    lab.sysctl("switch", "net.bridge.bridge-nf-call-iptables", 0)
    lab.set_up("switch", "br0")
    for number, name in enumerate("xyz", 1):
        lab.add_netns(name)
        lab.add_veth(name, "eth0", "switch", f"port-{name}")
        lab.set_master("switch", f"port-{name}", "br0")
        lab.set_up("switch", f"port-{name}")
        lab.add_address(name, "eth0", f"192.168.0.{number}/24")
        lab.set_up(name, "eth0")
        lab.wait_forwarding("switch", f"port-{name}")
    for number, name in enumerate("xyz", 1):
        lab.add_vxlan(name, "vx", 42, f"192.168.0.{number}", "eth0", learning=True)
        for other in (1, 2, 3):
            if other != number:
                lab.add_endpoint(name, "vx", "00:00:00:00:00:00", f"192.168.0.{other}")
        lab.add_address(name, "vx", f"10.9.0.{number}/24")
        lab.set_up(name, "vx")
    for one in (1, 2, 3):  # the underlay knows itself
        for other in (1, 2, 3):
            if one != other:
                lab.set_neighbour(" xyz"[one], "eth0", f"192.168.0.{other}", lab.mac(" xyz"[other], "eth0"), "permanent")
    lab.settle()
    recording.part("x pings z: asked of all, answered by one", lambda: lab.ping("x", "10.9.0.3", 2, 0.2))
    recording.part("y pings x", lambda: lab.ping("y", "10.9.0.1"))
    for name in "xyz":
        recording.texts.append((f"FDB of {name}", named(lab, lab.endpoints(name, "vx"))))
    return recording


VXLAN: dict[str, Callable[[Lab], Recording]] = {"vxlan": vxlan, "vxlan-mtu": vxlan_mtu, "vxlan-learning": vxlan_learning}
