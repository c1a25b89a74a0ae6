"""Cached flows: whatever they replay, a packet on the ordinary way would have done. Decisions are traced in one of two equal worlds, so that
nothing is cached there; frames, counters and connections must be the same in both.
"""

from hashlib import sha256

import pytest

from emu import Cluster
from emu.iproute import bridge, conntrack, iptables, link, route, sysctl
from emu.net.sock.udp import UdpSocket
from emu.wire.addr import ip_int


class Side:
    """One of the two worlds: two nodes, a client, a server on each node behind a Service."""

    def __init__(self, cached: bool, overlay: str | None = None) -> None:
        self.cluster = Cluster(nodes=2, seed=5, overlay=overlay)
        self.seen = sha256()
        self.hops = 0
        self.cluster.tap(self._on_frame)
        if not cached:
            self.cluster.tp.attach("step", lambda *step: None)
        self.client = self.cluster.run_pod("client", node="node1")
        self.near = self.cluster.run_pod("near", node="node1", labels={"app": "web"})
        self.far = self.cluster.run_pod("far", node="node2", labels={"app": "web"})
        self.service = self.cluster.expose("web", selector={"app": "web"}, port=80, target_port=9000, protocol="UDP", type="NodePort")
        self.got = []
        for pod in (self.near, self.far):
            server = UdpSocket(pod.netns)
            server.bind(0, 9000)
            server.on_event = lambda *_, server=server, pod=pod: self._drain(server, pod.name)
        self.socket = UdpSocket(self.client.netns)
        self.node1, self.node2 = (self.cluster.node(name).netns for name in ("node1", "node2"))

    def _on_frame(self, t_ns, device, direction, frame):
        self.hops += 1
        self.seen.update(f"{t_ns} {device.netns.name}.{device.name} {direction} ".encode() + frame.wire)

    def _drain(self, server, name):
        while server.queue:
            self.got.append((name, server.queue.popleft()[:4]))
        server.rmem = 0

    def send(self, target, port=9000, n=5, every=0.01, size=20):
        for _ in range(n):
            self.socket.sendto(b"x" * size, ip_int(target), port)
            self.cluster.run(every)

    def answer(self, pod):
        """Something back, so that the connection has seen a reply."""
        _, (_, source, port, *_) = next(entry for entry in reversed(self.got) if entry[0] == pod.name)
        server = next(sock for socks in pod.netns.sockets.udp.values() for sock in socks)
        server.sendto(b"back", source, port)
        self.cluster.run(0.01)

    def flows(self):
        """How many flows are kept in this world."""
        return sum(len(device.flows or ()) for ns in self.cluster.world.namespaces() for device in ns.devices.values())

    def state(self):
        tables = [(iptables.save(ns, counters=True), conntrack.show(ns), bridge.fdb_show(ns)) for ns in (self.node1, self.node2)]
        devices = [
            (ns.name, device.name, device.rx_packets, device.rx_bytes, device.tx_packets, device.tx_bytes, device.rx_dropped, device.tx_dropped)
            for ns in self.cluster.world.namespaces()
            for device in ns.devices.values()
        ]
        drops = [(ns.name, dict(ns.drops)) for ns in self.cluster.world.namespaces()]
        return self.hops, self.seen.hexdigest(), self.got, tables, devices, drops


def steady(side):
    side.send(side.far.ip)


def same_node(side):
    side.send(side.near.ip)


def by_the_service(side):
    side.send(side.service.cluster_ip, 80, n=8)


def by_the_node_port(side):
    side.send(side.cluster.node("node2").ip, side.service.node_port, n=8)


def answered(side):
    side.send(side.far.ip)
    side.answer(side.far)
    side.send(side.far.ip)


def a_stream_becomes_assured(side):
    side.send(side.far.ip)
    side.answer(side.far)
    side.send(side.far.ip, n=6, every=0.6)


def the_connection_expires(side):
    side.send(side.far.ip)
    side.cluster.run(40)
    side.send(side.far.ip)


def neighbours_go_stale(side):
    side.send(side.far.ip)
    side.send(side.far.ip, n=6, every=20)


def a_rule_drops(side):
    side.send(side.far.ip)
    iptables.command(side.node1, ["-I", "FORWARD", "-p", "udp", "-j", "DROP"])
    side.send(side.far.ip)
    iptables.command(side.node1, ["-D", "FORWARD", "1"])
    side.send(side.far.ip)


def a_rule_that_draws(side):
    iptables.command(side.node1, ["-A", "FORWARD", "-m", "statistic", "--mode", "nth", "--every", "2", "--packet", "0", "-j", "DROP"])
    side.send(side.far.ip)


def a_rule_looks_at_lengths(side):
    iptables.command(side.node2, ["-A", "FORWARD", "-m", "length", "--length", "100:", "-j", "DROP"])
    side.send(side.far.ip)
    side.send(side.far.ip, size=200)


