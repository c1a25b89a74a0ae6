"""The bridge: learning, forwarding, flooding, local delivery."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emu.iproute import bridge, link
from emu.net.skb import PACKET_HOST, PACKET_OTHERHOST
from tests.net.lan import BROADCAST, Lan, arp, frame, inject, is_at, mac, who_has

BR0 = "02:00:00:00:ff:01"
STRANGER = "02:00:00:00:99:99"


@pytest.fixture
def lan() -> Iterator[Lan]:
    lan = Lan(hosts=3)
    yield lan
    lan.run()
    lan.ledger.check()


def test_a_source_is_learned_and_frames_to_it_leave_by_its_port_alone(lan: Lan) -> None:
    lan.send(1, frame(BROADCAST, mac(1)))
    assert lan.fdb() == {mac(1): "p1"}
    lan.forget()
    reply = frame(mac(1), mac(2))
    lan.send(2, reply)
    assert lan.places() == ["h2.eth0 tx", "node.p2 rx", "node.p1 tx", "h1.eth0 rx"]
    assert lan.seen("h1.eth0 rx") == [reply]
    assert "FDB hit: 02:00:00:00:00:01 on p1" in lan.text("fdb")


def test_a_broadcast_goes_to_the_newest_port_first_and_up_last(lan: Lan) -> None:
    lan.send(1, frame(BROADCAST, mac(1)))
    assert lan.places()[:5] == ["h1.eth0 tx", "node.p1 rx", "node.p3 tx", "node.p2 tx", "node.br0 rx"]
    assert lan.text("flood") == ["broadcast flooded to p3, p2"]


def test_unknown_unicast_is_flooded_but_does_not_go_up(lan: Lan) -> None:
    lan.send(1, frame(STRANGER, mac(1)))
    assert lan.places() == ["h1.eth0 tx", "node.p1 rx", "node.p3 tx", "node.p2 tx", "h3.eth0 rx", "h2.eth0 rx"]
    assert lan.reasons() == ["UNHANDLED_PROTO", "UNHANDLED_PROTO"]


def test_multicast_goes_to_every_port_and_up(lan: Lan) -> None:
    lan.send(1, frame("01:00:5e:00:00:01", mac(1)))
    assert sorted(lan.places()[2:5]) == ["node.br0 rx", "node.p2 tx", "node.p3 tx"]


def test_a_mac_that_appears_behind_another_port_moves_at_once(lan: Lan) -> None:
    lan.send(1, frame(BROADCAST, STRANGER))
    lan.send(2, frame(BROADCAST, STRANGER))
    assert lan.fdb()[STRANGER] == "p2"
    assert "br0 learned 02:00:00:00:99:99 on p2 (was on p1)" in lan.text("learn")


def test_an_entry_ends_300_s_after_its_mac_was_last_seen(lan: Lan) -> None:
    lan.send(1, frame(BROADCAST, mac(1)))
    lan.run(200)
    lan.send(1, frame(BROADCAST, mac(1)))
    lan.run(299.9)
    assert lan.fdb() == {mac(1): "p1"}
    generation = lan.node.generation
    lan.run(0.2)
    assert lan.fdb() == {}
    assert lan.node.generation > generation
    lan.forget()
    lan.send(2, frame(mac(1), mac(2)))
    assert lan.text("flood") == ["FDB miss: 02:00:00:00:00:01 flooded to p3, p1"]


def test_only_a_new_entry_or_a_move_changes_the_generation(lan: Lan) -> None:
    lan.send(1, frame(STRANGER, mac(1)))
    generation = lan.node.generation
    lan.send(1, frame(STRANGER, mac(1)))
    assert lan.node.generation == generation
    lan.send(2, frame(STRANGER, mac(1)))
    assert lan.node.generation > generation


def test_frames_for_the_bridge_and_for_its_ports_go_up(lan: Lan) -> None:
    up: list[int] = []
    lan.node.handlers = {**lan.node.handlers, 0x88B5: lambda ns, skb: (up.append(skb.pkt_type), ns.delivered(skb))}
    lan.send(1, frame(BR0, mac(1)))
    lan.send(1, frame("02:00:00:00:01:01", mac(1)))  # the MAC of port p1
    lan.send(1, frame("02:00:00:00:01:02", mac(1)))  # of port p2: IP will not take what is not for the device it came in by
    assert up == [PACKET_HOST, PACKET_HOST, PACKET_OTHERHOST]
    assert lan.seen("node.br0 rx") == [frame(to, mac(1)) for to in (BR0, "02:00:00:00:01:01", "02:00:00:00:01:02")]
    assert not [place for place in lan.places() if place in ("node.p2 tx", "node.p3 tx")]


def test_a_promiscuous_bridge_hears_what_it_forwards(lan: Lan) -> None:
    lan.send(2, frame(BROADCAST, mac(2)))
    link.set_promisc(lan.node, "br0")
    lan.forget()
    lan.send(1, frame(mac(2), mac(1)))
    assert lan.places() == ["h1.eth0 tx", "node.p1 rx", "node.p2 tx", "node.br0 rx", "h2.eth0 rx"]
    assert [drop[:2] for drop in lan.drops] == [("node", "UNHANDLED_PROTO"), ("h2", "UNHANDLED_PROTO")]


def test_a_port_does_not_send_back_what_came_in_by_it_unless_hairpin_is_on(lan: Lan) -> None:
    lan.send(1, frame(BROADCAST, STRANGER))
    lan.forget()
    lan.send(1, frame(STRANGER, mac(1)))
    assert lan.drops == [("node", "NOT_SPECIFIED", "br0: p1 is the port it came in by, and hairpin mode is off")]
    bridge.link_set(lan.node, "p1", hairpin=True)
    lan.forget()
    lan.send(1, frame(STRANGER, mac(1)))
    assert lan.places() == ["h1.eth0 tx", "node.p1 rx", "node.p1 tx", "h1.eth0 rx"]


def test_hairpin_floods_back_too(lan: Lan) -> None:
    bridge.link_set(lan.node, "p1", hairpin=True)
    lan.send(1, who_has("10.0.0.2", "10.0.0.1", mac(1)))
    assert lan.seen("h1.eth0 rx")[0] == who_has("10.0.0.2", "10.0.0.1", mac(1))


@pytest.mark.parametrize(
    ("flag", "dst"),
    [("flood", STRANGER), ("bcast_flood", BROADCAST), ("mcast_flood", "01:00:5e:01:02:03")],
)
def test_a_port_is_left_out_of_the_flood_it_does_not_take(lan: Lan, flag: str, dst: str) -> None:
    bridge.link_set(lan.node, "p2", **{flag: False})
    lan.send(1, frame(dst, mac(1)))
    assert [place for place in lan.places() if place.endswith("tx") and "node" in place] == ["node.p3 tx"]


def test_what_the_bridge_itself_broadcasts_goes_to_every_port(lan: Lan) -> None:
    for flag in ("bcast_flood", "mcast_flood"):
        bridge.link_set(lan.node, "p2", **{flag: False})
    for dst in (BROADCAST, "01:00:5e:01:02:03"):
        lan.forget()
        wire = frame(dst, BR0)
        lan.bridge.transmit(lan.node.born(0x88B5, wire[14:], wire[:14]))
        lan.run()
        assert lan.places()[:4] == ["node.br0 tx", "node.p3 tx", "node.p2 tx", "node.p1 tx"]


def test_isolated_ports_do_not_hear_each_other(lan: Lan) -> None:
    lan.send(2, frame(BROADCAST, mac(2)))
    bridge.link_set(lan.node, "p1", isolated=True)
    bridge.link_set(lan.node, "p2", isolated=True)
    lan.forget()
    lan.send(1, frame(mac(2), mac(1)))
    assert lan.drops == [("node", "NOT_SPECIFIED", "br0: p1 and p2 are isolated ports")]
    lan.forget()
    lan.send(1, frame(BROADCAST, mac(1)))
    assert lan.text("flood") == ["broadcast flooded to p3"]
    lan.send(3, frame(mac(2), mac(3)))
    assert lan.seen("h2.eth0 rx")


def test_a_port_that_does_not_learn(lan: Lan) -> None:
    bridge.link_set(lan.node, "p1", learning=False)
    lan.send(1, frame(BROADCAST, mac(1)))
    assert lan.fdb() == {}


def test_no_port_to_flood_to() -> None:
    lan = Lan(hosts=1)
    lan.send(1, frame(STRANGER, mac(1)))
    assert lan.drops == [("node", "NO_TX_TARGET", "br0: unknown unicast and no port to flood to")]
    lan.ledger.check()


def test_a_frame_too_long_for_the_outgoing_port(lan: Lan) -> None:
    lan.send(2, frame(BROADCAST, mac(2)))
    lan.node.device("p2").mtu = 1000
    lan.forget()
    lan.send(1, frame(mac(2), mac(1), bytes(1004)))
    assert len(lan.seen("node.p2 tx")) == 1  # room for a VLAN tag
    lan.forget()
    lan.send(1, frame(mac(2), mac(1), bytes(1005)))
    assert lan.drops == [("node", "NOT_SPECIFIED", "br0: 1005 bytes do not fit the MTU 1000 of p2")]


# -- sources ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["01:00:5e:00:00:01", BROADCAST, "00:00:00:00:00:00"])
def test_a_source_that_cannot_be_one_is_dropped(lan: Lan, source: str) -> None:
    lan.send(1, frame(mac(2), source))
    assert lan.reasons() == ["MAC_INVALID_SOURCE"]
    assert lan.fdb() == {}


def test_own_address_as_source_is_bridged_and_not_learned(lan: Lan) -> None:
    lan.send(1, frame(BROADCAST, BR0))
    assert lan.text("learn") == ["br0 received on p1 a packet with own address 02:00:00:00:ff:01 as source address"]
    assert lan.seen("node.p2 tx") == [frame(BROADCAST, BR0)]
    entry = lan.bridge.fdb.entries[bytes.fromhex("02000000ff01")]
    assert entry.local
    assert entry.port is None


# -- reserved group addresses -------------------------------------------------------------------------------------------------------


def test_without_stp_bpdus_are_bridged(lan: Lan) -> None:
    lan.send(1, frame("01:80:c2:00:00:00", mac(1), ethertype=0x0027))
    assert lan.text("flood") == ["multicast flooded to p3, p2"]


def test_pause_frames_are_dropped(lan: Lan) -> None:
    lan.send(1, frame("01:80:c2:00:00:01", mac(1), ethertype=0x8808))
    assert lan.reasons() == ["MAC_IEEE_MAC_CONTROL"]


def test_other_reserved_groups_go_to_the_port_itself_and_are_learned_from(lan: Lan) -> None:
    lan.send(1, frame("01:80:c2:00:00:0e", mac(1), ethertype=0x88CC))
    assert lan.places() == ["h1.eth0 tx", "node.p1 rx"]
    assert lan.reasons() == ["UNHANDLED_PROTO"]
    assert lan.fdb() == {mac(1): "p1"}


def test_group_fwd_mask_lets_lldp_pass(lan: Lan) -> None:
    bridge.set_group_fwd_mask(lan.node, "br0", 0x4000)
    lan.send(1, frame("01:80:c2:00:00:0e", mac(1), ethertype=0x88CC))
    assert lan.text("flood") == ["multicast flooded to p3, p2"]


# -- from the bridge itself -----------------------------------------------------------------------------------------------------------


def test_what_the_node_sends_leaves_by_the_known_port() -> None:
    lan = Lan(hosts=2, bridge_ip="10.0.0.254/24")
    lan.ping("node", "10.0.0.1")
    assert [place for place in lan.places() if place.startswith("node")] == [
        "node.br0 tx", "node.p2 tx", "node.p1 tx",  # ARP
        "node.p1 rx", "node.br0 rx",
        "node.br0 tx", "node.p1 tx",  # the request
        "node.p1 rx", "node.br0 rx",
    ]  # fmt: skip
    assert "FDB hit: 02:00:00:00:00:01 on p1" in lan.text("fdb")
    lan.ledger.check()


def test_the_bridge_does_not_send_to_itself(lan: Lan) -> None:
    wire = frame(BR0, BR0)
    lan.bridge.transmit(lan.node.born(0x88B5, wire[14:], wire[:14]))
    assert lan.drops == [("node", "NOT_SPECIFIED", "br0: the bridge's own address, sent out by the bridge")]


# -- ARP across it, as the kernel's capture shows it ----------------------------------------------------------------------------------


def test_arp_is_flooded_and_the_answer_is_unicast(lan: Lan) -> None:
    lan.ping("h1", "10.0.0.2")
    ask = who_has("10.0.0.2", "10.0.0.1", mac(1))
    answer = is_at("10.0.0.2", mac(2), mac(1), "10.0.0.1")
    assert lan.seen("h1.eth0 tx")[0] == lan.seen("h3.eth0 rx")[0] == lan.seen("node.br0 rx")[0] == ask
    assert lan.seen("h2.eth0 tx")[0] == lan.seen("h1.eth0 rx")[0] == answer
    assert lan.seen("h3.eth0 rx") == [ask]
    assert lan.seen("node.br0 rx") == [ask]
    assert lan.fdb() == {mac(1): "p1", mac(2): "p2"}


def test_a_new_pods_gratuitous_arp_is_not_bridged(lan: Lan) -> None:
    ns = lan.machine.add_netns("pod")
    link.add_veth(ns, "eth0", lan.node, "p9", mac(9))
    link.set_up(lan.node, "p9")
    link.set_master(lan.node, "p9", "br0")
    from emu.net import arp as arp_module

    link.set_up(ns, "eth0")
    arp_module.announce(ns.device("eth0"), 0x0A000009)
    lan.run()
    garp = arp(1, mac(9), "10.0.0.9", "10.0.0.9")
    assert lan.frames[0][2] == garp
    assert lan.places() == ["pod.eth0 tx", "node.p9 rx"]
    assert lan.drops == [("node", "BRIDGE_INGRESS_STP_STATE", "port p9 of br0 is disabled")]
    assert lan.fdb() == {}
    lan.forget()
    arp_module.announce(ns.device("eth0"), 0x0A000009)  # a moment later the port forwards
    lan.run()
    assert "node.p1 tx" in lan.places()


def test_frames_of_every_length_are_bridged_or_dropped(lan: Lan) -> None:
    port = lan.node.device("p1")
    whole = frame(BROADCAST, mac(1), bytes(30))
    for length in range(len(whole)):
        inject(port, whole[:length])
    lan.run()
    assert lan.reasons().count("HDR_TRUNC") == 14
