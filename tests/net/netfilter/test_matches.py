"""Every match against packets by hand: what it takes and what it leaves. The same table is run on the kernel, see test_kernel.py."""

from __future__ import annotations

import pytest

from tests.net.conntrack.packets import echo, error, tcp, udp
from tests.net.netfilter.cases import CASES, A, B, ports, to
from tests.net.netfilter.router import Router


@pytest.mark.parametrize(("rule", "yes", "no"), CASES, ids=[rule or "(nothing)" for rule, _, _ in CASES])
def test_a_rule_takes_what_it_matches_and_nothing_else(rule: str, yes: list[bytes], no: list[bytes]) -> None:
    router = Router()
    for packets, passes in ((yes, False), (no, True)):
        for packet in packets:
            router.restore(f"*filter\n-A FORWARD {rule} -j DROP\nCOMMIT\n")
            if router.ns.ct is not None:
                router.ns.ct.flush()
            assert router.passes(packet) is passes, router.steps
            assert list(router.counters().values()) == [int(not passes)]
    router.ledger.check()


def counted(router: Router, *rules: str) -> None:
    router.restore("*filter\n" + "".join(f"-A FORWARD {rule}\n" for rule in rules) + "COMMIT\n")


def test_states_of_a_udp_exchange_with_its_icmp_error() -> None:
    router = Router()
    counted(router, *(f"-m conntrack --ctstate {state}" for state in ("NEW", "ESTABLISHED", "RELATED")), "-m conntrack --ctdir REPLY")
    question, answer = udp(A, 1, B, 2), udp(B, 2, A, 1)
    router.send("a", question)
    assert list(router.counters().values()) == [1, 0, 0, 0]
    router.send("b", answer)
    assert list(router.counters().values()) == [1, 1, 0, 1]
    router.send("b", error(B, A, question))
    assert list(router.counters().values()) == [1, 1, 1, 2]


def test_untracked_packets_have_no_connection() -> None:
    router = Router()
    router.restore(
        "*raw\n-A PREROUTING -p udp --dport 53 -j CT --notrack\nCOMMIT\n"
        "*filter\n-A FORWARD -m conntrack --ctstate UNTRACKED\n-A FORWARD -m conntrack --ctproto udp\n-A FORWARD -m state --state UNTRACKED\nCOMMIT\n"
    )
    router.send("a", ports(1, 53))
    assert list(router.counters().values()) == [1, 0, 1]
    assert len(router.ns.ct.entries()) == 0
    router.send("a", ports(1, 54))
    assert list(router.counters().values()) == [1, 1, 1]


def test_dnat_and_snat_are_states_too() -> None:
    router = Router()
    router.restore(
        "*nat\n-A PREROUTING -p udp --dport 53 -j DNAT --to-destination 10.0.2.3\n-A POSTROUTING -p udp --dport 54 -j SNAT --to-source 10.0.2.1\nCOMMIT\n"
        "*filter\n-A FORWARD -m conntrack --ctstate DNAT\n-A FORWARD -m conntrack --ctstate SNAT\n-A FORWARD -m conntrack ! --ctstate DNAT,SNAT\nCOMMIT\n"
    )
    router.send("a", ports(1, 53))
    assert list(router.counters().values()) == [1, 0, 0]
    router.send("a", ports(1, 54))
    router.send("a", ports(1, 54))  # the source is translated after FORWARD, so only the second packet knows
    assert list(router.counters().values()) == [1, 1, 1]


def test_ctexpire_is_in_whole_seconds() -> None:
    router = Router()
    counted(router, "-m conntrack --ctexpire 30", "-m conntrack --ctexpire 20:29")
    router.send("a", ports(1, 2))
    router.wait(5)
    router.send("a", ports(1, 2))
    assert sum(router.counters().values()) >= 1


def test_the_source_mac_of_a_received_frame() -> None:
    router = Router()
    counted(router, "-m mac --mac-source 02:00:00:00:01:02", "-m mac ! --mac-source 02:00:00:00:01:02", "-m mac --mac-source 02:aa:aa:aa:aa:aa")
    router.send("a", ports(1, 2))
    assert list(router.counters().values()) == [1, 0, 0]
    router.send("a", ports(1, 2), src_mac="02:aa:aa:aa:aa:aa")
    assert list(router.counters().values()) == [1, 1, 1]


