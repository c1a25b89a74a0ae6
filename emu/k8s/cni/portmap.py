"""The portmap plugin of the CNI reference plugins: hostPort (plugins/meta/portmap, portmap_iptables.go)."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha512
from typing import Any

from emu.iproute import conntrack, iptables, sysctl
from emu.k8s.ensure import ensure_chain, ensure_rule
from emu.k8s.objects import ContainerPort, Pod

NETWORK = "cbr0"  # the network's name in the configuration
TOP, MARK, MASQUERADE = "CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-SETMARK", "CNI-HOSTPORT-MASQ"
MARK_RULES = f"""*nat
:{MARK} - [0:0]
:{MASQUERADE} - [0:0]
-A {MARK} -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000
-A {MASQUERADE} -m mark --mark 0x2000/0x2000 -j MASQUERADE
COMMIT
"""
UDP = 17
PORTS_PER_RULE = 15


def chain_of(container_id: str) -> str:
    """CNI-DN- and 21 hex digits."""
    return "CNI-DN-" + sha512(f"{NETWORK}{container_id}".encode()).hexdigest()[:21]


def mappings(pod: Pod) -> list[ContainerPort]:
    """The ports of a pod that its node stands for."""
    return [port for container in pod.spec.containers for port in container.ports if port.host_port]


def add(node_netns: Any, container_id: str, pod: Pod, ip: str, network: str, host_ifname: str) -> None:
    """The rules for one pod's host ports. `network`: the node's pod range."""
    ports = mappings(pod)
    if not ports:
        return
    ensure_chain(node_netns, "nat", TOP)
    for builtin in ("PREROUTING", "OUTPUT"):
        ensure_rule(node_netns, "nat", builtin, f"-m addrtype --dst-type LOCAL -j {TOP}", at_head=False)
    iptables.restore(node_netns, MARK_RULES, noflush=True)
    ensure_rule(node_netns, "nat", "POSTROUTING", f'-m comment --comment "CNI portfwd requiring masquerade" -j {MASQUERADE}')
    if host_ifname:
        sysctl.set(node_netns, f"net.ipv4.conf.{host_ifname}.route_localnet", 1)
    chain = chain_of(container_id)
    lines = ["*nat", f":{chain} - [0:0]", *_jumps(container_id, chain, ports)]
    for port in ports:
        match = f"-p {port.protocol.lower()} -m {port.protocol.lower()} --dport {port.host_port}"
        where = f" -d {port.host_ip}/32" if port.host_ip not in ("", "0.0.0.0") else ""
        lines += [
            f"-A {chain} -s {network}{where} {match} -j {MARK}",
            f"-A {chain} -s 127.0.0.1/32{where} {match} -j {MARK}",
            f"-A {chain}{where} {match} -j DNAT --to-destination {ip}:{port.container_port}",
        ]
    iptables.restore(node_netns, "\n".join([*lines, "COMMIT", ""]), noflush=True)
    udp = {port.host_port: None for port in ports if port.protocol == "UDP"}
    if udp:
        conntrack.delete_if(node_netns, lambda entry: entry.orig[0] == UDP and entry.orig[4] in udp)


def delete(node_netns: Any, container_id: str, pod: Pod) -> None:
    """Take one pod's rules away."""
    ports = mappings(pod)
    if not ports:
        return
    chain = chain_of(container_id)
    for rule in _jumps(container_id, chain, ports):
        words = rule.split(" ", 2)[2]
        iptables.restore(node_netns, f"*nat\n-D {TOP} {words}\nCOMMIT\n", noflush=True)
    iptables.restore(node_netns, f"*nat\n:{chain} - [0:0]\n-X {chain}\nCOMMIT\n", noflush=True)


def _jumps(container_id: str, chain: str, ports: list[ContainerPort]) -> Iterator[str]:
    """One rule per protocol and fifteen ports."""
    comment = f'-m comment --comment "dnat name: \\"{NETWORK}\\" id: \\"{container_id}\\""'
    for protocol in ("TCP", "UDP", "SCTP"):
        numbers = [str(port.host_port) for port in ports if port.protocol == protocol]
        for start in range(0, len(numbers), PORTS_PER_RULE):
            some = ",".join(numbers[start : start + PORTS_PER_RULE])
            yield f"-A {TOP} -p {protocol.lower()} {comment} -m multiport --dports {some} -j {chain}"
