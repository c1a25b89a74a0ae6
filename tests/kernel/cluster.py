"""The cluster of the stories on the real kernel: nodes with cbr0, pods by the bridge CNI's steps, a switch, a router, the internet.

Node N is 192.168.0.(N+1) with pod CIDR 10.244.N.0/24, cbr0 at .1, its first pod at .2; the router is 192.168.0.1 and
203.0.113.1, the internet host 203.0.113.10. Devices are called as on a real node; the host end of a pod's veth is `veth-POD`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.kernel.lab import Lab
from tests.kernel.rules import ROUTER, Service, node_rules

# ports that the recordings choose; MASQUERADE --random-fully draws from 1024 on, so the list is kept short
CHOSEN = [7, 9, 53, 54, 80, 99, 443, 1000, 1001, 2000, 2222, 4000, 5300, 6001, 8000, 8080, 8500, 9090, 30080, 30081, 30082]
RANGES = [range(1111, 1115), range(5000, 5005), range(5400, 5408), range(7000, 7007), range(9001, 9009)]
PORTS = {*CHOSEN, *(port for ports in RANGES for port in ports)}


def is_fixed_port(port: int) -> bool:
    """Whether a recording chose the port itself; any other was drawn by a kernel."""
    return port in PORTS


class Cluster:
    """Build with `Cluster(Lab(), nodes=2)`, then `add_pod`, `program` the Services, and record."""

    def __init__(self, lab: Lab, nodes: int = 2, outside: bool = False) -> None:
        self.lab = lab
        self.nodes = [f"node{number}" for number in range(1, nodes + 1)]
        self.pods: dict[str, tuple[str, str]] = {}
        self.services: dict[str, list[Service]] = {}
        self.lab.add_netns("switch")
        self.lab.add_bridge("switch", "br0")
        self.lab.sysctl("switch", "net.bridge.bridge-nf-call-iptables", 0)
        self.lab.sysctl("switch", "net.bridge.bridge-nf-call-arptables", 0)
        self.lab.set_up("switch", "br0")
        for number, node in enumerate(self.nodes, 1):
            self.add_node(number, node)
        if outside:
            self.add_outside()
        for port in [*self.nodes, *(["router"] if outside else [])]:
            self.lab.wait_forwarding("switch", f"port-{port}")

    def add_machine(self, name: str, address: str) -> None:
        """A namespace with eth0 on the switch."""
        lab = self.lab
        lab.add_netns(name)
        lab.add_veth(name, "eth0", "switch", f"port-{name}")
        lab.set_master("switch", f"port-{name}", "br0")
        lab.set_up("switch", f"port-{name}")
        lab.add_address(name, "eth0", f"{address}/24")
        lab.set_up(name, "eth0")

    def add_node(self, number: int, name: str) -> None:
        lab = self.lab
        self.add_machine(name, f"192.168.0.{number + 1}")
        lab.sysctl(name, "net.ipv4.ip_forward", 1)
        lab.add_bridge(name, "cbr0")
        lab.set_up(name, "cbr0")
        lab.add_address(name, "cbr0", f"10.244.{number}.1/24")
        lab.pin_mac(name, "cbr0")
        for other in range(1, len(self.nodes) + 1):
            if other != number:
                lab.add_route(name, f"10.244.{other}.0/24", f"192.168.0.{other + 1}")
        lab.add_route(name, "default", "192.168.0.1")
        self.program(name, [])

    def add_outside(self) -> None:
        lab = self.lab
        self.add_machine("router", "192.168.0.1")
        lab.add_netns("internet")
        lab.add_veth("router", "eth1", "internet", "eth0")
        lab.add_address("router", "eth1", "203.0.113.1/24")
        lab.add_address("internet", "eth0", "203.0.113.10/24")
        lab.set_up("router", "eth1")
        lab.set_up("internet", "eth0")
        lab.add_route("internet", "192.168.0.0/24", "203.0.113.1")
        lab.sysctl("router", "net.ipv4.ip_forward", 1)
        lab.restore("router", ROUTER)

    def add_pod(self, name: str, node: str, number: int) -> str:
        """Pod `name` on `node` with the node's address number `number`: what the bridge CNI plugin does, in its order."""
        lab, host = self.lab, f"veth-{name}"
        subnet = f"10.244.{self.nodes.index(node) + 1}"
        lab.add_netns(name)
        lab.add_veth(name, "eth0", node, host)
        lab.set_up(node, host)
        lab.set_master(node, host, "cbr0")
        lab.set_hairpin(node, host)
        lab.sysctl(name, "net.ipv4.conf.eth0.arp_notify", 1)
        lab.add_address(name, "eth0", f"{subnet}.{number}/24")
        lab.set_up(name, "eth0")
        lab.add_route(name, "default", f"{subnet}.1")
        lab.wait_forwarding(node, host)
        lab.settle(0.05)
        self.pods[name] = (node, f"{subnet}.{number}")
        return f"{subnet}.{number}"

    def delete_pod(self, name: str) -> None:
        self.lab.delete_link(name, "eth0")
        self.pods.pop(name)

    def program(self, node: str, services: Sequence[Service]) -> None:
        """Load kube-proxy's rules for these Services into a node, as one `iptables-restore` text."""
        self.services[node] = list(services)
        self.lab.restore(node, self.rules_of(node))

    def rules_of(self, node: str) -> str:
        """The text that was loaded last."""
        return node_rules(node, self.services[node])
