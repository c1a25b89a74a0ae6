"""The recorded stories: each builds its cluster, does what the story tells, and gives back what was seen."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from socket import SO_REUSEADDR, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET

from tests.kernel.cluster import Cluster
from tests.kernel.lab import Captured, Lab
from tests.kernel.rules import Service, node_rules


@dataclass
class Recording:
    """What one story left: frames by part, texts by title, and the namespaces whose tables are to be written down."""

    title: str
    lab: Lab
    tables: list[str]
    parts: list[tuple[str, list[Captured]]] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)

    @property
    def macs(self) -> dict[str, str]:
        return self.lab.macs

    def part(self, title: str, action: Callable[[], object], settle: float = 0.1) -> None:
        """Do something and keep the frames it caused."""
        mark = self.lab.mark()
        action()
        self.lab.settle(settle)
        self.parts.append((title, self.lab.since(mark)))


def udp_exchange(lab: Lab, client: str, address: tuple[str, int], server: str, bind: tuple[str, int]) -> None:
    """A datagram there, a datagram back, on an unconnected server and a connected client."""
    with lab.socket(server, SOCK_DGRAM) as listening, lab.socket(client, SOCK_DGRAM) as calling:
        listening.bind(bind)
        calling.connect(address)
        calling.send(b"hello")
        data, peer = listening.recvfrom(2048)
        listening.sendto(data.upper(), peer)
        calling.recv(2048)
        lab.settle(0.02)


def http_exchange(lab: Lab, client: str, address: tuple[str, int], server: str, bind: tuple[str, int]) -> str:
    """A request and a response in one segment each; the server closes first. The client's address as the server saw it."""
    with lab.socket(server, SOCK_STREAM) as listening:
        listening.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        listening.bind(bind)
        listening.listen(8)
        calling = lab.socket(client, SOCK_STREAM)
        calling.connect(address)
        accepted, peer = listening.accept()
        calling.sendall(b"GET /hostname HTTP/1.1\r\nHost: web\r\n\r\n")
        accepted.recv(2048)
        accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nweb-0")
        calling.recv(2048)
        accepted.close()
        calling.recv(2048)
        calling.close()
        lab.settle(0.02)
    return str(peer[0])


def closed_udp(lab: Lab, client: str, address: tuple[str, int]) -> None:
    with lab.socket(client, SOCK_DGRAM) as calling:
        calling.connect(address)
        calling.send(b"anybody?")
        lab.settle(0.02)


def closed_tcp(lab: Lab, client: str, address: tuple[str, int], wait: float = 0.5) -> None:
    """Try to connect; whatever comes of it is in the frames."""
    with lab.socket(client, SOCK_STREAM) as calling, suppress(OSError):
        calling.settimeout(wait)
        calling.connect(address)


def pod_to_pod_same_node(lab: Lab) -> Recording:
    cluster = Cluster(lab, nodes=1)
    story = Recording("story 2: three pods on one node", lab, ["node1"])
    for number, pod in enumerate(("a", "b", "c"), 2):
        story.part(f"pod {pod} is created", lambda pod=pod, number=number: cluster.add_pod(pod, "node1", number))
    story.part("a pings b, nobody knows anybody", lambda: lab.ping("a", "10.244.1.3", 2, 0.2))
    story.part("a sends a datagram to b and back", lambda: udp_exchange(lab, "a", ("10.244.1.3", 5000), "b", ("10.244.1.3", 5000)))
    story.part("a asks b over TCP", lambda: http_exchange(lab, "a", ("10.244.1.3", 8080), "b", ("10.244.1.3", 8080)))
    story.part("a sends to a closed UDP port of b", lambda: closed_udp(lab, "a", ("10.244.1.3", 9)))
    story.part("a connects to a closed TCP port of b", lambda: closed_tcp(lab, "a", ("10.244.1.3", 9)))
    lab.set_ageing("node1", "cbr0", 1)
    lab.settle(2.0)
    lab.set_neighbour("a", "eth0", "10.244.1.3", lab.mac("b", "eth0"), "reachable")
    lab.set_neighbour("b", "eth0", "10.244.1.2", lab.mac("a", "eth0"), "reachable")
    story.part("the FDB has forgotten everybody: a pings b", lambda: lab.ping("a", "10.244.1.3"))
    return story


