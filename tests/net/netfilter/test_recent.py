"""`-m recent`: bounded lists, times, and the reaper. How it answers packet by packet is compared with the kernel in test_kernel.py."""

from __future__ import annotations

from tests.net.conntrack.packets import udp
from tests.net.netfilter.cases import B, ports
from tests.net.netfilter.router import Router


def hits(router: Router) -> list[int]:
    return list(router.counters().values())


def test_a_list_holds_a_hundred_addresses_and_forgets_the_one_unseen_for_longest() -> None:
    router = Router()
    router.restore("*filter\n-A FORWARD -p udp --dport 1 -m recent --set\n-A FORWARD -p udp --dport 2 -m recent --rcheck\nCOMMIT\n")
    for host in range(100):
        router.send("a", udp(f"10.0.1.{host + 100}", 1, B, 1))
    router.send("a", udp("10.0.1.100", 1, B, 1))  # seen again: now the youngest
    router.send("a", udp("10.0.1.201", 1, B, 1))
    for host, known in ((100, 1), (101, 1), (102, 2), (201, 3)):
        router.send("a", udp(f"10.0.1.{host}", 1, B, 2))
        assert hits(router)[1] == known
    assert len(router.ns.nf.recent["DEFAULT"].entries) == 100


def test_seconds_look_back_from_now() -> None:
    router = Router()
    router.restore("*filter\n-A FORWARD -p udp --dport 1 -m recent --set\n-A FORWARD -p udp --dport 2 -m recent --rcheck --seconds 10\nCOMMIT\n")
    router.send("a", ports(1, 1))
    router.wait(9)
    router.send("a", ports(1, 2))
    assert hits(router) == [1, 1]
    router.wait(2)
    router.send("a", ports(1, 2))
    assert hits(router) == [1, 1]


def test_update_makes_the_window_slide_and_rcheck_does_not() -> None:
    for verb, still in (("update", 2), ("rcheck", 1)):
        router = Router()
        router.restore(f"*filter\n-A FORWARD -p udp --dport 1 -m recent --set\n-A FORWARD -p udp --dport 2 -m recent --{verb} --seconds 10\nCOMMIT\n")
        router.send("a", ports(1, 1))
        for _ in range(2):
            router.wait(8)
            router.send("a", ports(1, 2))
        assert hits(router) == [1, still]


def test_the_reaper_takes_the_oldest_address_when_its_time_is_over() -> None:
    router = Router()
    router.restore("*filter\n-A FORWARD -p udp --dport 1 -m recent --set\n-A FORWARD -p udp --dport 2 -m recent --rcheck --seconds 10 --reap\nCOMMIT\n")
    router.send("a", udp("10.0.1.2", 1, B, 1))
    router.send("a", udp("10.0.1.3", 1, B, 1))
    router.wait(20)
    router.send("a", udp("10.0.1.4", 1, B, 1))
    assert len(router.ns.nf.recent["DEFAULT"].entries) == 3
    router.send("a", udp("10.0.1.4", 1, B, 2))
    assert len(router.ns.nf.recent["DEFAULT"].entries) == 2


def test_lists_are_shared_by_name_between_rules_and_tables_of_one_namespace_only() -> None:
    text = "*mangle\n-A PREROUTING -p udp --dport 1 -m recent --name n --set\nCOMMIT\n*filter\n-A FORWARD -m recent --name n --rcheck\nCOMMIT\n"
    one, two = Router(), Router()
    for router in (one, two):
        router.restore(text)
    one.send("a", ports(1, 1))
    two.send("a", ports(1, 2))
    assert (hits(one), hits(two)) == ([1], [0])


def test_a_list_is_as_long_as_its_most_demanding_rule_wants_and_begins_again_when_that_changes() -> None:
    router = Router()
    router.restore("*filter\n-A FORWARD -p udp --dport 1 -m recent --set\n-A FORWARD -p udp --dport 2 -m recent --rcheck --hitcount 40\nCOMMIT\n")
    for _ in range(40):
        router.send("a", ports(1, 1))
    router.send("a", ports(1, 2))
    assert hits(router) == [40, 1]
    router.iptables("-A FORWARD -p udp --dport 3 -m recent --rcheck --hitcount 20")
    router.send("a", ports(1, 3))
    assert hits(router) == [40, 1, 1]
    router.iptables("-A FORWARD -p udp --dport 4 -m recent --rcheck --hitcount 200")
    router.send("a", ports(1, 3))
    assert hits(router) == [40, 1, 1, 0]


def test_a_list_goes_with_its_last_rule_and_stays_when_a_text_replaces_the_rules() -> None:
    router = Router()
    rule = "-A FORWARD -p udp --dport 1 -m recent --name x --set\n"
    text = f"*filter\n{rule}-A FORWARD -p udp --dport 2 -m recent --name x --rcheck\nCOMMIT\n"
    router.restore(text)
    router.send("a", ports(1, 1))
    router.restore(text)
    router.send("a", ports(1, 2))
    assert hits(router) == [0, 1]
    router.restore("*filter\nCOMMIT\n")
    router.restore(text)
    router.send("a", ports(1, 2))
    assert hits(router) == [0, 0]
