"""Plugins: ptp, hostPort, one of one's own; proxies: kube-proxy's configuration, one of one's own, none."""

from __future__ import annotations

from typing import Any

import pytest

from emu import Cluster
from emu.k8s.cni.portmap import chain_of
from emu.k8s.objects import Container, ContainerPort, KubernetesError, PodSpec
from emu.k8s.objects import Pod as PodObject
from emu.k8s.proxy.config import ProxyConfig
from emu.lab import programs


def test_ptp_routes_between_pods_of_one_node() -> None:
    with Cluster(nodes=2, seed=1, cni="ptp") as cluster:
        a, b, far = (cluster.run_pod(name, node=node, serve_http=80) for name, node in (("a", "node1"), ("b", "node1"), ("far", "node2")))
        assert a.ping(b.ip).ttl == 63  # routed by the node, not bridged
        assert a.ping(far.ip).ttl == 62
        assert "cbr0" not in cluster.nodes[0].netns.devices
        assert a.http_get(f"http://{b.ip}/clientip").body.partition(":")[0] == a.ip
        b.spec.labels["app"] = "b"
        cluster.apply(b.spec)
        service = cluster.expose("b", selector={"app": "b"}, port=80)
        assert a.http_get(f"http://{service.cluster_ip}/hostname").body == "b"
        address = b.ip
        b.delete()
        assert not a.ping(address).delivered


class Wires:
    """A plugin of one's own: a veth pair, the node answers ARP for everything, a host route back."""

    def add(self, sandbox: Any) -> str:
        ip, host = sandbox.allocate(), f"w{sandbox.id[:8]}"
        sandbox.node.run(f"ip link add {host} type veth peer name {sandbox.ifname} netns {sandbox.netns.name}")
        sandbox.run(f"ip addr add {ip}/32 dev {sandbox.ifname}")
        sandbox.run(f"ip link set {sandbox.ifname} up")
        sandbox.run(f"ip route add default dev {sandbox.ifname}")
        sandbox.node.run(f"ip link set {host} up")
        sandbox.node.run(f"sysctl -w net.ipv4.conf.{host}.proxy_arp=1 net.ipv4.ip_forward=1")
        sandbox.node.run(f"ip route add {ip}/32 dev {host}")
        return str(ip)

    def delete(self, sandbox: Any) -> None:
        sandbox.run(f"ip link del {sandbox.ifname}")


def test_a_plugin_of_ones_own() -> None:
    with Cluster(nodes=2, seed=1, cni=Wires()) as cluster:
        a = cluster.run_pod("a", node="node1")
        b, far = cluster.run_pod("b", node="node1", serve_http=80), cluster.run_pod("far", node="node2", labels={"app": "far"}, serve_http=80)
        assert a.ping(b.ip).delivered
        assert a.ping(far.ip).delivered
        service = cluster.expose("far", selector={"app": "far"}, port=80)
        assert a.http_get(f"http://{service.cluster_ip}/clientip").body.partition(":")[0] == a.ip
        b.delete()
        assert [name[0] for name in cluster.nodes[0].netns.devices] == ["l", "e", "w"]  # lo, eth0, and the end of a's pair


def test_a_plugin_that_fails_leaves_the_pod_waiting_and_nothing_behind() -> None:
    class Broken(Wires):
        def add(self, sandbox: Any) -> str:
            sandbox.allocate()
            sandbox.node.run("ip link add x type nonsense")
            return ""

    with Cluster(nodes=1, seed=1, cni=Broken()) as cluster:
        pod = cluster.run_pod("a", wait=False)
        cluster.run(seconds=1.0)
        assert "ip link add x type nonsense" in pod.spec.message
        assert cluster.nodes[0].free_addresses == 253
        assert "a" not in [ns.name for ns in cluster.world.namespaces()]


def test_host_ports() -> None:
    with Cluster(nodes=2, seed=1) as cluster:
        ports = (ContainerPort(80, host_port=8080), ContainerPort(53, "UDP", host_port=5353))
        container = Container("web", ports, programs.http(80))
        spec = PodObject("web", "default", "node1", PodSpec((container, Container("dns", program=programs.udp_echo(53)))))
        cluster.apply(spec)
        web, node1, node2 = cluster.pod("web"), cluster.node("node1"), cluster.node("node2")
        assert cluster.internet.http_get(f"http://{node1.ip}:8080/clientip").body.partition(":")[0] == cluster.internet.ip
        assert cluster.internet.http_get(f"http://{node2.ip}:8080/").refused
        assert node1.http_get(f"http://{node1.ip}:8080/hostname").body == "web"
        assert node1.http_get("http://127.0.0.1:8080/hostname").body == "web"
        assert cluster.internet.udp(node1.ip, 5353).body == "hello"
        neighbour = cluster.run_pod("neighbour", node="node1")
        assert neighbour.http_get(f"http://{node1.ip}:8080/clientip").body.partition(":")[0] == "10.244.1.1"  # the whole range is masqueraded
        assert ":CNI-DN-" in node1.iptables_save("nat")
        web.delete()
        assert "CNI-DN-" not in node1.iptables_save("nat")
        assert cluster.internet.http_get(f"http://{node1.ip}:8080/").refused


