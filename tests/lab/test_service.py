"""Services as `expose` makes them."""

from __future__ import annotations

from typing import Any

import pytest

from emu import Cluster, Container, ContainerPort, Probe, Reply, ServicePort
from emu.apps.echo import udp_request
from emu.iproute import conntrack
from emu.lab import Host, programs


def names(client: Host, address: str, port: int = 80, count: int = 12) -> set[str]:
    """Who answers, over many connections."""
    return {client.http_get(f"http://{address}:{port}/hostname", timeout=3.0).body for _ in range(count)}


def seen(reply: Reply) -> str:
    """The client's address as the server saw it."""
    return reply.body.rpartition(":")[0]


def test_a_service_spreads_over_its_backends(cluster: Cluster) -> None:
    client = cluster.run_pod("client", node="node1")
    for number in range(3):
        cluster.run_pod(f"web-{number}", labels={"app": "web"}, serve_http=8080)
    web = cluster.expose("web", selector={"app": "web"}, port=80, target_port=8080)
    assert names(client, web.cluster_ip, count=30) == {"web-0", "web-1", "web-2"}
    assert names(cluster.node("node2"), web.cluster_ip, count=30) == {"web-0", "web-1", "web-2"}
    assert (web.node_port, web.load_balancer_ip) == (0, "")
    assert repr(web) == f"<Service default/web ClusterIP {web.cluster_ip}>"


def test_several_ports_and_ports_by_name(cluster: Cluster) -> None:
    client = cluster.run_pod("client")
    for number, port in enumerate((8001, 8002)):  # the same name, another number in each pod
        container = Container("main", ports=(ContainerPort(port, name="web"),), program=programs.http(port))
        cluster.run_pod(f"web-{number}", labels={"app": "web"}, containers=[container], serve_udp=5353)
    ports = [ServicePort(80, "web", name="http"), ServicePort(53, "udp", "UDP", name="dns"), ServicePort(81, "nobody", name="none")]
    service = cluster.expose("web", selector={"app": "web"}, ports=ports)
    assert names(client, service.cluster_ip) == {"web-0", "web-1"}
    assert client.udp(service.cluster_ip, 53, b"?").body == "?"
    assert client.http_get(f"http://{service.cluster_ip}:81/").refused  # no pod has a port of that name


def test_one_port_number_for_both_protocols(cluster: Cluster) -> None:
    client = cluster.run_pod("client")
    cluster.run_pod("both", labels={"app": "both"}, serve_http=53, serve_udp=53)
    service = cluster.expose("both", selector={"app": "both"}, ports=[ServicePort(53, name="tcp"), ServicePort(53, protocol="UDP", name="udp")])
    assert client.http_get(f"http://{service.cluster_ip}:53/hostname").body == "both"
    assert client.udp(service.cluster_ip, 53).ok


def test_a_node_port_is_open_on_every_node(cluster: Cluster) -> None:
    cluster.run_pod("web", node="node1", labels={"app": "web"}, serve_http=8080)
    service = cluster.expose("web", selector={"app": "web"}, ports=[ServicePort(80, 8080, node_port=30080)], type="NodePort")
    assert service.node_port == 30080
    for node in cluster.nodes:
        assert cluster.internet.http_get(f"http://{node.ip}:30080/hostname").body == "web"
    assert 30000 <= cluster.expose("other", selector=None, port=80, type="NodePort").node_port <= 32767


def test_a_load_balancer_stands_in_front_of_the_nodes(cluster: Cluster) -> None:
    cluster.run_pod("web", node="node2", labels={"app": "web"}, serve_http=8080)
    service = cluster.expose("web", selector={"app": "web"}, port=80, target_port=8080, type="LoadBalancer")
    assert service.load_balancer_ip == "203.0.113.1"
    assert cluster.internet.http_get("http://203.0.113.1/hostname").body == "web"
    service.set_external_traffic_policy("Local")
    cluster.run(seconds=5.0)  # health checks
    for _ in range(4):
        assert seen(cluster.internet.http_get("http://203.0.113.1/clientip")) == cluster.internet.ip
    service.delete()
    assert not cluster.internet.http_get("http://203.0.113.1/", timeout=2.0).ok


