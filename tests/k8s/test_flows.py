"""Who the server sees, and how it ends otherwise: each row is a flow that was measured on Linux, run here frame by frame.

Two nodes, 192.168.0.2 and .3, with cbr0 at 10.244.1.1 and 10.244.2.1. The client pod is on node1; `server-near` is on node1 too, `server-far` on
node2. Outside there is 198.51.100.10, which reaches nodes and load balancer addresses by a router that does not translate on the way in.
"""

from __future__ import annotations

import pytest

from emu import Cluster, Pod, Reply, Service
from emu.iproute import conntrack, route, sysctl
from emu.lab import Host

NODE1, NODE2, CBR0, CBR0_FAR, OUTSIDE = "192.168.0.2", "192.168.0.3", "10.244.1.1", "10.244.2.1", "198.51.100.10"
CLIENT = "10.244.1.2"
REFUSED, TIMED_OUT = "refused", "timed out"


def outcome(reply: Reply) -> str:
    """The client's address as the server saw it, or how it ended."""
    if reply.ok:
        return reply.body.rpartition(":")[0]
    return REFUSED if reply.refused else TIMED_OUT if reply.timed_out else str(reply.error)


def ask(source: Host, address: str, port: int) -> str:
    """Who the server saw."""
    return outcome(source.http_get(f"http://{address}:{port}/clientip", timeout=4.0))


class Town:
    """A cluster with a client and one server on each node; `backend` says which of them the Service has."""

    def __init__(self, cluster: Cluster, backends: str, policy: str = "Cluster") -> None:
        self.cluster = cluster
        self.client = cluster.run_pod("client", node="node1")
        assert self.client.ip == CLIENT
        self.near = self._server("near", "node1", backends)
        self.far = self._server("far", "node2", backends)
        self.service: Service = cluster.expose(
            "web", selector={"app": "web"} if backends else None, port=80, target_port=8080,
            type="LoadBalancer", external_traffic_policy=policy, external_ips=("192.0.2.80",),
        )  # fmt: skip
        cluster.run(seconds=5.0)  # the load balancer's health checks

    def _server(self, where: str, node: str, backends: str) -> Pod:
        labels = {"app": "web"} if where in backends.split() else {}
        return self.cluster.run_pod(f"server-{where}", node=node, labels=labels, serve_http=8080)

    def source(self, name: str) -> Host:
        """pod, node, host-network pod, outside."""
        if name == "host-network pod":
            return self.cluster.run_pod("agent", node="node1", host_network=True)
        return {"pod": self.client, "node": self.cluster.node("node1"), "outside": self.cluster.internet}[name]

    def entry(self, name: str) -> tuple[str, int]:
        """Address and port of one of the Service's fronts."""
        service = self.service
        return {
            "cluster IP": (service.cluster_ip, 80),
            "node port": (NODE1, service.node_port),
            "other node's port": (NODE2, service.node_port),
            "cbr0's port": (CBR0, service.node_port),
            "localhost's port": ("127.0.0.1", service.node_port),
            "load balancer": (service.load_balancer_ip, 80),
            "external IP": ("192.0.2.80", 80),
        }[name]


def town(backends: str, policy: str = "Cluster") -> Town:
    """A town of its own for every case, so that each stands alone."""
    return Town(Cluster(nodes=2, seed=3), backends, policy)


# -- who is masqueraded -----------------------------------------------------------------------------------------------------------