def pod_to_pod_cross_node(lab: Lab) -> Recording:
    cluster = Cluster(lab, nodes=2)
    cluster.add_pod("a", "node1", 2)
    cluster.add_pod("b", "node2", 2)
    story = Recording("story 4: a pod on each of two nodes", lab, ["node1", "node2"])
    story.part("a pings b, nobody knows anybody", lambda: lab.ping("a", "10.244.2.2", 2, 0.2))
    story.part("a sends a datagram to b and back", lambda: udp_exchange(lab, "a", ("10.244.2.2", 5000), "b", ("10.244.2.2", 5000)))
    story.part("a asks b over HTTP", lambda: http_exchange(lab, "a", ("10.244.2.2", 8080), "b", ("10.244.2.2", 8080)))
    story.part("a sends to a closed UDP port of b", lambda: closed_udp(lab, "a", ("10.244.2.2", 9)))
    story.part("a connects to a closed TCP port of b", lambda: closed_tcp(lab, "a", ("10.244.2.2", 9)))
    story.part("a pings b with TTL 1, 2 and 3", lambda: [lab.ping("a", "10.244.2.2", wait=0.3, ttl=ttl) for ttl in (1, 2, 3)])
    return story


def node_to_pod(lab: Lab) -> Recording:
    cluster = Cluster(lab, nodes=1)
    cluster.add_pod("a", "node1", 2)
    cluster.add_pod("b", "node1", 3)
    story = Recording("story 3: an agent on the node and its pods", lab, ["node1"])
    story.part("node1 pings a, nobody knows anybody", lambda: lab.ping("node1", "10.244.1.2"))
    story.part("node1 asks b over HTTP", lambda: http_exchange(lab, "node1", ("10.244.1.3", 8080), "b", ("10.244.1.3", 8080)))
    story.part("a asks node1 at cbr0's address over HTTP", lambda: http_exchange(lab, "a", ("10.244.1.1", 9090), "node1", ("0.0.0.0", 9090)))
    story.part("a asks node1 at eth0's address over HTTP", lambda: http_exchange(lab, "a", ("192.168.0.2", 9090), "node1", ("0.0.0.0", 9090)))
    story.part("a pings node1 at eth0's address", lambda: lab.ping("a", "192.168.0.2"))
    return story


def backend(name: str, cluster_ip: str, address: str, node: str, protocol: str = "tcp", node_port: int = 0, local_policy: bool = False) -> Service:
    """A Service with one endpoint, so that nothing is drawn by lot."""
    port = 53 if protocol == "udp" else 80
    return Service(f"default/{name}:{protocol}", cluster_ip, port, ((address, node),), node_port, protocol, local_policy)


def pod_to_service(lab: Lab) -> Recording:
    cluster = Cluster(lab, nodes=2)
    cluster.add_pod("client", "node1", 2)
    cluster.add_pod("web-0", "node1", 3)
    cluster.add_pod("web-1", "node2", 2)
    services = [
        backend("local", "10.96.0.10", "10.244.1.3:8080", "node1"),
        backend("remote", "10.96.0.11", "10.244.2.2:8080", "node2"),
        backend("self", "10.96.0.12", "10.244.1.2:8080", "node1"),
        backend("local-udp", "10.96.0.13", "10.244.1.3:5000", "node1", "udp"),
        backend("remote-udp", "10.96.0.14", "10.244.2.2:5000", "node2", "udp"),
        Service("default/none:tcp", "10.96.0.20", 80, ()),
        Service("default/none:udp", "10.96.0.20", 53, (), protocol="udp"),
    ]
    for node in cluster.nodes:
        cluster.program(node, services)
    story = Recording("story 5: Services, each with one endpoint", lab, cluster.nodes)
    story.texts.append(("iptables-restore text of node1", node_rules("node1", services)))
    local, remote = ("10.244.1.3", 8080), ("10.244.2.2", 8080)
    story.part("backend on the same node, nobody knows anybody", lambda: http_exchange(lab, "client", ("10.96.0.10", 80), "web-0", local))
    story.part("backend on the other node", lambda: http_exchange(lab, "client", ("10.96.0.11", 80), "web-1", remote))
    story.part("hairpin: the client is its own backend", lambda: http_exchange(lab, "client", ("10.96.0.12", 80), "client", ("10.244.1.2", 8080)))
    story.part("UDP, backend on the same node", lambda: udp_exchange(lab, "client", ("10.96.0.13", 53), "web-0", ("10.244.1.3", 5000)))
    story.part("UDP, backend on the other node", lambda: udp_exchange(lab, "client", ("10.96.0.14", 53), "web-1", ("10.244.2.2", 5000)))
    story.part("UDP, backend's port is closed", lambda: closed_udp(lab, "client", ("10.96.0.14", 53)))
    story.part("TCP, backend's port is closed", lambda: closed_tcp(lab, "client", ("10.96.0.10", 80)))
    story.part("no endpoints, TCP", lambda: closed_tcp(lab, "client", ("10.96.0.20", 80)))
    story.part("no endpoints, UDP", lambda: closed_udp(lab, "client", ("10.96.0.20", 53)))
    story.part("no endpoints, a process on the node, TCP", lambda: closed_tcp(lab, "node1", ("10.96.0.20", 80)))
    story.part("a process on the node, backend on it", lambda: http_exchange(lab, "node1", ("10.96.0.10", 80), "web-0", local))
    story.part("a process on the node, backend on the other node", lambda: http_exchange(lab, "node1", ("10.96.0.11", 80), "web-1", remote))
    return story


