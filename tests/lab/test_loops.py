"""Loops: in layer 3 they end by TTL and the hop table says where; in layer 2 nothing ends them, so the run ends with an error that names the ports."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu import Cluster
from emu.fabric import World
from emu.iproute import link, route
from emu.net.bridge_loop import BridgeLoop
from emu.observe.capture import Capture
from emu.pcap.reader import CaptureReader
from emu.wire.frame import Frame

BROADCAST = bytes.fromhex("ffffffffffff020000000001") + b"\x88\xb5" + b"round and round".ljust(46, b"\0")


def test_two_nodes_that_send_a_prefix_to_each_other(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    pod = cluster.run_pod("pod", node="node1")
    one, two = cluster.nodes
    route.add(one.netns, "172.30.0.0/16", via=two.ip)
    route.add(two.netns, "172.30.0.0/16", via=one.ip)
    trace = pod.ping("172.30.1.1", timeout=5.0)
    assert not trace.delivered
    (drop,) = [drop for drop in trace.drops if drop.reason == "IP_INHDR"]
    assert drop.netns in ("node1", "node2")
    passed = [hop.netns for hop in trace.hops if hop.dev == "eth0" and hop.direction == "rx" and hop.wire[30:34] == bytes((172, 30, 1, 1))]
    assert passed.count("node1") + passed.count("node2") >= 60  # 64 routers, one TTL each
    errors = [Frame.make(hop.wire) for hop in trace.hops if hop.netns == "pod" and hop.direction == "rx" and hop.wire[23:24] == b"\x01"]
    assert [error.wire[34:36] for error in errors] == [b"\x0b\x00"]  # time exceeded in transit
    trace.show()
    table = " ".join(capsys.readouterr().out.split())
    assert "dropped: IP_INHDR" in table
    assert "172.30.0.0/16 via 192.168.0.3 dev eth0" in table
    assert "172.30.0.0/16 via 192.168.0.2 dev eth0" in table


def test_traceroute_shows_a_routing_loop(cluster: Cluster) -> None:
    pod = cluster.run_pod("pod", node="node1")
    one, two = cluster.nodes
    route.add(one.netns, "172.30.0.0/16", via=two.ip)
    route.add(two.netns, "172.30.0.0/16", via=one.ip)
    trace = pod.traceroute("172.30.1.1", max_hops=6)
    assert not trace.delivered
    addresses = [hop.addresses for hop in trace.result.hops]
    # node1 answers from the address nearest to the pod both times, whichever way the probe came in.
    assert addresses == [["10.244.1.1"], [two.ip]] * 3


@pytest.mark.usefixtures("unbalanced")
def test_two_bridges_joined_by_two_veth_pairs(tmp_path: Path) -> None:
    world = World()
    capture = Capture(world.tp, tmp_path)
    ns = world.add_machine("host").netns
    for bridge in ("br0", "br1"):
        link.add_bridge(ns, bridge)
        link.set_up(ns, bridge)
    for pair in ("a", "b"):
        link.add_veth(ns, f"{pair}0", ns, f"{pair}1")
        for end in "01":
            link.set_master(ns, f"{pair}{end}", f"br{end}")
            link.set_up(ns, f"{pair}{end}")
    world.sim.run(world.sim.now + 10**9)  # the ports begin to forward
    ns.devices["a0"].receive(Frame.make(BROADCAST, world.sim.new_id()))
    with pytest.raises(BridgeLoop) as caught:
        world.sim.run(world.sim.now + 10**9)
    text = str(caught.value)
    for words in ("layer-2 loop", "host.a0 (port of br0)", "host.b1 (port of br1)", "02:00:00:00:00:01"):  # it came in by a0, so goes round that way
        assert words in text
    assert "\n" not in text
    capture.close()
    assert len(list(CaptureReader(tmp_path / "host.a0.pcap"))) > 60
    assert {record.data for record in CaptureReader(tmp_path / "all.pcapng")} >= {BROADCAST}


@pytest.mark.usefixtures("unbalanced")
def test_a_switch_cabled_to_itself(tmp_path: Path) -> None:
    cluster = Cluster(nodes=2, captures=tmp_path)
    switch = cluster.switch
    cable = cluster.world.cable(switch.add_port("x1"), switch.add_port("x2"))
    with pytest.raises(BridgeLoop) as caught:
        cluster.node("node1").ping(cluster.node("node2").ip)  # its ARP request is a broadcast
    for words in ("switch.x1 (port of switch)", "switch.x2 (port of switch)", "ethertype 0x0806"):
        assert words in str(caught.value)
    cable.unplug()
    assert cluster.node("node1").ping(cluster.node("node2").ip).delivered  # and all is well again
    cluster.close()
    assert len(list(CaptureReader(tmp_path / "switch.x1.pcap"))) > 60


@pytest.mark.usefixtures("unbalanced")
def test_two_switches_with_two_cables_between_them() -> None:
    cluster = Cluster(nodes=2)
    other = cluster.world.add_switch("other")
    cables = [cluster.world.cable(cluster.switch.add_port(name), other.add_port(name)) for name in ("x1", "x2")]
    with pytest.raises(BridgeLoop, match=r"other\.x1 \(port of other\)"):
        cluster.node("node1").ping(cluster.node("node2").ip)
    cables[1].unplug()
    assert cluster.node("node1").ping(cluster.node("node2").ip).delivered


@pytest.mark.usefixtures("unbalanced")
def test_a_pod_range_bridged_over_two_nodes_twice() -> None:
    """The user's mistake that this is for: a second NIC put into cbr0 of both nodes, on the same wire, twice."""
    cluster = Cluster(nodes=2)
    for name in ("eth1", "eth2"):
        nics = []
        for node in cluster.nodes:
            nics.append(node.host.machine.add_nic(name))
            link.set_up(node.netns, name)
            link.set_master(node.netns, name, "cbr0")
        cluster.world.cable(*nics)
    pod = cluster.run_pod("pod", node="node1")
    with pytest.raises(BridgeLoop, match=r"node1\.eth1 \(port of cbr0\)"):
        pod.ping("10.244.1.99")
    for node in cluster.nodes:
        link.set_down(node.netns, "eth2")
    assert pod.ping(cluster.node("node1").gateway_ip).delivered


def test_one_cable_more_is_no_loop_when_it_leads_elsewhere() -> None:
    cluster = Cluster(nodes=2)
    other = cluster.world.add_switch("other")
    cluster.world.cable(cluster.switch.add_port(), other.add_port())
    assert cluster.node("node1").ping(cluster.node("node2").ip, count=100, interval=0.01).delivered