MASQUERADE = [
    # source, entry, policy, backends, who the server sees
    ("pod", "cluster IP", "Cluster", "near", CLIENT),
    ("pod", "cluster IP", "Cluster", "far", CLIENT),
    ("pod", "cluster IP", "Local", "far", CLIENT),
    ("pod", "node port", "Cluster", "near", CBR0),
    ("pod", "node port", "Cluster", "far", NODE1),
    ("pod", "other node's port", "Cluster", "near", NODE2),
    ("pod", "other node's port", "Cluster", "far", CBR0_FAR),
    ("pod", "cbr0's port", "Cluster", "near", CBR0),
    ("pod", "cbr0's port", "Cluster", "far", NODE1),
    ("pod", "load balancer", "Cluster", "near", CBR0),
    ("pod", "load balancer", "Cluster", "far", NODE1),
    ("pod", "external IP", "Cluster", "far", NODE1),
    ("pod", "node port", "Local", "far", CLIENT),  # short-circuited to all endpoints
    ("pod", "node port", "Local", "near", CLIENT),
    ("pod", "load balancer", "Local", "far", CLIENT),
    ("pod", "external IP", "Local", "far", CLIENT),
    ("node", "cluster IP", "Cluster", "near", CBR0),
    ("node", "cluster IP", "Cluster", "far", NODE1),
    ("node", "node port", "Cluster", "near", CBR0),
    ("node", "node port", "Cluster", "far", NODE1),
    ("node", "node port", "Local", "far", NODE1),
    ("node", "load balancer", "Cluster", "far", NODE1),
    ("node", "load balancer", "Local", "far", NODE1),
    ("node", "external IP", "Local", "near", CBR0),
    ("host-network pod", "cluster IP", "Cluster", "near", CBR0),
    ("host-network pod", "cluster IP", "Cluster", "far", NODE1),
    ("host-network pod", "node port", "Local", "far", NODE1),
    ("node", "localhost's port", "Cluster", "near", CBR0),
    ("node", "localhost's port", "Cluster", "far", NODE1),
    ("node", "localhost's port", "Local", "far", NODE1),
    ("outside", "node port", "Cluster", "near", CBR0),  # the outgoing interface's address, not the node's
    ("outside", "node port", "Cluster", "far", NODE1),
    ("outside", "node port", "Local", "near", OUTSIDE),
    ("outside", "node port", "Local", "near far", OUTSIDE),
    ("outside", "node port", "Local", "far", TIMED_OUT),  # endpoints, but none here: DROP
    ("outside", "other node's port", "Local", "far", OUTSIDE),
    ("outside", "load balancer", "Local", "far", OUTSIDE),
    ("outside", "load balancer", "Local", "near", OUTSIDE),
    ("pod", "cluster IP", "Cluster", "", REFUSED),  # no endpoint anywhere: REJECT
    ("node", "cluster IP", "Cluster", "", REFUSED),
    ("outside", "node port", "Cluster", "", REFUSED),
    ("outside", "node port", "Local", "", REFUSED),
]


@pytest.mark.parametrize(("source", "entry", "policy", "backends", "seen"), MASQUERADE)
def test_who_the_server_sees(source: str, entry: str, policy: str, backends: str, seen: str) -> None:
    here = town(backends, policy)
    assert ask(here.source(source), *here.entry(entry)) == seen


def test_from_outside_to_the_cluster_ip_on_a_node_that_routes_it() -> None:
    here = town("far")
    route.add(here.cluster.internet.netns, f"{here.service.cluster_ip}/32", via=here.cluster.router.public_ip)
    route.add(here.cluster.router.netns, f"{here.service.cluster_ip}/32", via=NODE1)
    assert ask(here.cluster.internet, here.service.cluster_ip, 80) == NODE1


def test_the_internal_policy_narrows_the_cluster_ip_only() -> None:
    with Cluster(nodes=2, seed=3) as cluster:
        client = cluster.run_pod("client", node="node1")
        cluster.run_pod("far", node="node2", labels={"app": "web"}, serve_http=8080)
        service = cluster.expose("web", selector={"app": "web"}, port=80, target_port=8080, type="NodePort", internal_traffic_policy="Local")
        assert ask(client, service.cluster_ip, 80) == TIMED_OUT  # endpoints, but none local: DROP
        assert ask(client, NODE1, service.node_port) == NODE1
        near = cluster.run_pod("near", node="node1", labels={"app": "web"}, serve_http=8080)
        names = {client.http_get(f"http://{service.cluster_ip}/hostname").body for _ in range(12)}
        assert names == {near.name}
        assert ask(client, service.cluster_ip, 80) == client.ip