def internet_to_service(lab: Lab) -> Recording:
    cluster = Cluster(lab, nodes=2, outside=True)
    cluster.add_pod("client", "node1", 2)
    cluster.add_pod("web-0", "node1", 3)
    cluster.add_pod("web-1", "node2", 2)
    services = [
        backend("open", "10.96.0.10", "10.244.1.3:8080", "node1", node_port=30080),
        backend("keep", "10.96.0.11", "10.244.1.3:8080", "node1", node_port=30081, local_policy=True),
        Service("default/none:tcp", "10.96.0.20", 80, (), 30082),
    ]
    for node in cluster.nodes:
        cluster.program(node, services)
    story = Recording("story 6: node ports from the internet, egress to the internet", lab, [*cluster.nodes, "router"])
    story.texts.append(("iptables-restore text of node1", node_rules("node1", services)))
    story.texts.append(("iptables-restore text of node2", node_rules("node2", services)))
    server, there = ("10.244.1.3", 8080), ("203.0.113.10", 8080)
    seen: list[str] = []

    def ask(title: str, client: str, address: tuple[str, int]) -> None:
        story.part(title, lambda: seen.append(f"{title}: {http_exchange(lab, client, address, 'web-0', server)}"))

    ask("policy Cluster, by the node with the backend, nobody knows anybody", "internet", ("192.168.0.2", 30080))
    ask("policy Cluster, by the node without a backend", "internet", ("192.168.0.3", 30080))
    ask("policy Local, by the node with the backend", "internet", ("192.168.0.2", 30081))
    story.part("policy Local, by the node without a backend", lambda: closed_tcp(lab, "internet", ("192.168.0.3", 30081)))
    story.part("no endpoints", lambda: closed_tcp(lab, "internet", ("192.168.0.2", 30082)))
    ask("a pod by its own node's port", "client", ("192.168.0.2", 30080))
    ask("a pod by the other node's port, policy Local (short-circuit)", "web-1", ("192.168.0.3", 30081))
    story.part("a pod pings the internet", lambda: lab.ping("client", "203.0.113.10"))
    story.part("a pod asks a server in the internet", lambda: http_exchange(lab, "client", there, "internet", there))
    story.part("a pod sends to a closed UDP port in the internet", lambda: closed_udp(lab, "client", ("203.0.113.10", 9)))
    story.texts.insert(0, ("the client as the server saw it", "\n".join(seen)))
    return story


def pod_restart(lab: Lab) -> Recording:
    cluster = Cluster(lab, nodes=1)
    cluster.add_pod("a", "node1", 2)
    cluster.add_pod("b", "node1", 3)
    story = Recording("story 7: b's address comes back with another MAC", lab, ["node1"])
    states: list[str] = []

    def note(title: str) -> None:
        for netns in ("a", "node1", "b2" if "b2" in cluster.pods else "b"):
            for address, mac, state in lab.neighbours(netns):
                states.append(f"{title}: {netns} knows {address} as {lab.macs.get(mac, mac)} {state}")

    story.part("a pings b, nobody knows anybody", lambda: lab.ping("a", "10.244.1.3"))
    note("before")
    story.part("the next seconds: refreshes", lambda: lab.settle(5.5))
    note("six seconds later")
    old = lab.mac("b", "eth0")
    cluster.delete_pod("b")
    story.part("b2 is created with b's address", lambda: cluster.add_pod("b2", "node1", 3))
    note("b2 is created")
    lab.set_neighbour("a", "eth0", "10.244.1.3", old, "stale")  # as if its reachable time had run out
    note("a's entry has gone stale")
    story.part("a pings six times, 1.9 s apart", lambda: lab.ping("a", "10.244.1.3", 6, 1.9), settle=0.2)
    note("after six pings")
    lab.settle(6)
    note("six seconds later still")
    story.texts.append(("neighbours", "\n".join(states)))
    return story


STORIES: dict[str, Callable[[Lab], Recording]] = {
    "pod-to-pod-same-node": pod_to_pod_same_node,
    "node-to-pod": node_to_pod,
    "pod-to-pod-cross-node": pod_to_pod_cross_node,
    "pod-to-service": pod_to_service,
    "internet-to-service": internet_to_service,
    "pod-restart": pod_restart,
}