def test_the_health_check_port_tells_which_nodes_have_a_backend(cluster: Cluster) -> None:
    pod = cluster.run_pod("web", node="node2", labels={"app": "web"}, serve_http=8080)
    service = cluster.expose("web", selector={"app": "web"}, port=80, target_port=8080, type="LoadBalancer", external_traffic_policy="Local")

    def health(node: str) -> int:
        return cluster.internet.http_get(f"http://{cluster.node(node).ip}:{service.spec.health_check_node_port}/healthz").status

    assert (health("node1"), health("node2")) == (503, 200)
    pod.set_ready(False)
    assert (health("node1"), health("node2")) == (503, 503)
    service.set_external_traffic_policy("Cluster")
    assert service.spec.health_check_node_port == 0


def test_affinity_keeps_a_client_with_its_backend_for_its_time(cluster: Cluster) -> None:
    clients = [cluster.run_pod(f"client-{number}", node="node1") for number in range(4)]
    for number in range(3):
        cluster.run_pod(f"web-{number}", labels={"app": "web"}, serve_http=8080)
    service = cluster.expose("web", selector={"app": "web"}, port=80, target_port=8080, session_affinity_seconds=60)
    chosen = [names(client, service.cluster_ip, count=6) for client in clients]
    assert all(len(backends) == 1 for backends in chosen)
    cluster.run(seconds=50.0)
    assert names(clients[0], service.cluster_ip, count=1) == chosen[0]  # and the time begins anew
    cluster.run(seconds=50.0)
    assert names(clients[0], service.cluster_ip, count=1) == chosen[0]
    later = set()
    for _ in range(12):
        cluster.run(seconds=61.0)
        later |= names(clients[0], service.cluster_ip, count=1)
    assert len(later) > 1  # forgotten each time, so drawn again


def test_the_internal_policy_local_knows_only_the_nodes_own_pods(cluster: Cluster) -> None:
    clients = {node.name: cluster.run_pod(f"client-{node.name}", node=node.name) for node in cluster.nodes}
    for number in range(2):
        cluster.run_pod(f"web-{number}", node="node1", labels={"app": "web"}, serve_http=8080)
    service = cluster.expose("web", selector={"app": "web"}, port=80, target_port=8080, internal_traffic_policy="Local")
    assert names(clients["node1"], service.cluster_ip) == {"web-0", "web-1"}
    assert clients["node2"].http_get(f"http://{service.cluster_ip}/", timeout=2.0).timed_out


def test_an_external_ip_is_caught_by_every_node(cluster: Cluster) -> None:
    client = cluster.run_pod("client", node="node1")
    cluster.run_pod("web", node="node2", labels={"app": "web"}, serve_http=8080)
    node = cluster.node("node1")
    cluster.expose("web", selector={"app": "web"}, port=80, target_port=8080, external_ips=("192.0.2.80", node.ip))
    assert client.http_get("http://192.0.2.80/hostname").body == "web"  # nobody has that address
    assert cluster.internet.http_get(f"http://{node.ip}/hostname").body == "web"


def test_source_ranges_let_in_whom_they_name(cluster: Cluster) -> None:
    client = cluster.run_pod("client", node="node1")
    cluster.run_pod("web", node="node2", labels={"app": "web"}, serve_http=8080)
    service = cluster.expose(
        "web", selector={"app": "web"}, port=80, target_port=8080, type="LoadBalancer", source_ranges=(f"{cluster.internet.ip}/32",)
    )
    assert cluster.internet.http_get(f"http://{service.load_balancer_ip}/hostname").body == "web"
    refused = client.http_get(f"http://{service.load_balancer_ip}/", timeout=2.0)
    assert refused.timed_out  # a pod is filtered too
    assert "NETFILTER_DROP" in [drop.reason for drop in refused.trace.drops]
    assert client.http_get(f"http://{cluster.node('node1').ip}:{service.node_port}/hostname").body == "web"  # node ports never are


def test_pods_that_are_not_ready_are_published_on_request(cluster: Cluster) -> None:
    client = cluster.run_pod("client")
    pod = cluster.run_pod("web", labels={"app": "web"}, serve_http=8080, readiness=Probe(8080, path="/never"), wait=False)
    cluster.run(seconds=5.0)
    assert not pod.ready
    usual = cluster.expose("usual", selector={"app": "web"}, port=80, target_port=8080)
    early = cluster.expose("early", selector={"app": "web"}, port=80, target_port=8080, publish_not_ready=True)
    assert (usual.endpoints, early.endpoints) == ([], [pod.ip])
    assert client.http_get(f"http://{usual.cluster_ip}/").refused
    assert client.http_get(f"http://{early.cluster_ip}/hostname").body == "web"


