"""One node of the cluster: a machine with a NIC, a route to every other node's pods, and the agents that Kubernetes runs there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emu.aio.loop import Loop
from emu.apps.resolv import Resolver
from emu.fabric import Machine, World
from emu.iproute import addr, link, route, sysctl
from emu.k8s import masquerade
from emu.k8s.api import Api
from emu.k8s.cni.bridge import BridgeConfig, BridgePlugin
from emu.k8s.cni.plugin import CniPlugin
from emu.k8s.cni.ptp import PtpPlugin
from emu.k8s.dns.addon import ClusterDns
from emu.k8s.flannel import Flanneld, Leases
from emu.k8s.healthcheck import HealthCheckServer
from emu.k8s.ipam import HostLocal
from emu.k8s.kubelet import Kubelet
from emu.k8s.netpol.agent import PolicyAgent, PolicyRules
from emu.k8s.objects import KubernetesError, Node, Pod
from emu.k8s.proxy.config import ProxyConfig
from emu.k8s.proxy.proxier import Proxier
from emu.k8s.proxy.state import ServiceState
from emu.k8s.runner import NodeRunner
from emu.trace.points import STEP

NIC = "eth0"


@dataclass(slots=True, frozen=True)
class NodeConfig:
    """What all nodes have in common. `prefix_length`: of the nodes' own network; `router`: the default gateway."""

    prefix_length: int
    router: str
    bridge: BridgeConfig
    proxy: Any  # a ProxyConfig for kube-proxy, a class of one's own (see proxy/config.py Proxy), None for none
    cluster_cidr: str
    non_masquerade_cidrs: tuple[str, ...]
    bridge_nf_call_iptables: bool = True
    cni: Any = "bridge"  # or "ptp", a CniPlugin for all nodes, or a class of them, made with the node's runner
    policies: PolicyRules | None = None
    dns: ClusterDns | None = None
    leases: Leases | None = None  # of flannel, where pods of other nodes are reached by VXLAN


class NodeHost:
    """The machine of one Node object. Its network is configured at boot and whenever it boots again."""

    def __init__(self, world: World, api: Api, services: ServiceState, loop: Loop, spec: Node, config: NodeConfig, routes: route.SharedRoutes) -> None:
        self.world, self.api, self.services, self.loop, self.spec, self.config = world, api, services, loop, spec, config
        self.machine: Machine = world.add_machine(spec.name)
        self.nic = self.machine.add_nic(NIC)
        self.ipam = HostLocal(spec.pod_cidr)
        self.runner = NodeRunner(self.machine, spec, world.sim.stream(f"{spec.name}/cni"))
        self.plugin = self._plugin()
        self.kubelet = Kubelet(api, self.runner, loop, self.plugin, self.ipam, world.sim.stream(f"{spec.name}/kubelet"))
        self.kubelet.dns = config.dns
        self.proxier: Proxier | None = None
        self.own_proxy: Any = None
        self.health: HealthCheckServer | None = None
        self.policy_agent: PolicyAgent | None = None
        self.flanneld: Flanneld | None = None
        self.routes = routes  # every node's pod CIDR by its address, held once for all nodes (the cloud's route controller, or flannel's host-gw)

    def _plugin(self) -> CniPlugin:
        cni, random = self.config.cni, self.runner.random
        if cni == "bridge":
            return BridgePlugin(self.ipam, random, self.config.bridge)
        if cni == "ptp":
            return PtpPlugin(random, self.config.bridge.mtu)
        plugin: CniPlugin = cni(self.runner) if isinstance(cni, type) else cni
        return plugin

    @property
    def netns(self) -> Any:
        """The root namespace."""
        return self.machine.netns

    def boot(self) -> None:
        """From power to a node that takes pods: network, kubelet, kube-proxy, masquerade agent."""
        ns, config, tp = self.netns, self.config, self.world.tp
        if tp.journal:
            tp.on_journal(STEP, ns.name, "its own address, the way out, forwarding for its pods", self.spec.name)
        link.set_up(ns, "lo")
        addr.add(ns, NIC, f"{self.spec.ip}/{config.prefix_length}")
        link.set_up(ns, NIC)
        route.add(ns, "default", via=config.router, dev=NIC)
        sysctl.set(ns, "net.ipv4.ip_forward", 1)
        sysctl.set(ns, "net.bridge.bridge-nf-call-iptables", int(config.bridge_nf_call_iptables))
        if config.leases is None:
            if tp.journal:
                tp.on_journal(STEP, ns.name, "routes to the other nodes' pods, by the nodes' addresses", f"route controller, on {self.spec.name}")
            self.routes.attach(ns, dev=NIC, proto="boot")
        else:
            self.flanneld = Flanneld(ns, self.spec.name, NIC, self.spec.ip, self.spec.pod_cidr, config.leases)
        if config.dns is not None:
            self.loop.resolver.lookups[ns] = Resolver(config.dns.node_conf, config.dns.draw).lookup
        self.kubelet.start()
        self._start_proxy()
        masquerade.install(ns, config.non_masquerade_cidrs)
        if config.policies is not None:
            self.policy_agent = PolicyAgent(config.policies, self.spec, ns)

    def _start_proxy(self) -> None:
        """kube-proxy, or what stands in for it."""
        ns, proxy = self.netns, self.config.proxy
        if proxy is None:
            return
        if not isinstance(proxy, ProxyConfig):
            self.own_proxy = proxy(self.runner)
            self.api.watch("Service", self.own_proxy.on_service)
            self.api.watch("EndpointSlice", self.own_proxy.on_endpoint_slice)
            return
        if proxy.on_localhost:
            if ns.tp.journal:
                ns.tp.on_journal(STEP, ns.name, "node ports answer on localhost too", f"kube-proxy on {self.spec.name}")
            sysctl.set(ns, "net.ipv4.conf.all.route_localnet", 1)
        local = (self.spec.ip, self.ipam.gateway)
        options = proxy.options(self.spec, self.config.cluster_cidr, local, self.config.bridge.bridge)
        self.proxier = Proxier(self.services, self.spec, ns, options)
        self.proxier.sync()
        self.health = HealthCheckServer(self.services, self.spec, ns, self.loop)

    def check_room(self, pod: Pod) -> None:
        """Raise KubernetesError if the node's range has no address for one more pod."""
        if not pod.spec.host_network and self.ipam.free <= 0:
            raise KubernetesError(f"pod {pod.namespace}/{pod.name}: no IP addresses available in the pod range {self.spec.pod_cidr} of {self.spec.name}")

    def power_off(self) -> list[Pod]:
        """Everything that ran, was configured or was learned is gone. Returns the pods that ran."""
        pods = self.kubelet.power_off()
        if self.proxier is not None:
            self.proxier.stop()
            self.proxier = None
        if self.own_proxy is not None:
            self.api.unwatch("Service", self.own_proxy.on_service)
            self.api.unwatch("EndpointSlice", self.own_proxy.on_endpoint_slice)
            self.own_proxy = None
        if self.policy_agent is not None:
            self.policy_agent.stop()
            self.policy_agent = None
        if self.health is not None:
            self.health.stop()
            self.health = None
        if self.flanneld is not None:
            self.flanneld.stop()
            self.flanneld = None
        else:
            self.routes.detach(self.netns)
        self.machine.shut_down()
        return pods

    def power_on(self, pods: list[Pod]) -> None:
        """Boot again, and start the pods that are still bound to the node in new sandboxes."""
        self.machine.reboot()
        self.boot()
        self.kubelet.power_on(pods)
