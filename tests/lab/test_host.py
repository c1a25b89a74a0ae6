"""What every machine, pod and container can be told to do."""

from __future__ import annotations

import asyncio

import pytest

from emu import Cluster


def test_ping_tells_ttl_time_and_what_every_request_met(cluster: Cluster) -> None:
    client, server = cluster.run_pod("client", node="node1"), cluster.run_pod("server", node="node2")
    trace = client.ping(server.ip, count=3, interval=0.5)
    assert trace.delivered
    assert trace.ttl == 62
    assert trace.error == ""
    assert trace.result.received == 3
    assert [reply.sequence for reply in trace.result.replies] == [1, 2, 3]
    assert trace.rtt_ns is not None
    assert 0 < trace.rtt_ns < 2_000_000
    assert (trace.source, trace.destination, trace.title) == ("client", server.ip, f"client: ping {server.ip}")
    assert trace.drops == []


def test_ping_in_no_time_when_nothing_lies_between(cluster: Cluster) -> None:
    pod = cluster.run_pod("pod")
    assert pod.ping("127.0.0.1").ttl == 64
    assert pod.ping(pod.ip).delivered


def test_a_ping_that_nobody_answers_is_not_delivered(cluster: Cluster) -> None:
    pod = cluster.run_pod("pod", node="node1")
    trace = pod.ping("10.244.1.99", timeout=5.0)
    assert not trace.delivered
    assert trace.ttl is None
    assert trace.rtt_ns is None
    assert [(drop.netns, drop.reason) for drop in trace.drops] == [("pod", "NEIGH_FAILED")]


def test_a_ping_with_a_small_ttl_dies_at_the_first_router(cluster: Cluster) -> None:
    client, server = cluster.run_pod("client", node="node1"), cluster.run_pod("server", node="node2")
    trace = client.ping(server.ip, ttl=1)
    assert not trace.delivered
    (drop,) = trace.drops
    assert (drop.netns, drop.reason) == ("node1", "IP_INHDR")


def test_a_big_ping_is_cut_into_fragments_and_put_together(cluster: Cluster) -> None:
    client, server = cluster.run_pod("client", node="node1"), cluster.run_pod("server", node="node2")
    trace = client.ping(server.ip, size=4000)
    assert trace.delivered
    assert trace.steps("frag")


def test_http_get_gives_status_and_body(cluster: Cluster) -> None:
    client = cluster.run_pod("client", node="node1")
    server = cluster.run_pod("server", node="node2", serve_http=8080)
    reply = client.http_get(f"http://{server.ip}:8080/clientip")
    assert reply.ok
    assert reply.status == 200
    assert reply.body.startswith(client.ip)
    assert client.http_get(f"http://{server.ip}:8080/echo?msg=h%C3%A9").body == "hé"
    missing = client.http_get(f"http://{server.ip}:8080/nothing")
    assert missing.ok
    assert missing.status == 404
    assert missing.trace.delivered


def test_a_closed_port_refuses_and_a_lost_one_times_out(cluster: Cluster) -> None:
    client, server = cluster.run_pod("client", node="node1"), cluster.run_pod("server", node="node2")
    refused = client.http_get(f"http://{server.ip}:8080/")
    assert refused.refused
    assert not refused.ok
    assert not refused.timed_out
    assert not refused.trace.delivered
    assert refused.status == 0
    assert refused.body == ""
    cluster.cable("node2").lose(lambda frame: True)
    lost = client.http_get(f"http://{server.ip}:8080/", timeout=2.0)
    assert lost.timed_out
    assert not lost.ok
    assert not lost.refused
    assert "EMU_WIRE_LOSS" in [drop.reason for drop in lost.trace.drops]


def test_udp_sends_a_datagram_and_waits_for_one(cluster: Cluster) -> None:
    client = cluster.run_pod("client", node="node1")
    server = cluster.run_pod("server", node="node2", serve_udp=5353)
    reply = client.udp(server.ip, 5353, b"question")
    assert reply.ok
    assert reply.body == "question"
    assert reply.trace.delivered
    assert client.udp(server.ip, 5354).refused  # port unreachable
    assert client.udp("10.244.2.99", 5353, timeout=0.5).timed_out


def test_traceroute_names_the_routers_on_the_way_out(cluster: Cluster) -> None:
    pod = cluster.run_pod("pod", node="node1")
    trace = pod.traceroute(cluster.internet.ip)
    assert trace.delivered
    node = cluster.node("node1")
    assert [hop.addresses for hop in trace.result.hops] == [[node.gateway_ip], [cluster.router.ip], [cluster.internet.ip]]
    passed = dict.fromkeys(hop.netns for hop in trace.hops)
    assert [name for name in passed if name in ("pod", "node1", "router", "internet")] == ["pod", "node1", "router", "internet"]


def test_any_coroutine_runs_in_the_namespace(cluster: Cluster) -> None:
    client = cluster.run_pod("client", node="node1")
    server = cluster.run_pod("server", node="node2", serve_http=8080)

    async def program() -> bytes:
        await asyncio.sleep(2.0)
        reader, writer = await asyncio.open_connection(server.ip, 8080)
        writer.write(b"GET /hostname HTTP/1.0\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return answer

    start = cluster.sim.now
    trace = client.run(program(), "by hand")
    assert trace.delivered
    assert trace.result.endswith(b"server")
    assert trace.title == "client: by hand"
    assert cluster.sim.now - start >= 2_000_000_000  # virtual time
    assert {hop.netns for hop in trace.hops} >= {"client", "node1", "node2", "server"}


def test_what_a_coroutine_raises_comes_out(cluster: Cluster) -> None:
    pod = cluster.run_pod("pod")

    async def mistaken() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        pod.run(mistaken())

    async def refused() -> None:
        await asyncio.open_connection("127.0.0.1", 1)

    trace = pod.run(refused())
    assert not trace.delivered
    assert isinstance(trace.result, ConnectionRefusedError)
    assert "127.0.0.1" in trace.error


def test_the_neighbour_entry_of_an_address(cluster: Cluster) -> None:
    one, two = cluster.run_pod("one", node="node1"), cluster.run_pod("two", node="node1")
    assert one.neighbour(two.ip) == ("", "")
    one.ping(two.ip)
    assert one.neighbour(two.ip) == (two.mac, "REACHABLE")


def test_a_trace_is_data_and_a_table(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = cluster.run_pod("one", node="node1"), cluster.run_pod("two", node="node1")
    trace = one.ping(two.ip)
    data = trace.to_dict()
    assert (data["title"], data["from"], data["to"], data["delivered"]) == (f"one: ping {two.ip}", "one", two.ip, True)
    first = data["hops"][0]
    assert (first["n"], first["netns"], first["dev"], first["dir"]) == (1, "one", "eth0", "tx")
    trace.show()
    table = capsys.readouterr().out
    assert "one: ping" in table
    assert "echo reply" in table
    assert max(map(len, table.splitlines())) <= 100
