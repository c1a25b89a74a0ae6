"""What runs at the five hooks, in which order, and what it says about it."""

from __future__ import annotations

from errno import ECONNREFUSED

import pytest

from emu.iproute import iptables, route, rule
from emu.net import ip_output, netfilter
from emu.net.sock.tcp import TcpSocket
from emu.net.sock.udp import UdpSocket
from emu.wire.addr import ip_int
from tests.iproute.iptables.node import node
from tests.net.conntrack.packets import error, ip, tcp, udp
from tests.net.netfilter.cases import A, B, header, ports
from tests.net.netfilter.router import Router

EVERYWHERE = "".join(
    f"*{table}\n" + "".join(f"-A {chain} -p udp -j MARK --or-mark 0\n" for chain in chains) + "COMMIT\n"
    for table, chains in (
        ("filter", ("INPUT", "FORWARD", "OUTPUT")), ("nat", ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING")), ("raw", ("PREROUTING", "OUTPUT")),
        ("mangle", ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")),
    )
).replace("COMMIT", "-A TRACK -m conntrack --ctstate NEW\nCOMMIT", 1).replace("*filter", "*filter\n:TRACK - [0:0]")  # fmt: skip


def places(router: Router) -> list[str]:
    """`table CHAIN` of each rule that was hit, `ct` and `route` where they came in between."""
    words = [step.split() for step in router.steps]
    return [f"{step[1]} {step[2]}" if step[0] == "rule:" else step[0].rstrip(":") for step in words if step[0] in ("rule:", "ct:", "route:")]


def test_a_forwarded_packet_passes_the_hooks_in_linux_order() -> None:
    router = Router()
    router.restore(EVERYWHERE)
    assert router.passes(ports(1, 2))
    assert places(router) == [
        "raw PREROUTING", "ct", "mangle PREROUTING", "nat PREROUTING", "route", "mangle FORWARD", "filter FORWARD", "mangle POSTROUTING", "nat POSTROUTING",
    ]  # fmt: skip
    router.send("a", ports(1, 2))  # nat rules are for the first packet of a connection
    assert places(router) == ["raw PREROUTING", "mangle PREROUTING", "route", "mangle FORWARD", "filter FORWARD", "mangle POSTROUTING"]


def test_a_packet_for_this_host_passes_input() -> None:
    router = Router()
    router.restore(EVERYWHERE)
    router.send("a", udp(A, 1, "10.0.1.1", 9))
    assert places(router)[:7] == ["raw PREROUTING", "ct", "mangle PREROUTING", "nat PREROUTING", "route", "mangle INPUT", "filter INPUT"]
    assert places(router)[7] == "nat INPUT"


def test_a_packet_made_here_passes_output_after_its_first_route() -> None:
    router = Router()
    router.restore(EVERYWHERE)
    router.steps.clear()
    assert ip_output.send(router.ns, 17, udp("10.0.2.1", 5, B, 6)[20:], ip_int(B)) == 0
    assert places(router) == ["route", "raw OUTPUT", "ct", "mangle OUTPUT", "nat OUTPUT", "filter OUTPUT", "mangle POSTROUTING", "nat POSTROUTING"]


def test_without_rules_there_is_nothing_at_the_hooks() -> None:
    ns = node()
    nf = netfilter.get(ns)
    assert nf.steps == [(), (), (), (), ()]
    iptables.restore(ns, "*filter\n-A INPUT -j ACCEPT\nCOMMIT\n")
    assert [len(steps) for steps in nf.steps] == [0, 1, 0, 0, 0]


def test_a_new_destination_in_output_is_routed_again() -> None:
    router = Router()
    router.restore("*nat\n-A OUTPUT -p udp -d 10.0.1.2 -j DNAT --to-destination 10.0.2.2\nCOMMIT\n")
    router.steps, router.out = [], []
    assert ip_output.send(router.ns, 17, udp("10.0.1.1", 5, A, 6)[20:], ip_int(A)) == 0
    router.wait(0.01)
    assert [side for side, _ in router.out] == ["b"]
    assert any(step.startswith("route: again") for step in router.steps)


def test_a_mark_set_in_mangle_output_chooses_the_route() -> None:
    router = Router()
    route.add(router.ns, "default", via="10.0.1.2")
    route.add(router.ns, "default", via="10.0.2.2", table=100)
    rule.add(router.ns, fwmark=1, table=100)
    router.restore("*mangle\n-A OUTPUT -p udp --dport 7 -j MARK --set-mark 1\nCOMMIT\n")
    for dport, side in ((6, "a"), (7, "b")):
        router.out.clear()
        ip_output.send(router.ns, 17, udp("10.0.1.1", 5, "9.9.9.9", dport)[20:], ip_int("9.9.9.9"))
        router.wait(0.01)
        assert [where for where, _ in router.out] == [side]


def test_a_packet_that_has_no_route_after_output_changed_it_is_dropped() -> None:
    router = Router()
    router.restore("*nat\n-A OUTPUT -p udp -d 10.0.1.2 -j DNAT --to-destination 99.9.9.9\nCOMMIT\n")
    router.drops.clear()
    assert ip_output.send(router.ns, 17, udp("10.0.1.1", 5, A, 6)[20:], ip_int(A)) != 0
    assert router.drops == ["NETFILTER_DROP: no route to 99.9.9.9 after a rule changed the packet"]
    router.ledger.check()


def test_output_tells_the_sender_that_it_was_dropped() -> None:
    router = Router()
    router.restore("*filter\n:OUTPUT DROP [0:0]\nCOMMIT\n")
    assert ip_output.send(router.ns, 17, b"12345678", ip_int(B)) == 1  # EPERM
    assert router.drops == ["NETFILTER_DROP: filter OUTPUT policy DROP"]


def test_steps_tell_the_way_through_the_chains() -> None:
    router = Router()
    router.restore(
        "*filter\n:ONE - [0:0]\n:TWO - [0:0]\n-A FORWARD -p udp -j ONE\n-A FORWARD -p tcp -j TWO\n-A ONE -m comment --comment counts\n"
        "-A ONE -j MARK --set-mark 5\n-A ONE -g TWO\n-A TWO -s 10.0.1.2 -j DROP\nCOMMIT\n"
    )
    router.send("a", ports(1, 2))
    assert [step for step in router.steps if step.startswith("rule")] == [
        "rule: filter FORWARD rule 1: -p udp -j ONE",
        "rule: filter ONE rule 2: -j MARK --set-xmark 0x5/0xffffffff",
        "rule: filter ONE rule 3: -g TWO",
        "rule: filter TWO rule 1: -s 10.0.1.2/32 -j DROP",
    ]
    assert router.drops == ["NETFILTER_DROP: filter TWO rule 1: -s 10.0.1.2/32 -j DROP"]


def test_nothing_is_told_when_nobody_listens() -> None:
    router = Router()
    router.world.tp.step = ()
    router.restore("*filter\n-A FORWARD -j DROP\nCOMMIT\n")
    assert not router.passes(ports(1, 2))
    assert router.steps == []
    assert router.ns.nf.tables["filter"].chain("FORWARD").rules[0]._text == "-j DROP"  # made for the drop's reason


def test_the_answer_to_a_rejected_packet_passes_the_hooks_and_the_reason_stays() -> None:
    router = Router()
    router.restore("*filter\n-A FORWARD -p udp -j REJECT\n-A OUTPUT -p icmp -j ACCEPT\nCOMMIT\n")
    out = router.send("a", ports(1, 2))
    assert [(side, l3[20:22]) for side, l3 in out] == [("a", b"\x03\x03")]
    assert router.drops == ["NETFILTER_DROP: filter FORWARD rule 1: -p udp -j REJECT --reject-with icmp-port-unreachable"]
    assert router.counters() == {"FORWARD -p udp -j REJECT --reject-with icmp-port-unreachable": 1, "OUTPUT -p icmp -j ACCEPT": 1}
    router.ledger.check()


def test_fragments_are_put_together_only_where_connections_are_tracked() -> None:
    whole = udp(A, 1, B, 2, bytes(24))
    pieces = [header(ip(A, B, 17, whole[20:36], ip_id=9), frag=0x2000), header(ip(A, B, 17, whole[36:], ip_id=9), frag=0x0002)]
    for rules, counted in (("-A PREROUTING -p udp", 2), ("-A PREROUTING -p udp -j CT --notrack", 2)):
        router = Router()
        router.restore(f"*raw\n{rules}\nCOMMIT\n")
        for piece in pieces:
            router.send("a", piece)
        assert list(router.counters("raw").values()) == [counted]
    router = Router()
    router.restore("*raw\n-A PREROUTING -p udp --dport 2\nCOMMIT\n*filter\n-A FORWARD -m conntrack --ctstate NEW\nCOMMIT\n")
    out = [router.send("a", piece) for piece in pieces]
    assert [len(each) for each in out] == [0, 2]
    assert list(router.counters("raw").values()) == [1]
    router.ledger.check()


def test_a_policy_counts_from_the_first_time_that_it_is_set() -> None:
    router = Router()
    router.restore("*filter\n-A FORWARD -p tcp\nCOMMIT\n")
    table = router.ns.nf.tables["filter"]
    router.send("a", ports(1, 2))
    assert table.counter("FORWARD", -1) == (0, 0)
    router.iptables("-P FORWARD ACCEPT")
    router.send("a", ports(1, 2))
    assert table.counter("FORWARD", -1) == (1, 32)
    router.iptables("-P FORWARD ACCEPT")
    assert table.counter("FORWARD", -1) == (0, 0)


def test_every_change_of_rules_counts_for_caches() -> None:
    router = Router()
    before = router.ns.generation
    router.restore("*filter\n-A FORWARD -j ACCEPT\nCOMMIT\n")
    assert router.ns.generation > before
    before = router.ns.generation
    router.iptables("-D FORWARD 1")
    assert router.ns.generation > before


def test_masquerade_takes_the_address_of_the_way_out() -> None:
    router = Router()
    router.restore("*nat\n-A POSTROUTING -o b -j MASQUERADE\nCOMMIT\n")
    [(side, l3)] = router.send("a", ports(1, 2))
    assert (side, l3[12:16]) == ("b", bytes((10, 0, 2, 1)))
    [(side, l3)] = router.send("b", udp(B, 2, "10.0.2.1", 1))
    assert (side, l3[16:20]) == ("a", bytes((10, 0, 1, 2)))


def test_redirect_is_for_this_host() -> None:
    router = Router()
    router.restore("*nat\n-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080\nCOMMIT\n*filter\n-A INPUT -d 10.0.1.1 -p tcp --dport 8080\nCOMMIT\n")
    router.send("a", tcp(A, 1, B, 80, "S"))
    assert list(router.counters().values()) == [1]


def test_errors_about_a_connection_are_related_to_it() -> None:
    router = Router()
    router.restore("*filter\n:FORWARD DROP [0:0]\n-A FORWARD -p udp -j ACCEPT\n-A FORWARD -m conntrack --ctstate RELATED -j ACCEPT\nCOMMIT\n")
    question = ports(1, 2)
    assert router.passes(question)
    assert router.passes(error(B, A, question), side="b")
    assert not router.passes(error(B, A, ports(3, 4)), side="b")


def test_a_program_here_is_refused_at_once() -> None:
    """As on the kernel: the first UDP send fails with EPERM, the ICMP error that came of it is waiting behind it; TCP is refused."""
    router = Router()
    router.restore(
        "*filter\n-A OUTPUT -p udp -j REJECT\n-A OUTPUT -p tcp --dport 80 -j REJECT\n-A OUTPUT -p tcp --syn -j REJECT --reject-with tcp-reset\nCOMMIT\n"
    )
    udp_socket = UdpSocket(router.ns)
    udp_socket.connect(ip_int(B), 53)
    with pytest.raises(PermissionError):
        udp_socket.send(b"x")
    router.wait(0.01)
    assert udp_socket.take_error() == ECONNREFUSED
    for port in (80, 81):
        tcp_socket = TcpSocket(router.ns)
        tcp_socket.connect(ip_int(B), port)
        router.wait(0.01)
        assert tcp_socket.error == ECONNREFUSED
    router.ledger.check()
