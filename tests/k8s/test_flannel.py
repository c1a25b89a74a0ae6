"""The VXLAN overlay as flannel sets it up (kubernetes: `Cluster(overlay="vxlan")`)."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN

from emu import Cluster
from emu.iproute import addr, bridge, link, neigh, route


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(nodes=3, overlay="vxlan")


def vtep(cluster: Cluster, node: str) -> str:
    mac: str = cluster.node(node).netns.devices["flannel.1"].mac.hex(":")
    return mac


def test_what_flannel_writes_on_a_node(cluster: Cluster) -> None:
    ns = cluster.node("node1").netns
    second, third = vtep(cluster, "node2"), vtep(cluster, "node3")
    assert route.show(ns, dev="flannel.1").splitlines() == ["10.244.2.0/24 via 10.244.2.0 onlink ", "10.244.3.0/24 via 10.244.3.0 onlink "]
    assert neigh.show(ns, "flannel.1") == f"10.244.2.0 lladdr {second} PERMANENT \n10.244.3.0 lladdr {third} PERMANENT \n"
    assert bridge.fdb_show(ns, "flannel.1") == f"{third} dst 192.168.0.4 self permanent\n{second} dst 192.168.0.3 self permanent\n"
    assert "inet 10.244.1.0/32 scope global flannel.1" in addr.show(ns, "flannel.1")


def test_mtu_of_the_tunnel_the_bridge_and_the_pods(cluster: Cluster) -> None:
    pod = cluster.run_pod("p", node="node1")
    ns = cluster.node("node1").netns
    assert [ns.devices[name].mtu for name in ("eth0", "flannel.1", "cbr0", pod.host_device)] == [1500, 1450, 1450, 1450]
    assert pod.netns.devices["eth0"].mtu == 1450


def test_the_node_network_sees_only_nodes_and_the_pods_each_other(cluster: Cluster) -> None:
    client, server = cluster.run_pod("client", node="node1"), cluster.run_pod("server", node="node2", serve_http=8080)
    on_the_wire = []
    cluster.tap(lambda t, device, direction, frame: on_the_wire.append(frame.copy()), cluster.node("node2").netns.devices["eth0"])
    reply = client.http_get(f"http://{server.ip}:8080/clientip")
    assert reply.body.startswith(client.ip)
    packets = [frame for frame in on_the_wire if IP in frame]
    assert packets
    for packet in packets:
        assert {packet[IP].src, packet[IP].dst} == {"192.168.0.2", "192.168.0.3"}
        assert {packet[VXLAN][IP].src, packet[VXLAN][IP].dst} == {client.ip, server.ip}
        assert {packet[VXLAN][Ether].src, packet[VXLAN][Ether].dst} == {vtep(cluster, "node1"), vtep(cluster, "node2")}


def test_a_node_reaches_remote_pods_from_the_address_of_its_tunnel(cluster: Cluster) -> None:
    server = cluster.run_pod("server", node="node2", serve_http=8080)
    reply = cluster.node("node1").http_get(f"http://{server.ip}:8080/clientip")
    assert reply.body.startswith("10.244.1.0:")


def test_a_service_over_the_tunnel(cluster: Cluster) -> None:
    client = cluster.run_pod("client", node="node1")
    cluster.run_pod("server", node="node2", labels={"app": "web"}, serve_http=8080)
    service = cluster.expose("web", selector={"app": "web"}, port=80, target_port=8080, type="NodePort")
    assert client.http_get(f"http://{service.cluster_ip}/clientip").body.startswith(client.ip)
    # By another node's port the connection is masqueraded to that node's address on the way into the tunnel.
    seen = client.http_get(f"http://192.168.0.4:{service.node_port}/clientip").body
    assert seen.startswith("10.244.3.0:")


def test_the_other_ends_mac_is_not_what_the_node_believes(cluster: Cluster) -> None:
    """The packet comes out of the tunnel and is for nobody there (flannel issue 1155)."""
    client, server = cluster.run_pod("client", node="node1"), cluster.run_pod("server", node="node2")
    ns = cluster.node("node1").netns
    wrong = "02:00:00:00:00:99"
    neigh.replace(ns, "10.244.2.0", "flannel.1", wrong)
    bridge.fdb_add(ns, wrong, "flannel.1", self=True, append=True, dst="192.168.0.3")
    trace = client.ping(server.ip)
    assert not trace.delivered
    assert [(drop.netns, drop.dev, drop.reason) for drop in trace.drops] == [("node2", "flannel.1", "OTHERHOST")]


def test_pods_that_do_not_know_of_the_tunnel_send_too_much(cluster: Cluster) -> None:
    """An MTU of 1500 in the pods: what is small goes, what is large is refused at the tunnel, and that is told."""
    client, server = cluster.run_pod("client", node="node1"), cluster.run_pod("server", node="node2")
    node = cluster.node("node1").netns
    for ns, name in ((client.netns, "eth0"), (node, client.host_device), (node, "cbr0")):
        link.set_mtu(ns, name, 1500)
    assert client.ping(server.ip).delivered
    trace = client.ping(server.ip, size=1472)
    assert [drop.reason for drop in trace.drops] == ["PKT_TOO_BIG"]
    assert "mtu 1450" in route.get(client.netns, server.ip)


def test_a_node_comes_back_with_the_mac_it_had(cluster: Cluster) -> None:
    client, server = cluster.run_pod("client", node="node1"), cluster.run_pod("server", node="node2")
    before = vtep(cluster, "node2")
    cluster.node("node2").reboot()
    cluster.run(30)
    assert vtep(cluster, "node2") == before
    assert client.ping(server.ip).delivered or client.ping(cluster.pod("server").ip).delivered


def test_another_overlay_is_refused() -> None:
    with pytest.raises(ValueError, match=r"""^overlay: 'geneve' is neither None nor "vxlan"$"""):
        Cluster(overlay="geneve")
