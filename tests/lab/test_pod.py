"""Pods through their lives: ready or not, crashed, deleted, on the host's network, in several containers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from emu import Cluster, Container, ContainerPort, Delays, Probe
from emu.lab import programs

MS = 1_000_000


def test_pods_without_a_node_go_round_counting_only_themselves(cluster: Cluster) -> None:
    names = [cluster.run_pod("a").node, cluster.run_pod("pinned", node="node1").node, cluster.run_pod("b").node, cluster.run_pod("c").node]
    assert names == ["node1", "node1", "node2", "node1"]


def test_what_a_pod_tells_of_itself(cluster: Cluster) -> None:
    pod = cluster.run_pod("pod", node="node2")
    assert (pod.ip, pod.node, pod.ready) == ("10.244.2.2", "node2", True)
    assert repr(pod) == "<Pod default/pod 10.244.2.2 on node2>"
    assert pod.netns.name == "pod"
    assert pod.host_device in cluster.node("node2").netns.devices
    assert cluster.pod("pod") is pod
    assert cluster.pods == [pod]


def test_without_a_probe_readiness_is_what_it_is_told(cluster: Cluster) -> None:
    pod = cluster.run_pod("web", labels={"app": "web"}, serve_http=8080)
    web = cluster.expose("web", selector={"app": "web"}, port=80, target_port=8080)
    assert web.endpoints == [pod.ip]
    before = cluster.sim.now
    pod.set_ready(False)
    assert not pod.ready
    assert web.endpoints == []
    pod.set_ready(True)
    assert web.endpoints == [pod.ip]
    assert cluster.sim.now - before < MS


def test_with_a_probe_the_kubelet_has_to_find_out(cluster: Cluster) -> None:
    probe = Probe(8080, period_seconds=5.0, failure_threshold=2)
    pod = cluster.run_pod("web", labels={"app": "web"}, serve_http=8080, readiness=probe)
    web = cluster.expose("web", selector={"app": "web"}, port=80, target_port=8080)
    start = cluster.sim.now
    pod.set_ready(False)
    assert 5_000 * MS <= cluster.sim.now - start <= 10_100 * MS  # two failures in a row, 5 s apart
    assert web.endpoints == []
    start = cluster.sim.now
    pod.set_ready(True)
    assert cluster.sim.now - start <= 5_100 * MS  # one success is enough
    assert web.endpoints == [pod.ip]


def test_a_tcp_probe_asks_only_whether_somebody_listens(cluster: Cluster) -> None:
    container = Container("main", program=programs.http(8080), readiness=Probe(8080, path=None))
    assert cluster.run_pod("listens", containers=[container]).ready
    deaf = cluster.run_pod("deaf", containers=[Container("main", readiness=Probe(8080, path=None))], wait=False)
    cluster.run(seconds=60.0)
    assert not deaf.ready


def test_a_crash_makes_a_new_sandbox(cluster: Cluster) -> None:
    pod = cluster.run_pod("web", serve_http=8080)
    client = cluster.run_pod("client", node=pod.node)
    ip, mac, netns, device = pod.ip, pod.mac, pod.netns, pod.host_device
    client.ping(ip)
    pod.crash()
    assert pod.ready
    assert pod.ip != ip
    assert pod.mac != mac
    assert pod.netns is not netns
    assert device not in cluster.node(pod.node).netns.devices
    assert netns.gone
    assert client.http_get(f"http://{pod.ip}:8080/hostname").body == "web"
    assert not client.ping(ip).delivered


def test_a_deleted_pod_leaves_nothing(cluster: Cluster) -> None:
    node = cluster.node("node1")
    before = list(node.netns.devices)
    free = node.free_addresses
    pod = cluster.run_pod("gone", node="node1", serve_http=80)
    ip = pod.ip
    pod.delete()
    assert list(node.netns.devices) == before
    assert node.free_addresses == free
    with pytest.raises(ValueError, match="no pod 'gone' in namespace 'default'"):
        cluster.pod("gone")
    again = cluster.run_pod("gone", node="node1")  # the name is free again, the address is not yet given again
    assert again.ip != ip


def test_containers_share_the_namespace_and_restart_in_it(cluster: Cluster) -> None:
    pod = cluster.run_pod("pod", containers=[Container("web", program=programs.http(8080)), Container("sidecar")])
    assert [container.name for container in pod.containers] == ["pod/web", "pod/sidecar"]
    web, sidecar = pod.container("web"), pod.container("sidecar")
    assert sidecar.netns is web.netns is pod.netns
    assert sidecar.ip == pod.ip
    assert sidecar.http_get("http://localhost:8080/hostname").body == "pod"
    ip, netns = pod.ip, pod.netns
    web.restart()
    assert (pod.ip, pod.netns, pod.ready, web.restarts) == (ip, netns, True, 1)
    assert sidecar.http_get("http://127.0.0.1:8080/hostname").ok
    with pytest.raises(ValueError, match="pod pod has no container 'db'"):
        pod.container("db")


def test_the_second_to_bind_a_port_says_why_it_ended(cluster: Cluster) -> None:
    pod = cluster.run_pod("pod", containers=[Container("first", program=programs.http(80)), Container("second", program=programs.http(80))], wait=False)
    cluster.run(seconds=1.0)
    error = pod.container("second").exit_error
    assert isinstance(error, OSError)
    assert error.errno == 98
    assert pod.container("first").exit_error is None


def test_a_program_of_ones_own_runs_in_the_pod(cluster: Cluster) -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        writer.close()

    async def program(container: Any) -> None:
        server = await asyncio.start_server(shout, "0.0.0.0", 7777)
        await server.serve_forever()

    server = cluster.run_pod("server", node="node2", containers=[Container("main", program=program)])

    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection(server.ip, 7777)
        writer.write(b"quietly\n")
        answer = await reader.read()
        writer.close()
        return answer

    assert cluster.run_pod("client", node="node1").run(ask()).result == b"QUIETLY\n"


def test_a_pod_on_the_hosts_network_is_the_node(cluster: Cluster) -> None:
    pod = cluster.run_pod("agent", node="node1", serve_http=9000, host_network=True)
    node = cluster.node("node1")
    assert pod.ip == node.ip
    assert pod.netns is node.netns
    other = cluster.run_pod("other", node="node2")
    assert other.http_get(f"http://{node.ip}:9000/hostname").body == "agent"
    reply = pod.http_get(f"http://{cluster.run_pod('web', node='node2', serve_http=80).ip}/clientip")
    assert reply.body.startswith(node.ip)
    free = node.free_addresses
    pod.delete()
    assert node.free_addresses == free  # it never had one of the range
    assert other.http_get(f"http://{node.ip}:9000/hostname").refused


def test_a_pod_on_the_hosts_network_can_be_a_backend(cluster: Cluster) -> None:
    cluster.run_pod("agent", node="node1", labels={"app": "agent"}, serve_http=9000, host_network=True)
    service = cluster.expose("agent", selector={"app": "agent"}, port=80, target_port=9000)
    for node in ("node1", "node2"):
        assert cluster.run_pod(f"client-{node}", node=node).http_get(f"http://{service.cluster_ip}/hostname").body == "agent"


def test_the_same_name_in_two_namespaces(cluster: Cluster) -> None:
    mine = cluster.run_pod("web", node="node1", serve_http=80)
    theirs = cluster.run_pod("web", node="node1", namespace="shop", serve_http=80)
    assert cluster.pod("web", "shop") is theirs
    assert (mine.netns.name, theirs.netns.name) == ("web", "shop_web")
    assert mine.http_get(f"http://{theirs.ip}/clientip").body.startswith(mine.ip)


def test_delays_are_seen_when_nobody_waits() -> None:
    delays = Delays(watch=10 * MS, endpoints=200 * MS, proxy=1000 * MS, kubelet=300 * MS)
    with Cluster(nodes=1, delays=delays) as cluster:
        pod = cluster.run_pod("web", labels={"app": "web"}, serve_http=80, wait=False)
        assert (pod.ip, pod.ready) == ("", False)
        cluster.run(seconds=0.2)
        assert pod.ip == ""  # the kubelet has not got to it
        cluster.run(seconds=0.2)
        assert pod.ready
        service = cluster.expose("web", selector={"app": "web"}, port=80, wait=False)
        node = cluster.node("node1")
        assert not cluster.synced
        assert service.cluster_ip not in node.iptables_save("nat")
        assert service.endpoints == []
        cluster.run(seconds=0.3)
        assert service.endpoints == [pod.ip]
        assert f"-d {service.cluster_ip}/32" not in node.iptables_save("nat")
        cluster.run(seconds=2.0)
        assert f"-d {service.cluster_ip}/32" in node.iptables_save("nat")
        assert cluster.synced


def test_what_never_becomes_true_is_named(cluster: Cluster) -> None:
    with pytest.raises(TimeoutError, match="waited 120 s of virtual time for pod deaf to become ready"):
        cluster.run_pod("deaf", containers=[Container("main", ports=(ContainerPort(80),), readiness=Probe(80))])
    with pytest.raises(TimeoutError, match="waited 3 s of virtual time for the moon"):
        cluster.wait_for(lambda: False, "the moon", seconds=3.0)
