"""The neighbour table: states, timers, packets that wait. The sequences are those measured on Linux 6.18."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emu.iproute import addr, link, neigh
from emu.net import ip_output
from emu.net.neigh_entry import DELAY, FAILED, INCOMPLETE, MOVES, NOARP, NONE, NUD, NUD_NAMES, PERMANENT, PROBE, REACHABLE, STALE
from emu.wire.addr import ip_int
from tests.net.lan import ECHO, Lan, is_at, mac, who_has


@pytest.fixture
def lan() -> Iterator[Lan]:
    lan = Lan(hosts=3)
    yield lan
    lan.run(400)
    lan.ledger.check()


def state(lan: Lan, name: str, ip: str) -> str:
    entry = lan.neigh(name, ip)
    return NUD_NAMES[entry.state] if entry is not None else "-"


def asked(lan: Lan, number: int = 1) -> list[tuple[float, bytes]]:
    """Requests that host `number` sent: seconds since the record began, and bytes."""
    return [(round(t / 1e9, 3), w) for t, place, w in lan.frames if place == f"h{number}.eth0 tx" and w[12:14] == b"\x08\x06"]


def set_parms(lan: Lan, number: int, **values: int) -> None:
    ns = lan.host(f"h{number}")
    dev = ns.device("eth0")
    parms = ns.sysctl.neigh(dev)
    for name, value in values.items():
        parms = parms.replaced(name, value)
    ns.sysctl.neighs.own[dev.ifindex] = parms


def set_conf(lan: Lan, number: int, **values: int) -> None:
    ns = lan.host(f"h{number}")
    dev = ns.device("eth0")
    conf = ns.sysctl.conf(dev)
    for name, value in values.items():
        conf = conf.replaced(name, value)
    ns.sysctl.confs.own[dev.ifindex] = conf


# -- resolving ----------------------------------------------------------------------------------------------------------------------


def test_the_first_packet_waits_for_the_answer(lan: Lan) -> None:
    lan.ping("h1", "10.0.0.2")
    sent = lan.seen("h1.eth0 tx")
    assert sent[0] == who_has("10.0.0.2", "10.0.0.1", mac(1))
    assert sent[1][:14].hex() == "0200000000020200000000010800"
    assert (state(lan, "h1", "10.0.0.2"), state(lan, "h2", "10.0.0.1"), state(lan, "h3", "10.0.0.1")) == ("REACHABLE", "DELAY", "-")
    assert "ARP: who has 10.0.0.2? held until answered" in lan.text("arp")


def test_held_packets_leave_in_order(lan: Lan) -> None:
    ns = lan.host("h1")
    for number in range(5):
        ip_output.send(ns, 1, ECHO + bytes([number]), ip_int("10.0.0.2"))
    lan.run()
    assert len(asked(lan)) == 1
    assert [wire[-1] for wire in lan.seen("h2.eth0 rx")[1:]] == [0, 1, 2, 3, 4]


def test_three_requests_then_failed_and_every_held_packet_is_answered_for(lan: Lan) -> None:
    start = lan.sim.now
    lan.ping("h1", "10.0.0.9")
    lan.ping("h1", "10.0.0.9")
    assert state(lan, "h1", "10.0.0.9") == "INCOMPLETE"
    lan.run(5)
    assert [t - start / 1e9 for t, _ in asked(lan)] == [0, 1, 2]
    assert [wire for _, wire in asked(lan)] == [who_has("10.0.0.9", "10.0.0.1", mac(1))] * 3
    assert lan.reasons().count("NEIGH_FAILED") == 2
    unreachable = [(round((t - start) / 1e9, 3), wire[34:36]) for t, place, wire in lan.frames if place == "h1.lo rx"]
    assert unreachable == [(3.0, b"\x03\x01")] * 2
    assert state(lan, "h1", "10.0.0.9") == "FAILED"
    assert neigh.show(lan.host("h1")) == "10.0.0.9 dev eth0 FAILED \n"


def test_a_failed_neighbour_is_asked_again_at_once(lan: Lan) -> None:
    lan.ping("h1", "10.0.0.9", seconds=5)
    lan.forget()
    lan.ping("h1", "10.0.0.9")
    assert len(asked(lan)) == 1
    assert state(lan, "h1", "10.0.0.9") == "INCOMPLETE"


def test_nobody_may_be_asked(lan: Lan) -> None:
    set_parms(lan, 1, mcast_solicit=0)
    lan.ping("h1", "10.0.0.9")
    assert asked(lan) == []
    assert lan.reasons() == ["NEIGH_FAILED"]


@pytest.mark.parametrize(("payload", "kept"), [(0, 256), (150, 256), (400, 166), (600, 166), (1000, 92), (1472, 92)])
def test_the_queue_keeps_the_newest(lan: Lan, payload: int, kept: int) -> None:
    ns = lan.host("h1")
    for number in range(300):
        body = number.to_bytes(8, "big") + bytes(payload)  # in place of a UDP header
        ip_output.send(ns, 200, body, ip_int("10.0.0.2"))
    assert lan.reasons() == ["NEIGH_QUEUEFULL"] * (300 - kept)
    lan.run()
    arrived = [int.from_bytes(wire[34:42], "big") for wire in lan.seen("h2.eth0 rx")[1:] if wire[23] == 200]
    assert arrived == list(range(300 - kept, 300))


# -- ageing ---------------------------------------------------------------------------------------------------------------------------


def test_what_was_not_confirmed_is_probed_alone(lan: Lan) -> None:
    """h2 learned h1 from its request: STALE, DELAY with the reply, and 5 s later a unicast question."""
    lan.ping("h1", "10.0.0.2")
    start = lan.sim.now
    assert state(lan, "h2", "10.0.0.1") == "DELAY"
    lan.forget()
    lan.run(6)
    assert [(round(t - start / 1e9), wire) for t, wire in asked(lan, 2)] == [(5, who_has("10.0.0.1", "10.0.0.2", mac(2), to=mac(1)))]
    assert lan.seen("h2.eth0 rx") == [is_at("10.0.0.1", mac(1), mac(2), "10.0.0.2")]
    assert state(lan, "h2", "10.0.0.1") == "REACHABLE"
    assert state(lan, "h1", "10.0.0.2") == "REACHABLE"


def test_a_confirmation_from_above_saves_the_question(lan: Lan) -> None:
    lan.ping("h1", "10.0.0.2")
    lan.forget()
    ns = lan.host("h2")
    lan.run(3)
    ns.neigh.confirm(ns.device("eth0"), ip_int("10.0.0.1"))
    lan.run(3)
    assert state(lan, "h2", "10.0.0.1") == "REACHABLE"
    assert asked(lan, 2) == []


def test_reachable_ends_after_a_random_time_of_the_device(lan: Lan) -> None:
    ns = lan.host("h1")
    dev = ns.device("eth0")
    lan.ping("h1", "10.0.0.2", seconds=0.001)
    reachable = ns.neigh.reachable_time(dev) / 1e9
    assert 15 <= reachable < 45
    assert ns.neigh.reachable_time(dev) / 1e9 == reachable
    lan.run(reachable - 0.1)
    assert state(lan, "h1", "10.0.0.2") == "REACHABLE"
    lan.run(0.2)
    assert state(lan, "h1", "10.0.0.2") == "STALE"
    lan.forget()
    lan.ping("h1", "10.0.0.2")
    assert asked(lan) == []  # a stale neighbour is used
    assert state(lan, "h1", "10.0.0.2") == "DELAY"


def test_the_reachable_time_is_drawn_anew_every_300_s_and_from_the_seed(lan: Lan) -> None:
    ns = lan.host("h1")
    drawn = []
    for _ in range(5):
        drawn.append(ns.neigh.reachable_time(ns.device("eth0")))
        lan.run(300)
    assert len(dict.fromkeys(drawn)) == 5
    again = Lan(hosts=3).host("h1")
    assert again.neigh.reachable_time(again.device("eth0")) == drawn[0]


def test_a_neighbour_that_was_used_a_moment_ago_is_delayed_at_once(lan: Lan) -> None:
    """neigh_timer_handler: `used` counts only packets that were not sent by the header cache."""
    set_parms(lan, 1, base_reachable_time_ms=2000)
    lan.ping("h1", "10.0.0.2", seconds=4)
    assert state(lan, "h1", "10.0.0.2") == "DELAY"


def test_a_neighbour_in_use_goes_stale_and_is_probed_again_and_again(lan: Lan) -> None:
    seen: list[str] = []
    for _ in range(400):
        lan.ping("h1", "10.0.0.2", seconds=0.251)
        if (now := state(lan, "h1", "10.0.0.2")) not in seen[-1:]:
            seen.append(now)
    assert len(seen) >= 7
    assert seen == (["REACHABLE", "STALE", "DELAY"] * len(seen))[: len(seen)]  # PROBE is over in microseconds


def test_a_neighbour_that_is_gone_is_probed_three_times_then_asked_for_by_broadcast(lan: Lan) -> None:
    """The address comes back with another MAC: story 7, as measured."""
    lan.ping("h1", "10.0.0.2", seconds=60)
    assert state(lan, "h1", "10.0.0.2") == "STALE"
    link.set_down(lan.host("h2"), "eth0")
    link.set_address(lan.host("h2"), "eth0", "02:00:00:00:00:22")
    link.set_up(lan.host("h2"), "eth0")
    lan.run(1)
    lan.forget()
    start = lan.sim.now
    for _ in range(20):
        lan.ping("h1", "10.0.0.2", seconds=0.5)
    old = who_has("10.0.0.2", "10.0.0.1", mac(1), to=mac(2))
    new = who_has("10.0.0.2", "10.0.0.1", mac(1))
    assert [(round(t - start / 1e9, 2), wire) for t, wire in asked(lan)] == [(5.0, old), (6.0, old), (7.0, old), (8.0, new)]
    assert state(lan, "h1", "10.0.0.2") == "REACHABLE"
    to = [wire[:6].hex() for wire in lan.seen("h1.eth0 tx") if wire[12:14] == b"\x08\x00"]
    assert to == ["020000000002"] * 16 + ["020000000022"] * 4


# -- who may overwrite ------------------------------------------------------------------------------------------------------------------


def test_permanent_entries_obey_only_the_user(lan: Lan) -> None:
    ns = lan.host("h1")
    neigh.add(ns, "10.0.0.2", "eth0", mac(3))
    lan.receive(1, is_at("10.0.0.2", mac(2), mac(1), "10.0.0.1"))
    assert neigh.show(ns) == "10.0.0.2 dev eth0 lladdr 02:00:00:00:00:03 PERMANENT \n"
    neigh.replace(ns, "10.0.0.2", "eth0", mac(2), "reachable")
    assert neigh.show(ns) == "10.0.0.2 dev eth0 lladdr 02:00:00:00:00:02 REACHABLE \n"


def test_update_without_a_mac_keeps_the_one_known(lan: Lan) -> None:
    ns = lan.host("h1")
    lan.ping("h1", "10.0.0.2")
    entry = lan.neigh("h1", "10.0.0.2")
    assert ns.neigh.update(entry, None, STALE, admin=True)
    assert (entry.state, entry.mac.hex()) == (STALE, "020000000002")
    assert entry.header is None


def test_weak_override_only_makes_stale(lan: Lan) -> None:
    ns = lan.host("h1")
    lan.ping("h1", "10.0.0.2")
    entry = lan.neigh("h1", "10.0.0.2")
    ns.neigh.update(entry, bytes.fromhex("020000000003"), REACHABLE, weak=True)
    assert (entry.state, entry.mac.hex()) == (STALE, "020000000002")


# -- devices ----------------------------------------------------------------------------------------------------------------------------


def test_a_device_that_goes_down_forgets_and_drops_what_waits(lan: Lan) -> None:
    ns = lan.host("h1")
    neigh.add(ns, "10.0.0.3", "eth0", mac(3))
    lan.ping("h1", "10.0.0.9")
    link.set_down(ns, "eth0")
    assert len(ns.neigh) == 0
    assert "QUEUE_PURGE" in lan.reasons()


def test_a_device_that_leaves_forgets_what_was_configured_while_it_was_down(lan: Lan) -> None:
    ns = lan.host("h1")
    link.set_down(ns, "eth0")
    neigh.add(ns, "10.0.0.3", "eth0", mac(3))
    link.move(ns, "eth0", lan.machine.add_netns("other"))
    assert len(ns.neigh) == 0


def test_lost_carrier_forgets_all_but_permanent_entries(lan: Lan) -> None:
    ns = lan.host("h1")
    neigh.add(ns, "10.0.0.3", "eth0", mac(3))
    lan.ping("h1", "10.0.0.2")
    link.set_down(lan.node, "p1")
    lan.run()
    assert [entry.state for entry in ns.neigh] == [PERMANENT]


def test_lost_carrier_with_arp_evict_nocarrier_off(lan: Lan) -> None:
    lan.ping("h1", "10.0.0.2")
    set_conf(lan, 1, arp_evict_nocarrier=0)
    link.set_down(lan.node, "p1")
    lan.run()
    assert state(lan, "h1", "10.0.0.2") == "REACHABLE"


def test_another_mac_of_the_device_forgets_all(lan: Lan) -> None:
    lan.ping("h1", "10.0.0.2")
    link.set_address(lan.host("h1"), "eth0", "02:00:00:00:00:11")
    assert len(lan.host("h1").neigh) == 0
    lan.forget()
    lan.ping("h1", "10.0.0.2")
    assert lan.seen("h1.eth0 tx")[1][6:12].hex() == "020000000011"


def test_the_last_address_takes_the_neighbours_along(lan: Lan) -> None:
    ns = lan.host("h1")
    addr.add(ns, "eth0", "10.0.7.1/24")
    neigh.replace(ns, "10.0.0.9", "eth0", mac(9))
    neigh.add_proxy(ns, "10.1.0.5", "eth0")
    addr.delete(ns, "eth0", "10.0.7.1/24")
    assert (len(ns.neigh), len(neigh.proxies(ns))) == (1, 1)
    addr.delete(ns, "eth0", "10.0.0.1/24")
    assert (len(ns.neigh), len(neigh.proxies(ns))) == (0, 0)


def test_a_device_that_goes_down_answers_for_nobody_but_one_without_carrier_still_would(lan: Lan) -> None:
    ns = lan.host("h1")
    neigh.add_proxy(ns, "10.1.0.5", "eth0")
    link.set_down(lan.node, "p1")
    lan.run()
    assert len(neigh.proxies(ns)) == 1
    link.set_down(ns, "eth0")
    assert neigh.proxies(ns) == []


def test_deleting_an_entry_fails_what_waits_for_it(lan: Lan) -> None:
    ns = lan.host("h1")
    lan.ping("h1", "10.0.0.9")
    neigh.delete(ns, "10.0.0.9", "eth0")
    assert lan.reasons() == ["NEIGH_FAILED"]
    assert len(ns.neigh) == 0


# -- no question ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ip", "to"), [("10.0.0.255", "ffffffffffff"), ("255.255.255.255", "ffffffffffff"), ("224.0.0.9", "01005e000009"), ("239.129.1.2", "01005e010102")]
)
def test_broadcast_and_multicast_are_mapped(lan: Lan, ip: str, to: str) -> None:
    ns = lan.host("h1")
    ns.neigh.output(ns.born(0x0800, bytes(20)), ns.device("eth0"), ip_int(ip))
    lan.run()
    assert [wire[:6].hex() for wire in lan.seen("h1.eth0 tx")] == [to]
    entry = ns.neigh.lookup(ns.device("eth0"), ip_int(ip))
    assert entry is not None
    assert entry.state == NOARP
    assert neigh.show(ns) == ""
    assert "NOARP" in neigh.show(ns, nud="all")


# -- the header cache, which br_netfilter looks at ----------------------------------------------------------------------------------------


def test_the_header_is_made_by_the_first_packet_and_gone_while_not_connected(lan: Lan) -> None:
    ns = lan.host("h1")
    neigh.add(ns, "10.0.0.2", "eth0", mac(2))
    entry = lan.neigh("h1", "10.0.0.2")
    assert entry.header is None
    lan.ping("h1", "10.0.0.2")
    assert entry.header.hex() == "0200000000020200000000010800"
    neigh.replace(ns, "10.0.0.2", "eth0", mac(2), "stale")
    assert entry.header is None
    neigh.replace(ns, "10.0.0.2", "eth0", mac(3), "permanent")
    assert entry.header.hex() == "0200000000030200000000010800"


def test_the_table_is_in_the_order_of_making(lan: Lan) -> None:
    for ip in ("10.0.0.3", "10.0.0.2", "10.0.0.9"):
        lan.ping("h1", ip)
    assert [entry.ip & 255 for entry in lan.host("h1").neigh] == [3, 2, 9]
    assert len(lan.host("h1").neigh) == 3


# -- the machine as data ------------------------------------------------------------------------------------------------------------------


def test_every_state_has_its_bit_and_its_row() -> None:
    assert [NUD_NAMES[bit] for bit in (NONE, INCOMPLETE, REACHABLE, STALE, DELAY, PROBE, FAILED, NOARP, PERMANENT)] == list(NUD)
    assert list(MOVES) == list(NUD.values())
    assert all(after in MOVES for row in MOVES.values() for after in row.values())
