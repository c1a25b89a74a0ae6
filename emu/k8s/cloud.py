"""What stands around the cluster: a router with NAT towards the internet, a host out there, and a load balancer in front of the nodes.

The load balancer passes packets through: it is a machine with a multipath route for each Service address over the nodes that pass its health
check. Linux picks the nexthop by a hash of the two
addresses, so a client stays with its node. It translates nothing, and the nodes answer past it (direct server return), as the load balancers of the
big clouds and MetalLB do it.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from emu.aio.loop import Loop
from emu.aio.process import spawn
from emu.apps.probe import http_probe
from emu.fabric import Machine, World
from emu.iproute import addr, iptables, link, route, sysctl
from emu.k8s.api import DELETED, Api
from emu.k8s.objects import LOCAL, KubernetesError, Service
from emu.sim import NS_PER_S
from emu.trace.points import INSTEAD, RAN, RUN, STEP

INTERNET_CIDR = "198.51.100.0/24"  # TEST-NET-2, RFC 5737
LOAD_BALANCER_CIDR = "203.0.113.0/24"  # TEST-NET-3
HEALTH_CHECK_SECONDS = 2.0


class Router:
    """The way out. eth0 is towards the nodes, eth1 towards the internet; what goes out of eth1 gets eth1's address."""

    def __init__(self, world: World, inside: str, prefix_length: int) -> None:
        self.machine: Machine = world.add_machine("router")
        self.inside_ip, self.public_ip = inside, str(IPv4Network(INTERNET_CIDR)[1])
        self.inside, self.outside = self.machine.add_nic("eth0"), self.machine.add_nic("eth1")
        ns = self.machine.netns
        if ns.tp.journal:
            ns.tp.on_journal(STEP, ns.name, "between the nodes (eth0) and the internet (eth1), with NAT of its own", "router")
        for device in ("lo", "eth0", "eth1"):
            link.set_up(ns, device)
        addr.add(ns, "eth0", f"{inside}/{prefix_length}")
        addr.add(ns, "eth1", f"{self.public_ip}/24")
        sysctl.set(ns, "net.ipv4.ip_forward", 1)
        iptables.restore(ns, "*nat\n-A POSTROUTING -o eth1 -j MASQUERADE\nCOMMIT\n")

    @property
    def netns(self) -> Any:
        """Its only namespace."""
        return self.machine.netns

    def add_route(self, cidr: str, via: str) -> None:
        """A range that is reached by a machine on the nodes' network."""
        if self.netns.tp.journal:
            self.netns.tp.on_journal(STEP, self.netns.name, "the addresses that the load balancer stands for", "router")
        route.add(self.netns, cidr, via=via, dev="eth0")


class InternetHost:
    """A machine on the internet. Nodes and load balancer addresses are public to it: it reaches them by the router."""

    def __init__(self, world: World, router: Router, reachable: tuple[str, ...]) -> None:
        self.machine: Machine = world.add_machine("internet")
        self.nic = self.machine.add_nic("eth0")
        self.ip = str(IPv4Network(INTERNET_CIDR)[10])
        ns = self.machine.netns
        if ns.tp.journal:
            ns.tp.on_journal(STEP, ns.name, "a host out there; it reaches nodes and load balancer addresses by the router", "internet")
        link.set_up(ns, "lo")
        link.set_up(ns, "eth0")
        addr.add(ns, "eth0", f"{self.ip}/24")
        for cidr in reachable:
            route.add(ns, cidr, via=router.public_ip, dev="eth0")

    @property
    def netns(self) -> Any:
        """Its only namespace."""
        return self.machine.netns