# -- pod to pod -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("server", "ttl"), [("near", 64), ("far", 62)])
def test_pod_to_pod_is_never_translated(server: str, ttl: int) -> None:
    here = town("")
    pod = getattr(here, server)
    assert here.client.ping(pod.ip).ttl == ttl
    assert ask(here.client, pod.ip, 8080) == CLIENT


@pytest.mark.parametrize(("server", "seen"), [("near", CBR0), ("far", NODE1)])
def test_a_node_reaches_pods_from_its_nearest_address(server: str, seen: str) -> None:
    here = town("")
    assert ask(here.cluster.node("node1"), getattr(here, server).ip, 8080) == seen


# -- one Service, the fine print --------------------------------------------------------------------------------------------------


def arrivals(reply: Reply, pod: str) -> list[bytes]:
    """The TCP segments that reached a pod's eth0."""
    return [hop.wire for hop in reply.trace.hops if hop.netns == pod and hop.direction == "rx" and hop.wire[12:14] == b"\x08\0" and hop.wire[23] == 6]


def test_the_source_port_stays_unless_masqueraded() -> None:
    here = town("far")
    reply = here.client.http_get(f"http://{here.service.cluster_ip}/clientip")
    sent = next(hop.wire for hop in reply.trace.hops if hop.netns == "client" and hop.direction == "tx" and hop.wire[23:24] == b"\x06")
    assert arrivals(reply, "server-far")[0][34:36] == sent[34:36]
    masqueraded = here.client.http_get(f"http://{NODE1}:{here.service.node_port}/clientip")
    sent = next(hop.wire for hop in masqueraded.trace.hops if hop.netns == "client" and hop.direction == "tx" and hop.wire[23:24] == b"\x06")
    assert arrivals(masqueraded, "server-far")[0][34:36] != sent[34:36]  # --random-fully


def test_a_backend_on_the_same_bridge_gets_the_frame_bridged() -> None:
    here = town("near")
    reply = here.client.http_get(f"http://{here.service.cluster_ip}/clientip")
    frame = arrivals(reply, "server-near")[0]
    assert frame[22] == 64  # TTL untouched
    assert frame[6:12].hex(":") == here.client.mac


def test_without_bridge_nf_the_answer_goes_past_conntrack() -> None:
    with Cluster(nodes=2, seed=3, bridge_nf_call_iptables=False) as cluster:
        here = Town(cluster, "near")
        reply = here.client.http_get(f"http://{here.service.cluster_ip}/clientip", timeout=4.0)
        assert reply.timed_out
        frame = arrivals(reply, "server-near")[0]
        assert frame[22] == 63  # routed
        assert frame[6:12] == cluster.node("node1").netns.devices["cbr0"].mac
        resets = [wire for wire in arrivals(reply, "server-near") if wire[47] & 0x04]
        assert resets  # the client does not know that address


@pytest.mark.parametrize(
    ("hairpin", "bridge_nf", "seen"), [(True, True, CBR0), (False, True, TIMED_OUT), (False, False, CBR0), (True, False, CBR0)]
)  # fmt: skip
def test_a_pod_and_its_own_service(hairpin: bool, bridge_nf: bool, seen: str) -> None:
    with Cluster(nodes=2, seed=3, hairpin=hairpin, bridge_nf_call_iptables=bridge_nf) as cluster:
        here = Town(cluster, "near")
        assert ask(here.near, here.service.cluster_ip, 80) == seen


