"""A whole cluster, and the world around it, for scripts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Network
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from emu.aio.loop import Loop
from emu.aio.process import Process
from emu.fabric import Switch, World
from emu.iproute.route import SharedRoutes
from emu.k8s import apiserver, objects
from emu.k8s.apply import Objects
from emu.k8s.cloud import LOAD_BALANCER_CIDR, InternetHost, LoadBalancer, Router
from emu.k8s.cni.bridge import BridgeConfig
from emu.k8s.control_plane import ControlPlane
from emu.k8s.delays import Delays
from emu.k8s.dns.addon import ClusterDns
from emu.k8s.flannel import OVERHEAD, Leases
from emu.k8s.ingress.addon import IngressAddon
from emu.k8s.kubelet import Kubelet
from emu.k8s.masquerade import NON_MASQUERADE_CIDRS
from emu.k8s.node import NodeConfig, NodeHost
from emu.k8s.objects import Container, KubernetesError, Probe, ServicePort
from emu.k8s.proxy.config import ProxyConfig
from emu.k8s.sandbox import netns_name
from emu.k8s.validation import check_pod
from emu.lab import programs
from emu.lab.addresses import place_nodes, plan_addresses
from emu.lab.host import MOST_SECONDS, in_range
from emu.lab.machines import Internet, Node, Outside
from emu.lab.manifests import ManifestVerbs
from emu.lab.pod import Pod
from emu.lab.service import Service
from emu.lab.watching import Watching
from emu.net.sock import table as sock_table
from emu.observe.capture import Capture
from emu.observe.journal import Journal
from emu.observe.recorder import Recorder, Recording
from emu.sim import NS_PER_S
from emu.trace.points import STEP

if TYPE_CHECKING:
    pass

NO_DELAYS = Delays()
KUBE_PROXY = ProxyConfig()
WAIT_SECONDS = 120.0
SETTLE_SECONDS = 5.0  # how long after an exchange its last frames (the ACK of the last FIN, say) may take to arrive


class Cluster(ManifestVerbs, Watching):
    """`nodes` nodes called node1, node2, ..., or those given, on one network with a router, a load balancer and an internet host behind it.

    `pod_cidr` is cut into one range of `node_prefix` bits per node; `node_cidr` holds the nodes (the router is its first address).
    `overlay`: None, nodes have routes to each other's pods; "vxlan", they have tunnels as flannel makes them, and pods an MTU of 1450.
    `captures`: a folder, or None. `comments=False` leaves decisions out of `all.pcapng`, which makes capturing much faster.
    `journal`: where every command of the building and all that is done afterwards is written down (`Journal()`); `emu.lab.script` makes a script of it.
    `dns`: with the DNS add-on, the Service default/kubernetes, and a resolver on the internet host for all other names (example.com and
    *.example.com are that host, with a web server).
    `cni`: "bridge", "ptp", or a plugin of one's own (`emu.k8s.cni.plugin`); `proxy`: how kube-proxy is configured (`ProxyConfig`), a class of proxies of
    one's own, or None for none. Raises ValueError naming what is wrong with a CIDR. Use it as a context manager, or call `close`.
    """

    def __init__(
        self,
        nodes: int | list[objects.Node] = 1,
        *,
        seed: int = 0,
        captures: str | Path | None = None,
        pod_cidr: str = "10.244.0.0/16",
        service_cidr: str = "10.96.0.0/12",
        node_cidr: str = "192.168.0.0/16",
        node_prefix: int = 24,
        delays: Delays = NO_DELAYS,
        hairpin: bool = True,
        bridge_nf_call_iptables: bool = True,
        overlay: str | None = None,
        comments: bool = True,
        journal: Journal | None = None,
        dns: bool = False,
        cni: Any = "bridge",
        proxy: Any = KUBE_PROXY,
    ) -> None:
        if not isinstance(delays, Delays):
            raise ValueError(f"delays: {delays!r} is not a Delays(...)")
        if captures is not None and (not isinstance(captures, (str, Path)) or not str(captures) or "\0" in str(captures)):
            raise ValueError(f"captures: {captures!r} is not a folder's name")
        if overlay not in (None, "vxlan"):
            raise ValueError(f'overlay: {overlay!r} is neither None nor "vxlan"')
        count = len(nodes) if isinstance(nodes, (list, tuple)) else nodes
        pods, machines = plan_addresses(count, pod_cidr, service_cidr, node_cidr, node_prefix)
        specs = list(nodes) if isinstance(nodes, (list, tuple)) else [objects.Node(f"node{number}", "", "") for number in range(1, len(pods) + 1)]
        place_nodes(specs, pods, machines, pod_cidr, node_cidr)
        self.world = World(seed)
        self.sim, self.tp = self.world.sim, self.world.tp
        self.capture = Capture(self.tp, captures, comments) if captures is not None else None
        self.journal = journal
        if journal is not None:
            journal.attach(self.tp)
        self.recorder = Recorder(self.sim, self.tp)
        self.loop = Loop(self.sim)  # type: ignore[abstract]  # pipes, TLS and such are not there, see emu/aio/loop.py
        self.control_plane = ControlPlane(self.sim, service_cidr, delays)
        self.api = self.control_plane.api
        self.switch: Switch = self.world.add_switch("switch")
        prefix_length = IPv4Network(node_cidr).prefixlen
        self.router_host = Router(self.world, str(machines[0]), prefix_length)
        self.world.cable(self.router_host.inside, self.switch.add_port())
        self.internet_host = InternetHost(self.world, self.router_host, (node_cidr, LOAD_BALANCER_CIDR))
        self.world.cable(self.router_host.outside, self.internet_host.nic)
        balancer_ip = str(machines[1])
        self.load_balancer = LoadBalancer(self.world, self.api, self.loop, balancer_ip, prefix_length, self.router_host.inside_ip)
        self.world.cable(self.load_balancer.nic, self.switch.add_port())
        self.router_host.add_route(LOAD_BALANCER_CIDR, balancer_ip)
        self.dns = ClusterDns(self.control_plane, (self.internet_host.ip,), self.sim.stream("dns")) if dns else None
        config = NodeConfig(
            prefix_length=prefix_length,
            router=self.router_host.inside_ip,
            bridge=BridgeConfig(hairpin_mode=hairpin, mtu=1500 - (OVERHEAD if overlay == "vxlan" else 0)),
            proxy=proxy,
            cluster_cidr=pod_cidr,
            cni=cni,
            non_masquerade_cidrs=NON_MASQUERADE_CIDRS,
            bridge_nf_call_iptables=bridge_nf_call_iptables,
            policies=self.control_plane.policies,
            dns=self.dns,
            leases=Leases() if overlay == "vxlan" else None,
        )
        self.pod_routes = SharedRoutes()
        self._node_hosts: dict[str, NodeHost] = {}
        self._nodes: dict[str, Node] = {}
        self._pods: dict[tuple[str, str], Pod] = {}  # handles that were asked for
        self.objects = Objects(self.control_plane)
        self._next_node = 0
        for spec in specs:
            self._add_node(spec, config)
        self.router = Outside(self, "router", self.router_host.machine, self.router_host.inside_ip, self.router_host.public_ip)
        self.internet = Internet(self, "internet", self.internet_host.machine, self.internet_host.ip, self.internet_host.ip)
        self.api.watch("Pod", self._on_pod)
        if self.dns is not None:
            self.internet.serve_dns()
            self.internet.serve_http()
        self.ingress = IngressAddon(self.control_plane, self.internet.names)
        if self.dns is not None:
            self.dns.install()
            if self._node_hosts:
                first = next(iter(self._node_hosts.values()))
                apiserver.install(self.control_plane, first.machine, first.spec.ip, self.loop)
        self.wait_for(lambda: self.synced, "the nodes to start")

    def _add_node(self, spec: objects.Node, config: NodeConfig) -> None:
        host = NodeHost(self.world, self.api, self.control_plane.services, self.loop, spec, config, self.pod_routes)
        self.world.cable(host.nic, self.switch.add_port())
        if self.tp.journal:
            self.tp.on_journal(STEP, "", f"the other nodes' route to the pods of {spec.name}", "route controller")
        self.pod_routes.add(spec.pod_cidr, spec.ip)
        self.api.create(spec)
        self._node_hosts[spec.name] = host
        self._nodes[spec.name] = Node(self, host)
        host.boot()

    def _on_pod(self, event: str, pod: objects.Pod) -> None:
        if pod.node:
            self._node_hosts[pod.node].kubelet.on_pod(event, pod)

    # -- looking up ---------------------------------------------------------------------------------------------------------------

    @property
    def nodes(self) -> list[Node]:
        """All nodes, in order."""
        return list(self._nodes.values())

    @property
    def pods(self) -> list[Pod]:
        """All pods, in the order they were made."""
        return [self.pod_of(spec) for spec in self.api.pods.values()]

    def pod_of(self, spec: objects.Pod) -> Pod:
        """The handle of a Pod object."""
        key = (spec.namespace, spec.name)
        handle = self._pods.get(key)
        if handle is None or handle.spec is not spec:
            handle = self._pods[key] = Pod(self, spec)
        return handle

    def node(self, name: str) -> Node:
        """A node by name. Raises ValueError."""
        try:
            return self._nodes[name]
        except KeyError:
            raise ValueError(f"there is no node {name!r}; there are {', '.join(self._nodes)}") from None

    def pod(self, name: str, namespace: str = "default") -> Pod:
        """A pod by name. Raises ValueError."""
        spec = self.api.pods.get((namespace, name))
        if spec is None:
            raise ValueError(f"there is no pod {name!r} in namespace {namespace!r}")
        return self.pod_of(spec)

    def netns_of(self, spec: objects.Pod) -> str:
        """The name of the namespace that a pod's containers are in: its node's for one of the host's network."""
        return spec.node if spec.spec.host_network else netns_name(spec)

    def listening(self, netns: str) -> list[str]:
        """What sockets wait for in a namespace: `80/TCP`, `53/UDP`."""
        found = next((each for each in self.world.namespaces() if each.name == netns), None)
        return sock_table.listening(found) if found is not None else []

    def kubelet(self, node: str) -> Kubelet:
        """The kubelet of a node."""
        return self._node_hosts[self.node(node).name].kubelet

    # -- making things ------------------------------------------------------------------------------------------------------------

    def run_pod(
        self,
        name: str,
        *,
        node: str | None = None,
        namespace: str = "default",
        labels: dict[str, str] | None = None,
        serve_http: int | None = None,
        serve_udp: int | None = None,
        containers: Sequence[Container] = (),
        readiness: Probe | None = None,
        host_network: bool = False,
        wait: bool = True,
    ) -> Pod:
        """Start a pod. Without `node` they go round the nodes in order. `serve_http` and `serve_udp`: ports of ready-made servers.

        Raises ValueError (KubernetesError): a name that is taken, an unknown node, no address left.
        """
        if node is None:
            if not self._nodes:
                raise ValueError(f"pod {name}: the cluster has no node")
            node = list(self._nodes)[self._next_node % len(self._nodes)]
            self._next_node += 1
        if not isinstance(containers, Sequence):
            raise KubernetesError(f"pod {name}: containers: {containers!r} is not a list of Containers")
        wanted = list(containers)
        if serve_http is not None:
            ports = (objects.ContainerPort(serve_http, name="http"),)
            wanted.append(Container("http", ports=ports, program=programs.http(serve_http), readiness=readiness))
        if serve_udp is not None:
            wanted.append(Container("udp", ports=(objects.ContainerPort(serve_udp, "UDP", "udp"),), program=programs.udp_echo(serve_udp)))
        labels = dict(labels) if isinstance(labels, dict) else labels or {}
        spec = objects.Pod(name, namespace, node, objects.PodSpec(tuple(wanted), host_network=host_network), labels)
        check_pod(spec)
        if node not in self._nodes:
            raise KubernetesError(f'Pod "{namespace}/{name}": spec.nodeName: there is no node {node!r}; there are {", ".join(self._nodes)}')
        owner = self.world.owner_of(netns_name(spec))
        if owner is not None and (namespace, name) not in self.api.pods and not host_network:
            raise KubernetesError(f'Pod "{namespace}/{name}": metadata.name: {owner!r} has that name here, and captures are named after it')
        if wait:
            # An address that is missing is the caller's error now, not the kubelet's later.
            self._node_hosts[node].check_room(spec)
        self.control_plane.create_pod(spec)
        pod = self.pod_of(spec)
        if wait:
            self.wait_for(lambda: spec.ready and self.synced, f"pod {name} to become ready")
        return pod

    def delete_pod(self, spec: objects.Pod) -> None:
        """Delete a pod; `Pod.delete` is the usual way."""
        self.control_plane.delete_pod(spec)
        self._pods.pop((spec.namespace, spec.name), None)

    def expose(
        self,
        name: str,
        *,
        selector: dict[str, str] | None,
        port: int | None = None,
        target_port: int | str = 0,
        protocol: str = "TCP",
        ports: Iterable[ServicePort] = (),
        namespace: str = "default",
        type: str = "ClusterIP",  # noqa: A002  # the field's name in Kubernetes
        wait: bool = True,
        **fields: Any,
    ) -> Service:
        """Make a Service: one `port`, or several `ports`. `fields`: any other field of `objects.Service` (`cluster_ip`, `session_affinity_seconds`,
        `external_traffic_policy`, `source_ranges`, ...). Warns when the selector matches no pod.
        """
        all_ports = tuple(ports) if port is None else (ServicePort(port, target_port, protocol), *ports)
        try:
            spec = objects.Service(name, namespace, all_ports, selector, type, **fields)
        except TypeError as error:
            raise KubernetesError(f'Service "{namespace}/{name}": {error}') from None
        self.control_plane.create_service(spec)
        if self.control_plane.selects_nothing(spec):
            warnings.warn(f"Service {namespace}/{name}: selector {spec.selector} matches no pod", stacklevel=2)
        if wait:
            self.wait_for(lambda: self.synced, f"the nodes to learn of Service {name}")
        return Service(self, spec)

    # -- time ---------------------------------------------------------------------------------------------------------------------

    @property
    def synced(self) -> bool:
        """Whether every controller and every node's kube-proxy has acted on the last change."""
        return not self.api.on_the_way and not self.control_plane.busy

    def run(self, seconds: float = 0.0) -> None:
        """Let virtual time pass. Raises ValueError for a time that is no time."""
        in_range("run", "seconds", seconds, 0, MOST_SECONDS)
        self.sim.run(self.sim.now + round(seconds * NS_PER_S))

    def wait_for(self, condition: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
        """Run until `condition()` holds. Raises TimeoutError naming `what`, and why pods do not start, after `seconds` of virtual time."""
        deadline = self.sim.now + round(seconds * NS_PER_S)
        while True:
            due = self.sim.next_event_ns()
            if due is None or due > self.sim.now:
                if condition():
                    return
                if due is None or due > deadline:
                    pending = [pod.message for pod in self.api.pods.values() if pod.message]
                    because = f" ({pending[0]})" if pending else ""
                    raise TimeoutError(f"waited {seconds:g} s of virtual time for {what}{because}")
            self.sim.run(self.sim.now if due is None else due)

    def run_until(self, process: Process) -> None:
        """Run until a program has ended."""
        self.loop.run_until_complete(process.wait())

    def settle(self, recording: Recording) -> None:
        """Run until no frame of the recording is under way, for at most a few seconds of virtual time."""
        deadline = self.sim.now + round(SETTLE_SECONDS * NS_PER_S)
        while True:
            due = self.sim.next_event_ns()
            if due is None or due > deadline or (due > self.sim.now and recording.in_flight <= 0):
                return
            self.sim.run(due)

    def wait_for_seconds(self, condition: Callable[[], bool], step: float, limit: float, what: str) -> None:
        """Let time pass in steps until `condition()` holds. Raises TimeoutError."""
        waited = 0.0
        while not condition():
            if waited >= limit:
                raise TimeoutError(f"waited {limit:g} s of virtual time for {what}")
            self.run(step)
            waited += step

    # -- the end ------------------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Write what captures still hold. The cluster can be read afterwards."""
        if self.capture is not None:
            self.capture.close()
            self.capture = None

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
