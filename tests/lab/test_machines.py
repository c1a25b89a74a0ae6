"""Nodes, the machines around them, and their cables."""

from __future__ import annotations

import pytest

from emu import Cluster


def test_a_node_has_an_address_a_range_and_a_gateway(cluster: Cluster) -> None:
    one, two = cluster.nodes
    assert (one.name, one.ip, one.pod_cidr, one.gateway_ip) == ("node1", "192.168.0.2", "10.244.1.0/24", "10.244.1.1")
    assert (two.name, two.ip, two.pod_cidr) == ("node2", "192.168.0.3", "10.244.2.0/24")
    assert cluster.node("node2") is two
    assert one.free_addresses == 253
    assert repr(one) == "<Node node1 192.168.0.2 pods 10.244.1.0/24>"


def test_an_unknown_node_is_named_with_those_there_are(cluster: Cluster) -> None:
    for ask in (cluster.node, cluster.kubelet):
        with pytest.raises(ValueError, match=r"^there is no node 'node9'; there are node1, node2$"):
            ask("node9")
    with pytest.raises(ValueError, match="there is no machine 'node9'; there are router, internet, lb, node1, node2"):
        cluster.cable("node9")


def test_nodes_reach_each_other_the_router_and_the_internet(cluster: Cluster) -> None:
    one, two = cluster.nodes
    assert one.ping(two.ip).ttl == 64
    assert one.ping(cluster.router.ip).ttl == 64
    assert one.ping(cluster.internet.ip).ttl == 63
    assert cluster.internet.ping(two.ip).ttl == 63  # a node's address is public
    pod = cluster.run_pod("pod")
    assert not cluster.internet.ping(pod.ip).delivered  # a pod's is not
    assert cluster.router.public_ip == "198.51.100.1"


def test_the_internet_serves(cluster: Cluster) -> None:
    pod = cluster.run_pod("pod", node="node1")
    assert pod.http_get(f"http://{cluster.internet.ip}/").refused
    server = cluster.internet.serve_http(80)
    assert pod.http_get(f"http://{cluster.internet.ip}/clientip").body.startswith(cluster.router.public_ip)
    server.kill()
    assert pod.http_get(f"http://{cluster.internet.ip}/").refused


def test_a_reboot_gives_every_pod_a_new_sandbox_and_empties_all_tables(cluster: Cluster) -> None:
    client = cluster.run_pod("client", node="node1")
    web = cluster.run_pod("web", node="node2", labels={"app": "web"}, serve_http=80)
    service = cluster.expose("web", selector={"app": "web"}, port=80)
    node = cluster.node("node2")
    assert client.http_get(f"http://{service.cluster_ip}/hostname").ok
    mac, kernel, rules, start = web.mac, node.netns, node.iptables_save("nat").count("\n-A "), cluster.sim.now
    node.reboot(seconds=30.0)
    assert cluster.sim.now - start >= 30_000_000_000
    assert node.netns is not kernel
    assert web.ready
    assert web.mac != mac
    assert node.iptables_save("nat").count("\n-A ") == rules
    assert client.http_get(f"http://{service.cluster_ip}/hostname").body == "web"
    assert client.ping(web.ip).ttl == 62


def test_a_node_without_power_is_silent(cluster: Cluster) -> None:
    client, web = cluster.run_pod("client", node="node1"), cluster.run_pod("web", node="node2", serve_http=80)
    node = cluster.node("node2")
    ip = web.ip
    pods = node.host.power_off()
    assert not client.ping(ip).delivered
    node.host.power_on(pods)
    cluster.wait_for(lambda: web.ready, "web")
    assert client.ping(web.ip).delivered


def test_a_node_without_power_starts_nothing_until_it_is_back(cluster: Cluster) -> None:
    node = cluster.node("node2")
    kept, gone = cluster.run_pod("kept", node="node2"), cluster.run_pod("gone", node="node2")
    pods = node.host.power_off()
    late = cluster.run_pod("late", node="node2", wait=False)
    gone.delete(wait=False)
    cluster.run(seconds=60.0)
    assert (late.ip, late.ready) == ("", False)
    node.host.power_on(pods)
    cluster.wait_for(lambda: kept.ready and late.ready, "the pods of node2")
    assert kept.ping(late.ip).delivered
    assert sorted(ns.name for ns in cluster.world.machines["node2"].namespaces.values()) == ["kept", "late"]


def test_a_pod_that_waits_for_an_address_waits_through_a_reboot() -> None:
    with Cluster(nodes=1, pod_cidr="10.0.0.0/30", node_prefix=30) as cluster:
        first, waiting = cluster.run_pod("first"), cluster.run_pod("waiting", wait=False)
        cluster.run(seconds=1.0)
        cluster.node("node1").reboot(seconds=25.0, wait=False)
        cluster.wait_for(lambda: first.ready, "pod first to run again")
        first.delete()
        cluster.wait_for(lambda: waiting.ready, "pod waiting to become ready")
        assert waiting.ping("10.0.0.1").delivered


def test_an_unplugged_cable_has_no_carrier(cluster: Cluster) -> None:
    one, two = cluster.nodes
    cable = cluster.cable("node2")
    assert one.ping(two.ip).delivered
    cable.unplug()
    assert not two.netns.devices["eth0"].carrier
    assert not one.ping(two.ip).delivered
    trace = two.ping(one.ip)
    assert not trace.delivered
    cable.plug()
    assert one.ping(two.ip).delivered


def test_a_cable_loses_the_frames_it_is_told_to(cluster: Cluster) -> None:
    one, two = cluster.nodes
    one.ping(two.ip)
    cluster.cable("node2").lose([0, 1, 0, 1], source=two.netns.devices["eth0"])
    trace = one.ping(two.ip, count=4)
    assert [reply.sequence for reply in trace.result.replies] == [1, 3]
    assert [drop.reason for drop in trace.drops] == ["EMU_WIRE_LOSS"] * 2
    cluster.cable("node2").lose(None)
    assert one.ping(two.ip).delivered


def test_a_cable_may_be_slow(cluster: Cluster) -> None:
    one, two = cluster.nodes
    one.ping(two.ip)
    fast = one.ping(two.ip).rtt_ns
    cluster.cable("node2").delay_ns = 5_000_000
    slow = one.ping(two.ip).rtt_ns
    assert fast is not None
    assert slow == fast + 2 * (5_000_000 - 50_000)


def test_the_fdb_entry_of_a_silent_pod_ages_out(cluster: Cluster) -> None:
    pod = cluster.run_pod("pod", node="node1")
    pod.ping(cluster.node("node1").gateway_ip)
    seconds = cluster.age_fdb("node1", pod.mac)
    assert 290 <= seconds <= 330
    assert bytes.fromhex(pod.mac.replace(":", "")) not in cluster.node("node1").netns.devices["cbr0"].fdb.entries


def test_machines_without_a_cluster() -> None:
    with Cluster(nodes=0) as cluster:
        assert cluster.nodes == []
        assert cluster.internet.ping(cluster.router.public_ip).delivered
        with pytest.raises(ValueError, match="pod lonely: the cluster has no node"):
            cluster.run_pod("lonely")
