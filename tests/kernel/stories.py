"""The recorded stories: each builds its cluster, does what the story tells, and gives back what was seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from socket import SOCK_DGRAM, SOCK_STREAM

from tests.kernel.cluster import Cluster
from tests.kernel.lab import Captured, Lab


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


def ping(lab: Lab, netns: str, address: str, options: str = "-c 2 -i 0.2 -W 1") -> str:
    return lab.output(netns, f"ping -n {options} {address}")


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
        listening.setsockopt(1, 2, 1)  # SO_REUSEADDR
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
    return peer[0]


def pod_to_pod_same_node() -> Recording:
    cluster = Cluster(nodes=1)
    lab = cluster.lab
    story = Recording("story 2: three pods on one node", lab, ["node1"])
    for number, pod in enumerate(("a", "b", "c"), 2):
        story.part(f"pod {pod} is created", lambda pod=pod, number=number: cluster.add_pod(pod, "node1", number))  # type: ignore[misc]
    story.part("a pings b, nobody knows anybody", lambda: ping(lab, "a", "10.244.1.3"))
    story.part("a sends a datagram to b and back", lambda: udp_exchange(lab, "a", ("10.244.1.3", 5000), "b", ("10.244.1.3", 5000)))
    story.part("a asks b over TCP", lambda: http_exchange(lab, "a", ("10.244.1.3", 8080), "b", ("10.244.1.3", 8080)))
    story.part("a sends to a closed UDP port of b", lambda: closed_udp(lab, "a", ("10.244.1.3", 9)))
    story.part("a connects to a closed TCP port of b", lambda: closed_tcp(lab, "a", ("10.244.1.3", 9)))
    lab.run("node1", "ip link set cbr0 type bridge ageing_time 100")
    lab.settle(2.0)
    lab.run("a", "ip neigh replace 10.244.1.3 lladdr " + mac_of(lab, "b.eth0") + " dev eth0 nud reachable")
    lab.run("b", "ip neigh replace 10.244.1.2 lladdr " + mac_of(lab, "a.eth0") + " dev eth0 nud reachable")
    story.part("the FDB has forgotten everybody: a pings b", lambda: ping(lab, "a", "10.244.1.3", "-c 1 -W 1"))
    return story


def mac_of(lab: Lab, name: str) -> str:
    return next(mac for mac, device in lab.macs.items() if device == name)


def closed_udp(lab: Lab, client: str, address: tuple[str, int]) -> None:
    with lab.socket(client, SOCK_DGRAM) as calling:
        calling.connect(address)
        calling.send(b"anybody?")
        lab.settle(0.02)


def closed_tcp(lab: Lab, client: str, address: tuple[str, int]) -> str:
    with lab.socket(client, SOCK_STREAM) as calling:
        try:
            calling.connect(address)
        except OSError as error:
            return error.strerror or str(error)
    return "connected"


STORIES: dict[str, Callable[[], Recording]] = {"pod-to-pod-same-node": pod_to_pod_same_node}