def test_a_first_packet_that_is_lost_draws_again() -> None:
    with Cluster(nodes=2, seed=3, hairpin=False) as cluster:
        here = Town(cluster, "near far")
        replies = [here.near.http_get(f"http://{here.service.cluster_ip}/hostname", timeout=60.0) for _ in range(6)]
        assert {reply.body for reply in replies} == {"server-far"}  # itself it cannot reach
        assert max(len(syns(reply)) for reply in replies) > 1  # somebody drew itself first


def syns(reply: Reply) -> list[bytes]:
    """The SYNs that the client sent."""
    return [
        hop.wire for hop in reply.trace.hops
        if hop.netns == reply.trace.source and hop.direction == "tx" and hop.wire[23:24] == b"\x06" and hop.wire[47] & 0x12 == 0x02
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "entry", "answerer"),
    [("pod", "cluster IP", CBR0), ("pod", "node port", NODE1), ("outside", "node port", NODE1), ("outside", "other node's port", NODE2)],
)
def test_without_endpoints_the_refusal_is_an_icmp_error_at_once(source: str, entry: str, answerer: str) -> None:
    here = town("")
    client = here.source(source)
    address, port = here.entry(entry)
    reply = client.http_get(f"http://{address}:{port}/")
    assert reply.refused
    error = next(hop.wire for hop in reply.trace.hops if hop.netns == reply.trace.source and hop.direction == "rx" and hop.wire[23:24] == b"\x01")
    assert error[34:36] == b"\x03\x03"
    assert error[15] == 0xC0
    assert ".".join(map(str, error[26:30])) == answerer
    assert ".".join(map(str, error[58:62])) == address  # it quotes the packet as it was sent


def test_without_endpoints_udp_is_refused_too(cluster: Cluster) -> None:
    client, dns = cluster.run_pod("client"), cluster.expose("dns", selector=None, port=53, protocol="UDP")
    assert client.udp(dns.cluster_ip, 53).refused


def test_a_port_that_the_service_does_not_have_is_not_touched() -> None:
    here = town("near")
    reply = here.client.http_get(f"http://{here.service.cluster_ip}:81/", timeout=3.0)
    assert not reply.ok
    assert not reply.refused
    out = [hop.wire for hop in reply.trace.hops if hop.netns == "router" and hop.direction == "rx" and hop.wire[23:24] == b"\x06"]
    assert ".".join(map(str, out[0][26:30])) == CLIENT  # forwarded to the default gateway with the pod's source


def test_a_ping_to_the_cluster_ip_is_not_answered() -> None:
    here = town("near")
    trace = here.client.ping(here.service.cluster_ip)
    assert not trace.delivered
    assert not trace.steps("nat")


def test_localhost_is_no_way_in_without_route_localnet() -> None:
    here = town("far")
    node = here.cluster.node("node1")
    sysctl.set(node.netns, "net.ipv4.conf.all.route_localnet", 0)
    assert ask(node, "127.0.0.1", here.service.node_port) == TIMED_OUT


def test_a_node_without_a_default_route() -> None:
    here = town("far")
    node = here.cluster.node("node1")
    route.delete(node.netns, "default")
    assert "unreachable" in str(node.http_get(f"http://{here.service.cluster_ip}/").error).lower()  # OUTPUT needs a route first
    assert ask(here.client, here.service.cluster_ip, 80) == CLIENT  # DNAT comes before routing
    empty = here.cluster.expose("empty", selector=None, port=80)
    reply = here.client.http_get(f"http://{empty.cluster_ip}/", timeout=3.0)
    assert not reply.refused
    assert not reply.ok


def test_what_conntrack_keeps_of_a_translated_connection() -> None:
    here = town("far")
    here.client.http_get(f"http://{here.service.cluster_ip}/")
    (entry,) = [line for line in conntrack.show(here.cluster.node("node1").netns).splitlines() if here.service.cluster_ip in line]
    assert f"src={CLIENT} dst={here.service.cluster_ip} " in entry
    assert "dport=80 " in entry
    assert f"src={here.far.ip} dst={CLIENT} sport=8080 " in entry
    assert " mark=0 " in entry