class LoadBalancer:
    """Gives Services of type LoadBalancer an address, and routes it to the nodes that are healthy for it."""

    def __init__(self, world: World, api: Api, loop: Loop, ip: str, prefix_length: int, router_ip: str) -> None:
        self.world, self.api, self.loop, self.ip = world, api, loop, ip
        self.machine: Machine = world.add_machine("lb")
        self.nic = self.machine.add_nic("eth0")
        self._free = IPv4Network(LOAD_BALANCER_CIDR).hosts()
        self._checks: dict[tuple[str, str], Any] = {}
        self._targets: dict[str, tuple[str, ...]] = {}  # load balancer address -> nodes it is routed to
        ns = self.machine.netns
        if ns.tp.journal:
            ns.tp.on_journal(STEP, ns.name, "a machine that passes packets on to the nodes", "load balancer")
        link.set_up(ns, "lo")
        link.set_up(ns, "eth0")
        addr.add(ns, "eth0", f"{ip}/{prefix_length}")
        route.add(ns, "default", via=router_ip, dev="eth0")
        sysctl.set(ns, "net.ipv4.ip_forward", 1)
        # Passing a packet back out of the interface it came in by is its job; it need not tell the router.
        for scope in ("all", "eth0"):
            sysctl.set(ns, f"net.ipv4.conf.{scope}.send_redirects", 0)
        api.watch("Service", self._on_service)

    @property
    def netns(self) -> Any:
        """Its only namespace."""
        return self.machine.netns

    def _on_service(self, event: str, service: Service) -> None:
        key = (service.namespace, service.name)
        if event == DELETED or service.type != "LoadBalancer":
            self._stop_check(key)
            for ip in service.lb_ips:
                self._set_targets(ip, ())
            return
        if not service.lb_ips:
            address = next(self._free, None)
            if address is None:
                raise KubernetesError(f"Service {service.namespace}/{service.name}: no load balancer address is left in {LOAD_BALANCER_CIDR}")
            service.lb_ips = (str(address),)
            self.api.update(service)
            return
        self._stop_check(key)
        if service.external_traffic_policy == LOCAL and service.health_check_node_port:
            self._check(key)
        else:
            self._set_targets(service.lb_ips[0], tuple(node.ip for node in self.api.nodes.values()))

    def targets(self, ip: str) -> tuple[str, ...]:
        """The nodes that a load balancer address is routed to now."""
        return self._targets.get(ip, ())

    def _stop_check(self, key: tuple[str, str]) -> None:
        timer = self._checks.pop(key, None)
        if timer is not None:
            timer.cancel()

    def _check(self, key: tuple[str, str]) -> None:
        service = self.api.services[key]
        if service.lb_ips[0] not in self._targets:
            self._set_targets(service.lb_ips[0], ())  # nobody, until a check says otherwise
        for node in self.api.nodes.values():
            spawn(self.loop, self.netns, self._ask(service, node.ip), name=f"lb/{service.name}")
        sim = self.world.sim
        cause, sim.cause = sim.cause, 0
        self._checks[key] = sim.call_later(round(HEALTH_CHECK_SECONDS * NS_PER_S), self._check, key)
        sim.cause = cause

    async def _ask(self, service: Service, node_ip: str) -> None:
        tp, key = self.netns.tp, f"check {service.namespace}/{service.name} {node_ip}"
        if tp.journal:
            tp.on_journal(STEP, self.netns.name, "which nodes have an endpoint of their own?", "load balancer")
            tp.on_journal(RUN, self.netns.name, f"python3 -m emu.apps.probe http://{node_ip}:{service.health_check_node_port}/healthz --timeout 1", key)
        healthy = bool(await http_probe(node_ip, service.health_check_node_port, "/healthz", timeout=1.0))
        if tp.journal:
            tp.on_journal(RAN, self.netns.name, "" if healthy else "no endpoint there", key)
        ip = service.lb_ips[0]
        targets = self._targets.get(ip, ())
        if healthy != (node_ip in targets):
            wanted = (*targets, node_ip) if healthy else tuple(target for target in targets if target != node_ip)
            self._set_targets(ip, tuple(sorted(wanted, key=IPv4Address)))

    def _set_targets(self, ip: str, nodes: tuple[str, ...]) -> None:
        if self._targets.get(ip) == nodes:
            return
        self._targets[ip] = nodes
        tp = self.netns.tp
        if tp.journal:
            tp.on_journal(STEP, self.netns.name, f"{ip} goes to {' and '.join(nodes) or 'nobody'}", "load balancer")
        if nodes:
            route.replace(self.netns, f"{ip}/32", nexthops=[{"via": node, "dev": "eth0"} for node in nodes])
            if tp.journal and len(nodes) > 1:
                self._tell_choice(ip)
        else:
            # No healthy node: say so, rather than send it back to the router that sent it here.
            route.replace(self.netns, f"{ip}/32", type="unreachable")

    def _tell_choice(self, ip: str) -> None:
        """Which nexthop the hash picks for the internet host: on another kernel it may be another one."""
        words = route.get(self.netns, ip, src=str(IPv4Network(INTERNET_CIDR)[10]), iif="eth0").split()
        only = f"ip route replace {ip}/32 via {words[words.index('via') + 1]} dev eth0"
        self.netns.tp.on_journal(INSTEAD, self.netns.name, only, "Which one is up to a hash with a secret of the kernel's; this is the one the story came by:")
