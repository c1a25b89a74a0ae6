"""Which machine and which node gets which addresses."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from emu.k8s.cloud import INTERNET_CIDR, LOAD_BALANCER_CIDR
from emu.k8s.objects import KubernetesError, Node

NO_HOSTS = tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3")))  # this host, loopback, multicast and reserved


def plan_addresses(nodes: int, pod_cidr: str, service_cidr: str, node_cidr: str, node_prefix: int) -> tuple[list[IPv4Network], list[IPv4Address]]:
    """Ranges for the nodes' pods, and addresses for router, load balancer and nodes. Raises ValueError naming the CIDR at fault."""
    if not isinstance(nodes, int) or nodes < 0:
        raise ValueError(f"nodes: {nodes!r} is not a number of nodes")
    if not isinstance(node_prefix, int):
        raise ValueError(f"node_prefix: {node_prefix!r} is not a number of bits")
    ranges = {}
    given = {"pod_cidr": pod_cidr, "service_cidr": service_cidr, "node_cidr": node_cidr}
    for name, text in {**given, "internet": INTERNET_CIDR, "load balancer": LOAD_BALANCER_CIDR}.items():
        try:
            if not isinstance(text, str):
                raise ValueError(f"{text!r} is not text")
            ranges[name] = IPv4Network(text)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        if any(ranges[name].overlaps(special) for special in NO_HOSTS):
            raise ValueError(f"{name}: {text} holds addresses that no host can have")
    names = list(ranges)
    for index, name in enumerate(names):
        for other in names[index + 1 :]:
            if ranges[name].overlaps(ranges[other]):
                raise ValueError(f"{name} {ranges[name]} overlaps {other} {ranges[other]}")
    if ranges["service_cidr"].num_addresses < 4:
        raise ValueError(f"service_cidr {ranges['service_cidr']} has no address for a Service")
    pods = ranges["pod_cidr"]
    if not pods.prefixlen <= node_prefix <= 30:
        raise ValueError(f"node_prefix: /{node_prefix} ranges cannot be cut from pod_cidr {pods}")
    if nodes > 2 ** (node_prefix - pods.prefixlen):
        raise ValueError(f"pod_cidr {pods} has no address range left: {nodes} nodes need a /{node_prefix} each, it holds {2 ** (node_prefix - pods.prefixlen)}")
    if nodes + 2 > ranges["node_cidr"].num_addresses - 2:
        raise ValueError(f"node_cidr {ranges['node_cidr']} has no address left for {nodes} nodes, a router and a load balancer")
    first = int(pods.network_address)
    size = 2 ** (32 - node_prefix)
    # Node n has the n-th range, beginning with 1 where there is room, so that node1 has 10.244.1.0/24.
    shift = 1 if nodes < 2 ** (node_prefix - pods.prefixlen) else 0
    pod_ranges = [IPv4Network((first + (number + shift) * size, node_prefix)) for number in range(nodes)]
    base = ranges["node_cidr"].network_address
    # router .1, nodes from .2 on, the load balancer last in the range.
    machines = [base + 1, ranges["node_cidr"].broadcast_address - 1, *(base + 2 + number for number in range(nodes))]
    return pod_ranges, machines


def place_nodes(nodes: list[Node], pod_ranges: list[IPv4Network], machines: list[IPv4Address], pod_cidr: str, node_cidr: str) -> None:
    """Give nodes the addresses and pod ranges that they do not bring, from those planned. Raises KubernetesError for two of a kind, or one out of range."""
    network, pods = IPv4Network(node_cidr), IPv4Network(pod_cidr)
    taken = {str(machines[0]): "the router", str(machines[1]): "the load balancer"}
    ranges: list[tuple[IPv4Network, str]] = []
    for node in nodes:
        if node.ip:
            if IPv4Address(node.ip) not in network:
                raise KubernetesError(f'Node "{node.name}": status.addresses: {node.ip} is not in the nodes\' network {network}')
            if node.ip in taken:
                raise KubernetesError(f'Node "{node.name}": status.addresses: {node.ip} is the address of {taken[node.ip]}')
            taken[node.ip] = node.name
        if node.pod_cidr:
            mine = IPv4Network(node.pod_cidr)
            if not mine.subnet_of(pods):
                raise KubernetesError(f'Node "{node.name}": spec.podCIDR: {mine} is not in the cluster\'s {pods}')
            for other, name in ranges:
                if mine.overlaps(other):
                    raise KubernetesError(f'Node "{node.name}": spec.podCIDR: {mine} overlaps that of {name}')
            ranges.append((mine, node.name))
    free = iter(str(machine) for machine in machines[2:] if str(machine) not in taken)
    free_ranges = iter(str(each) for each in pod_ranges if not any(each.overlaps(other) for other, _ in ranges))
    for node in nodes:
        node.ip = node.ip or next(free)
        if not node.pod_cidr:
            given = next(free_ranges, None)
            if given is None:
                raise KubernetesError(f'Node "{node.name}": spec.podCIDR: no range is left in {pods} beside those that other nodes bring')
            node.pod_cidr = given