def the_route_changes(side):
    side.send(side.far.ip)
    route.replace(side.node1, "10.244.2.0/24", type="blackhole")
    side.send(side.far.ip)


def forwarding_is_turned_off(side):
    side.send(side.far.ip)
    sysctl.set(side.node2, "net.ipv4.ip_forward", 0)
    side.send(side.far.ip)


def bridged_packets_pass_iptables_no_more(side):
    side.send(side.near.ip)
    sysctl.set(side.node1, "net.bridge.bridge-nf-call-iptables", 0)
    side.send(side.near.ip)


def the_connection_is_deleted(side):
    side.send(side.service.cluster_ip, 80)
    conntrack.delete(side.node1, proto="udp")
    side.send(side.service.cluster_ip, 80)


def a_link_goes_down(side):
    side.send(side.far.ip)
    link.set_down(side.node2, "cbr0")
    side.send(side.far.ip)


def the_mtu_shrinks(side):
    side.send(side.far.ip, size=600)
    link.set_mtu(side.node1, "eth0", 576)
    side.send(side.far.ip, size=600)


def a_cable_loses(side):
    side.cluster.cable("node1").lose(0b1010)
    side.send(side.far.ip, n=6)


def the_fdb_forgets(side):
    side.send(side.near.ip)
    bridge.fdb_flush(side.node1, "cbr0")
    side.send(side.near.ip)


def frames_by_hand(side):
    """Packets of a cached flow that are not as they should be."""
    side.send(side.far.ip)
    wires = []
    untap = side.cluster.tap(lambda t, device, direction, frame: wires.append(frame.wire), side.client.netns.devices["eth0"])
    side.send(side.far.ip, n=1)
    untap()
    wire = wires[0]
    low_ttl = wire[:22] + b"\x01" + wire[23:24] + ((wire[24] << 8 | wire[25]) + 0x3F00 & 0xFFFF).to_bytes(2, "big") + wire[26:]
    spoiled = [low_ttl, wire[:24] + b"\0\0" + wire[26:], wire[:-1] + b"!", wire + b"padding", wire[:-3], wire[:40], wire[:30]]
    spoiled += [wire[:38] + b"\0\x09" + wire[40:]]
    spoiled += [wire[:20] + b"\x20\0" + wire[22:], wire[:12] + b"\x08\x06" + wire[14:], wire[:15] + b"\x10" + wire[16:]]
    host = side.node1.devices[side.client.host_device]
    for bad in spoiled:
        side.cluster.inject(host, bad)
        side.cluster.run(0.01)


SCRIPTS = [
    steady, same_node, by_the_service, by_the_node_port, answered, a_stream_becomes_assured, the_connection_expires, neighbours_go_stale, a_rule_drops,
    a_rule_that_draws, a_rule_looks_at_lengths, the_route_changes, forwarding_is_turned_off, bridged_packets_pass_iptables_no_more,
    the_connection_is_deleted, a_link_goes_down, the_mtu_shrinks, a_cable_loses, the_fdb_forgets, frames_by_hand,
]  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_a_cached_flow_does_what_the_ordinary_way_does(script):
    cached, plain = Side(cached=True), Side(cached=False)
    for side in (cached, plain):
        script(side)
        side.cluster.run(0.1)
    assert cached.state() == plain.state()
    assert plain.flows() == 0


def test_flows_are_kept_and_replayed():
    side = Side(cached=True)
    side.send(side.far.ip)
    assert side.flows() == 2  # at the client's port on node1, at the NIC of node2
    assert len(side.got) == 5


@pytest.mark.parametrize("script", [steady, same_node, by_the_service, by_the_node_port, answered, a_rule_drops], ids=lambda script: script.__name__)
def test_what_goes_through_a_tunnel_is_never_cached(script):
    cached, plain = Side(cached=True, overlay="vxlan"), Side(cached=False, overlay="vxlan")
    for side in (cached, plain):
        script(side)
        side.cluster.run(0.1)
    assert cached.state() == plain.state()
    for node in (cached.node1, cached.node2):
        assert not node.devices["flannel.1"].flows
        assert all(int.from_bytes(key[10:], "big") != 8472 for key in node.devices["eth0"].flows or ())


def test_a_tunnel_keeps_no_flows_at_the_pod_either():
    side = Side(cached=True, overlay="vxlan")
    side.send(side.far.ip)
    assert (side.flows(), len(side.got)) == (0, 5)


def test_a_rule_that_counts_for_itself_keeps_flows_out():
    side = Side(cached=True)
    for node in (side.node1, side.node2):
        iptables.command(node, ["-A", "FORWARD", "-m", "limit", "--limit", "1/s", "-j", "ACCEPT"])
    side.send(side.far.ip)
    assert side.flows() == 0
