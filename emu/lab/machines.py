"""Nodes and the machines around the cluster, as scripts see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.aio.process import Process, spawn
from emu.apps.http_server import HttpServer
from emu.fabric import Machine
from emu.iproute import iptables
from emu.k8s.dns.server import DnsServer, find
from emu.k8s.node import NodeHost
from emu.lab.host import MOST_SECONDS, Host, in_range
from emu.sim import NS_PER_S
from emu.trace.points import START, STEP

if TYPE_CHECKING:
    from emu.lab.cluster import Cluster


class Node(Host):
    """One node; calls run in its root namespace, as the node's agents do."""

    def __init__(self, cluster: Cluster, host: NodeHost) -> None:
        self.cluster, self.host, self.name = cluster, host, host.spec.name

    def __repr__(self) -> str:
        return f"<Node {self.name} {self.ip} pods {self.host.spec.pod_cidr}>"

    @property
    def netns(self) -> Any:
        return self.host.netns

    @property
    def ip(self) -> str:
        return self.host.spec.ip

    @property
    def pod_cidr(self) -> str:
        """The range of its pods' addresses."""
        return self.host.spec.pod_cidr

    @property
    def gateway_ip(self) -> str:
        """Its own address in that range, on cbr0."""
        return self.host.ipam.gateway

    @property
    def free_addresses(self) -> int:
        """How many more pods the range has addresses for."""
        return self.host.ipam.free

    def iptables_save(self, table: str | None = None, counters: bool = False) -> str:
        """What `iptables-save` prints there. Raises ValueError for a table that there is not."""
        if table not in (None, "raw", "mangle", "nat", "filter"):
            raise ValueError(f"{self.name}: iptables-save: there is no table {table!r}")
        return str(iptables.save(self.netns, counters=counters, table=table))

    def reboot(self, seconds: float = 20.0, wait: bool = True) -> None:
        """Power off, `seconds` of darkness, power on: everything that ran there gets new sandboxes and all tables start empty."""
        in_range(f"{self.name}: reboot", "seconds", seconds, 0, MOST_SECONDS)
        tp = self.cluster.tp
        if tp.journal:
            tp.on_journal(STEP, self.name, "loses power: every namespace, device, route, rule and program is gone", self.name)
        pods = self.host.power_off()
        self.cluster.run(seconds)
        if tp.journal:
            tp.on_journal(STEP, self.name, "powers on: the old network card, a new kernel with nothing in it", self.name)
        self.host.power_on(pods)
        if wait:
            cluster = self.cluster
            mine = [pod.spec for pod in cluster.pods if pod.node == self.name]
            cluster.wait_for(lambda: cluster.synced and all(spec.ready for spec in mine), f"{self.name} to run its pods again")


class Outside(Host):
    """A machine that is not part of the cluster."""

    def __init__(self, cluster: Cluster, name: str, machine: Machine, ip: str, public_ip: str) -> None:
        self.cluster, self.name, self.machine, self._ip = cluster, name, machine, ip
        self.public_ip = public_ip

    @property
    def netns(self) -> Any:
        return self.machine.netns

    @property
    def ip(self) -> str:
        return self._ip


class Internet(Outside):
    """A host on the internet. `names`: what its resolver knows, see `serve_dns`."""

    def __init__(self, cluster: Cluster, name: str, machine: Machine, ip: str, public_ip: str) -> None:
        super().__init__(cluster, name, machine, ip, public_ip)
        self.names = {name: ip for domain in ("example.com", "example.org", "example.net") for name in (domain, f"*.{domain}")}

    def serve_http(self, port: int = 80) -> Process:
        """Run the HTTP server there that pods run; `kill()` the result to end it."""
        tp = self.cluster.tp
        if tp.journal:
            tp.on_journal(STEP, self.netns.name, "serves HTTP", self.name)
            tp.on_journal(START, self.netns.name, f"python3 -m emu.apps.http_server {port} --hostname {self.name}", f"{self.name}/http {port}")
        process = spawn(self.cluster.loop, self.netns, HttpServer(self.name, port).serve(), name=f"{self.name}/http")
        self.cluster.run(1 / NS_PER_S)
        return process

    def serve_dns(self) -> Process:
        """Run a resolver there. `names` (which may be changed) has what it knows: `db.example.com`, `*.example.com`, to addresses."""
        self.cluster.loop.resolver.lookups[self.netns] = self._look_up
        server = DnsServer(None, (), self.cluster.sim.stream("internet/dns"), self.names)
        return spawn(self.cluster.loop, self.netns, server.serve(health=False), name=f"{self.name}/dns")

    async def _look_up(self, name: str) -> list[str]:
        """It is its own resolver."""
        address = find(self.names, name)
        return [address] if address is not None else []