def test_addrtype_knows_local_and_broadcast_addresses() -> None:
    router = Router()
    router.restore(
        "*mangle\n-A PREROUTING -m addrtype --dst-type LOCAL\n-A PREROUTING -m addrtype --dst-type BROADCAST\n-A PREROUTING -m addrtype --dst-type MULTICAST\n"
        "-A PREROUTING -m addrtype --dst-type LOCAL --limit-iface-in\nCOMMIT\n"
    )
    for destination in ("10.0.1.1", "10.0.2.1", "10.0.1.255", "224.0.0.1", "10.0.2.2"):
        router.send("a", to(destination))
    assert list(router.counters("mangle").values()) == [2, 1, 1, 1]


def test_marks_are_matched_under_a_mask() -> None:
    router = Router()
    router.restore(
        "*mangle\n-A PREROUTING -j MARK --set-mark 0x4005\nCOMMIT\n"
        "*filter\n-A FORWARD -m mark --mark 0x4000/0x4000\n-A FORWARD -m mark --mark 0x5\n-A FORWARD -m mark ! --mark 0x4005\n"
        "-A FORWARD -m mark --mark 0x4105/0x4000\nCOMMIT\n"
    )
    router.send("a", ports(1, 2))
    assert list(router.counters().values()) == [1, 0, 0, 0]  # bits outside of the mask can never be equal


def test_connection_marks_are_saved_and_restored() -> None:
    router = Router()
    router.restore(
        "*mangle\n-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff\n-A PREROUTING -m mark --mark 0 -j MARK --set-mark 0x1234\n"
        "-A PREROUTING -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff\nCOMMIT\n"
        "*filter\n-A FORWARD -m connmark --mark 0x34\n-A FORWARD -m mark --mark 0x34\nCOMMIT\n"
    )
    router.send("a", ports(1, 2))
    assert list(router.counters().values()) == [1, 0]
    router.send("a", ports(1, 2))
    assert list(router.counters().values()) == [2, 1]


def test_nth_counts_for_each_rule() -> None:
    router = Router()
    counted(router, *(f"-m statistic --mode nth --every 3 --packet {packet}" for packet in (0, 0, 1)))
    seen = []
    for number in range(7):
        router.send("a", ports(number + 1, 2))
        seen.append(tuple(int(line[1:].partition(":")[0]) for line in save_lines(router)))
    assert [counts[0] for counts in seen] == [1, 1, 1, 2, 2, 2, 3]
    assert [counts[1] for counts in seen] == [1, 1, 1, 2, 2, 2, 3]
    assert [counts[2] for counts in seen] == [0, 1, 1, 1, 2, 2, 2]


def save_lines(router: Router) -> list[str]:
    from emu.iproute import iptables

    return [line for line in iptables.save(router.ns, counters=True, table="filter").splitlines() if line.startswith("[")]


def test_random_takes_its_share() -> None:
    router = Router()
    counted(router, "-m statistic --mode random --probability 0.25", "-m statistic --mode random --probability 0", "-m statistic --mode random --probability 1")
    for number in range(400):
        router.send("a", ports(number + 1, 2))
    share, never, always = router.counters().values()
    assert 70 < share < 130
    assert (never, always) == (0, 400)


def test_limit_is_a_bucket_that_fills_again() -> None:
    router = Router()
    counted(router, "-m limit --limit 1/sec --limit-burst 3")
    for _ in range(5):
        router.send("a", ports(1, 2))
    assert list(router.counters().values()) == [3]
    router.wait(2)
    for _ in range(5):
        router.send("a", ports(1, 2))
    assert list(router.counters().values()) == [5]


def test_echo_and_tcp_pass_without_rules_at_all() -> None:
    router = Router()
    assert router.passes(echo(A, B, 1))
    assert router.passes(tcp(A, 1, B, 2, "S"))
    assert router.ns.nf is None


def test_hashlimit_has_a_bucket_for_each_source() -> None:
    router = Router()
    counted(
        router,
        "-m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name s",
        "-m hashlimit --hashlimit-above 1/min --hashlimit-burst 3 --hashlimit-mode dstport --hashlimit-name d",
    )
    for _ in range(4):
        for source in ("10.0.1.2", "10.0.1.3"):
            router.send("a", udp(source, 1, B, 2))
    assert list(router.counters().values()) == [4, 5]
    router.wait(1)
    router.send("a", udp("10.0.1.3", 1, B, 3))
    assert list(router.counters().values()) == [5, 5]