def test_a_service_without_a_selector_has_nobody(cluster: Cluster) -> None:
    service = cluster.expose("nobody", selector=None, port=80)
    assert service.endpoints == []
    assert cluster.run_pod("client").http_get(f"http://{service.cluster_ip}/").refused


def test_a_deleted_service_is_forgotten_everywhere(cluster: Cluster) -> None:
    before = [node.iptables_save("nat").count("\n-A ") for node in cluster.nodes]
    cluster.run_pod("web", labels={"app": "web"}, serve_http=80)
    service = cluster.expose("web", selector={"app": "web"}, port=80, type="NodePort")
    assert all(service.cluster_ip in node.iptables_save("nat") for node in cluster.nodes)
    service.delete()
    assert [node.iptables_save("nat").count("\n-A ") for node in cluster.nodes] == before


def test_services_in_two_namespaces_select_their_own_pods(cluster: Cluster) -> None:
    cluster.run_pod("web", labels={"app": "web"}, serve_http=80)
    cluster.run_pod("web", namespace="shop", labels={"app": "web"}, serve_http=80)
    mine, theirs = (cluster.expose("web", namespace=namespace, selector={"app": "web"}, port=80) for namespace in ("default", "shop"))
    assert mine.endpoints == [cluster.pod("web").ip]
    assert theirs.endpoints == [cluster.pod("web", "shop").ip]
    assert mine.cluster_ip != theirs.cluster_ip


@pytest.mark.parametrize("source", ["pod", "node"])
def test_a_udp_flow_follows_when_its_pod_is_replaced(cluster: Cluster, source: str) -> None:
    """Each datagram of one socket refreshes its entry in conntrack, which would keep the dead pod for ever: kube-proxy deletes it."""
    client: Any = cluster.run_pod("client", node="node1") if source == "pod" else cluster.node("node1")
    first = cluster.run_pod("dns-0", node="node2", labels={"app": "dns"}, serve_udp=5353)
    service = cluster.expose("dns", selector={"app": "dns"}, port=53, target_port=5353, protocol="UDP")

    def ask() -> Any:
        return client.run(udp_request(service.cluster_ip, 53, b"?", timeout=1.0, source_port=40000))

    def entries() -> list[str]:
        return [line for line in conntrack.show(cluster.node("node1").netns).splitlines() if f"dst={service.cluster_ip} " in line]

    assert ask().result == b"?"
    assert f"src={first.ip} " in entries()[0]
    cluster.run_pod("dns-1", node="node2", labels={"app": "dns"}, serve_udp=5353)
    assert f"src={first.ip} " in entries()[0]  # a second endpoint changes nothing for a flow
    first.delete()
    assert entries() == []
    again = ask()
    assert again.result == b"?"
    assert any(hop.netns == "dns-1" for hop in again.hops)


def test_the_last_udp_endpoint_keeps_its_flow_until_there_is_another(cluster: Cluster) -> None:
    """kube-proxy cleans up only for Services that have a serving endpoint."""
    client = cluster.run_pod("client", node="node1")
    first = cluster.run_pod("dns-0", node="node2", labels={"app": "dns"}, serve_udp=5353)
    service = cluster.expose("dns", selector={"app": "dns"}, port=53, target_port=5353, protocol="UDP")

    def ask() -> Any:
        return client.run(udp_request(service.cluster_ip, 53, b"?", timeout=1.0, source_port=40000))

    assert ask().delivered
    first.delete()
    assert f"src={first.ip}" in conntrack.show(cluster.node("node1").netns)
    assert not ask().delivered
    cluster.run_pod("dns-1", node="node2", labels={"app": "dns"}, serve_udp=5353)
    assert ask().result == b"?"


def test_a_deleted_service_has_no_policy_to_change(cluster: Cluster) -> None:
    cluster.run_pod("web-0", labels={"app": "web"})
    web = cluster.expose("web", selector={"app": "web"}, port=80, type="NodePort")
    web.delete()
    with pytest.raises(ValueError, match='Service "default/web" not found'):
        web.set_external_traffic_policy("Local")
