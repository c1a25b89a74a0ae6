"""bridge fdb and bridge link, with the texts of iproute2 6.1 (IPv6 off, no IGMP snooping)."""

from __future__ import annotations

import pytest

from emu.iproute import bridge, link
from emu.net.netns import Namespace, NetError
from tests.net.lan import BROADCAST, Lan, frame, mac

X = "02:00:00:00:00:99"


@pytest.fixture
def lan() -> Lan:
    return Lan(hosts=2)


@pytest.fixture
def node(lan: Lan) -> Namespace:
    return lan.node


def test_fdb_show(lan: Lan, node: Namespace) -> None:
    lan.send(1, frame(BROADCAST, mac(1)))
    bridge.fdb_add(node, X, "p1", "static")
    bridge.fdb_add(node, "02:00:00:00:00:98", "p1")
    bridge.fdb_add(node, "02:00:00:00:00:97", "p2", "dynamic")
    bridge.fdb_add(node, "02:00:00:00:00:96", "br0")
    bridge.fdb_add(node, "02:00:00:00:00:95", "p2", "static", sticky=True)
    assert bridge.fdb_show(node, "p1") == (
        "02:00:00:00:00:98 master br0 permanent\n"
        "02:00:00:00:00:99 master br0 static\n"
        "02:00:00:00:00:01 master br0 \n"
        "02:00:00:00:01:01 master br0 permanent\n"
        "33:33:00:00:00:01 self permanent\n"
        "01:00:5e:00:00:01 self permanent\n"
    )
    whole = bridge.fdb_show(node)
    assert whole == (
        "33:33:00:00:00:01 dev br0 self permanent\n"
        "01:00:5e:00:00:01 dev br0 self permanent\n"
        "02:00:00:00:00:96 dev br0 master br0 permanent\n"
        "02:00:00:00:ff:01 dev br0 master br0 permanent\n"
        "02:00:00:00:00:98 dev p1 master br0 permanent\n"
        "02:00:00:00:00:99 dev p1 master br0 static\n"
        "02:00:00:00:00:01 dev p1 master br0 \n"
        "02:00:00:00:01:01 dev p1 master br0 permanent\n"
        "33:33:00:00:00:01 dev p1 self permanent\n"
        "01:00:5e:00:00:01 dev p1 self permanent\n"
        "02:00:00:00:00:95 dev p2 sticky master br0 static\n"
        "02:00:00:00:00:97 dev p2 master br0 \n"
        "02:00:00:00:01:02 dev p2 master br0 permanent\n"
        "33:33:00:00:00:01 dev p2 self permanent\n"
        "01:00:5e:00:00:01 dev p2 self permanent\n"
    )
    assert bridge.fdb_show(node, "br0") == whole


def test_a_permanent_entry_of_a_port_takes_frames_up(lan: Lan, node: Namespace) -> None:
    bridge.fdb_add(node, X, "p2")
    lan.send(1, frame(X, mac(1)))
    assert lan.places() == ["h1.eth0 tx", "node.p1 rx", "node.br0 rx"]


def test_a_static_entry_does_not_age_but_moves_unless_sticky(lan: Lan, node: Namespace) -> None:
    bridge.fdb_add(node, X, "p2", "static")
    bridge.fdb_add(node, "02:00:00:00:00:95", "p2", "static", sticky=True)
    lan.run(1000)
    for source in (X, "02:00:00:00:00:95"):
        lan.send(1, frame(BROADCAST, source))
    assert lan.fdb() == {X: "p1", "02:00:00:00:00:95": "p2"}


def test_a_dynamic_entry_ages(lan: Lan, node: Namespace) -> None:
    bridge.fdb_add(node, X, "p2", "dynamic")
    lan.run(299)
    assert X in lan.fdb()
    lan.run(2)
    assert X not in lan.fdb()


def test_fdb_delete_replace_flush(lan: Lan, node: Namespace) -> None:
    lan.send(1, frame(BROADCAST, mac(1)))
    bridge.fdb_add(node, X, "p1", "static")
    bridge.fdb_add(node, X, "p2", "static", replace=True)
    bridge.fdb_flush(node, "br0")
    assert lan.fdb() == {X: "p2"}
    bridge.fdb_delete(node, X, "p2")
    assert lan.fdb() == {}