def test_a_host_port_is_taken_once_a_node() -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\nspec: {containers: [{name: a, image: nginx, ports: [{containerPort: 80, hostPort: 80}]}]}\n---\n"
    with Cluster(nodes=2, seed=1) as cluster:
        cluster.apply("".join(pod % name for name in ("a", "b", "c")))
        assert sorted(each.node for each in cluster.pods if each.ready) == ["node1", "node2"]
        assert cluster.pod("c").spec.message == "0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports."


def test_the_chain_of_a_mapping_fits() -> None:
    assert len(chain_of("0" * 64)) == 28


# -- proxies --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (ProxyConfig(), "! -s 10.244.0.0/16 -d"),
        (ProxyConfig("NodeCIDR"), "! -s 10.244.1.0/24 -d"),
        (ProxyConfig("BridgeInterface"), "! -i cbr0"),
        (ProxyConfig("InterfaceNamePrefix", "veth"), "! -i veth+"),
        (ProxyConfig(masquerade_all=True), "--dport 80 -j KUBE-MARK-MASQ"),
    ],
)
def test_how_local_traffic_is_told(config: ProxyConfig, expected: str) -> None:
    with Cluster(nodes=1, seed=1, proxy=config) as cluster:
        cluster.run_pod("web", labels={"app": "web"}, serve_http=80)
        cluster.expose("web", selector={"app": "web"}, port=80)
        lines = [line for line in cluster.nodes[0].iptables_save("nat").splitlines() if "KUBE-MARK-MASQ" in line and "cluster IP" in line]
        assert len(lines) == 1
        assert expected in lines[0]


def test_without_a_detector_nothing_is_masqueraded() -> None:
    with Cluster(nodes=1, seed=1, proxy=ProxyConfig("None")) as cluster:
        assert "cluster IP" not in cluster.nodes[0].iptables_save("nat")


def test_where_node_ports_answer() -> None:
    config = ProxyConfig(node_port_addresses=("192.168.0.0/24",))
    with Cluster(nodes=1, seed=1, proxy=config) as cluster:
        tail = [line for line in cluster.nodes[0].iptables_save("nat").splitlines() if "must be the last rule" in line]
        assert [line.split(" -m ")[0] for line in tail] == ["-A KUBE-SERVICES -d 192.168.0.2/32"]
        assert cluster.node("node1").host.runner.run("sysctl -n net.ipv4.conf.all.route_localnet") == "0\n"
    with Cluster(nodes=1, seed=1, proxy=ProxyConfig(localhost_nodeports=False)) as cluster:
        tail = [line for line in cluster.nodes[0].iptables_save("nat").splitlines() if "must be the last rule" in line]
        assert "! -d 127.0.0.0/8" in tail[0]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(("Sideways",), "detect-local mode 'Sideways'"), (("InterfaceNamePrefix",), "needs an interface name's prefix")],
)
def test_bad_configurations(arguments: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(KubernetesError, match=complaint):
        ProxyConfig(*arguments)


class Redirector:
    """A proxy of one's own: the first endpoint takes everything."""

    def __init__(self, node: Any) -> None:
        self.node = node
        self.services: dict[str, Any] = {}

    def on_service(self, event: str, service: Any) -> None:
        self.services[service.name] = service

    def on_endpoint_slice(self, event: str, piece: Any) -> None:
        service = self.services.get(piece.service)
        if service is not None and piece.endpoints:
            to = f"{piece.endpoints[0].address}:{piece.ports[0].port}"
            for chain in ("PREROUTING", "OUTPUT"):
                self.node.run(f"iptables -t nat -A {chain} -d {service.cluster_ip} -p tcp --dport {service.ports[0].port} -j DNAT --to {to}")


def test_a_proxy_of_ones_own() -> None:
    with Cluster(nodes=2, seed=1, proxy=Redirector) as cluster:
        client = cluster.run_pod("client", node="node1")
        cluster.run_pod("web", node="node2", labels={"app": "web"}, serve_http=8080)
        service = cluster.expose("web", selector={"app": "web"}, port=80, target_port=8080)
        assert client.http_get(f"http://{service.cluster_ip}/hostname").body == "web"
        assert cluster.node("node1").http_get(f"http://{service.cluster_ip}/hostname").body == "web"
        assert "KUBE-SERVICES" not in cluster.nodes[0].iptables_save("nat")


def test_without_a_proxy_a_cluster_ip_is_nothing() -> None:
    with Cluster(nodes=1, seed=1, proxy=None) as cluster:
        client = cluster.run_pod("client", labels={"app": "web"}, serve_http=80)
        service = cluster.expose("web", selector={"app": "web"}, port=80)
        assert not client.http_get(f"http://{service.cluster_ip}/").ok