def test_link_show(lan: Lan, node: Namespace) -> None:
    bridge.link_set(node, "p1", hairpin=True, isolated=True)
    assert bridge.link_show(node, "p1") == (
        "3: p1@br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br0 state forwarding priority 32 cost 2 \n"
        "    hairpin on guard off root_block off fastleave off learning on flood on mcast_flood on bcast_flood on mcast_router 1 "
        "mcast_to_unicast off neigh_suppress off vlan_tunnel off isolated on locked off \n"
    )
    assert bridge.link_show(node).count("\n") == 4
    link.set_down(lan.host("h2"), "eth0")
    lan.run()
    assert bridge.link_show(node, "p2").startswith("4: p2@br0: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 master br0 state disabled priority 32 cost 2 ")


def test_link_set_changes_only_what_is_given(lan: Lan, node: Namespace) -> None:
    port = node.device("p1").port
    flags = ("hairpin", "learning", "flood", "mcast_flood", "bcast_flood", "isolated")
    for flag in flags:
        before = {name: getattr(port, name) for name in flags}
        bridge.link_set(node, "p1", **{flag: not before[flag]})
        assert {name: getattr(port, name) for name in flags} == {**before, flag: not before[flag]}


def test_ageing_time(lan: Lan, node: Namespace) -> None:
    bridge.set_ageing_time(node, "br0", 30)
    lan.send(1, frame(BROADCAST, mac(1)))
    lan.run(29)
    assert lan.fdb()
    lan.run(2)
    assert not lan.fdb()
    bridge.set_ageing_time(node, "br0", 0)
    lan.send(1, frame(BROADCAST, mac(1)))
    assert not lan.fdb()


def test_fdb_max_learned(lan: Lan, node: Namespace) -> None:
    bridge.set_fdb_max_learned(node, "br0", 1)
    lan.send(1, frame(BROADCAST, mac(1)))
    lan.send(2, frame(BROADCAST, mac(2)))
    assert lan.fdb() == {mac(1): "p1"}


def test_what_is_refused(lan: Lan, node: Namespace) -> None:
    bridge.fdb_add(node, X, "p1", "static")
    for command, text in (
        (lambda: bridge.fdb_add(node, X, "p2"), "File exists: 02:00:00:00:00:99 in br0 in node"),
        (lambda: bridge.fdb_delete(node, X, "p2"), "No such file or directory: 02:00:00:00:00:99 on p2 in node"),
        (lambda: bridge.fdb_add(node, X, "lo"), "Operation not supported: lo in node is not a port of a bridge"),
        (lambda: bridge.fdb_add(node, "00:00:00:00:00:00", "p1"), "Invalid argument: MAC 00:00:00:00:00:00 on p1 in node"),
        (lambda: bridge.fdb_add(node, X, "p1", "learned"), '"learned" is not a state of an FDB entry'),
        (lambda: bridge.fdb_add(node, mac(7), "p1", sticky=True), "Sticky is only for entries of a port that are not permanent"),
        (lambda: bridge.link_set(node, "br0", hairpin=True), "Operation not supported: br0 in node is not a port of a bridge"),
        (lambda: bridge.set_ageing_time(node, "p1", 1), "Operation not supported: p1 in node is a veth, not a bridge"),
        (lambda: bridge.set_ageing_time(node, "br0", -1), "Invalid argument: ageing time of -1 s for br0 in node"),
        (lambda: bridge.set_group_fwd_mask(node, "br0", 7), "Invalid argument: group_fwd_mask 0x7 for br0 in node"),
        (lambda: bridge.set_fdb_max_learned(node, "br0", -1), "Invalid argument: fdb_max_learned -1 for br0 in node"),
        (lambda: bridge.link_show(node, "eth9"), 'Cannot find device "eth9" in node'),
    ):
        with pytest.raises(NetError) as caught:
            command()
        assert text in str(caught.value.strerror)
