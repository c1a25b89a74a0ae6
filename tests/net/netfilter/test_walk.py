"""The walk through chains: the index finds exactly what a walk from top to bottom would, in its order, with its counters."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from emu.iproute import iptables
from emu.net.ip_header import parse
from emu.net.netfilter import Netfilter, get
from emu.net.netfilter import chain as chain_module
from emu.net.netfilter.rule import ACCEPT, DROP
from emu.net.netfilter.walk import run_chain
from emu.net.skb import Skb
from tests.iproute.iptables.node import node
from tests.net.conntrack.packets import echo, tcp, udp

ADDRESSES = ("10.0.0.1", "10.0.0.2", "10.0.0.3")
PORTS = (0, 53, 80, 81, 2048)
CONDITIONS = st.sampled_from(
    [
        "", "-p tcp", "! -d 10.0.0.1", "-d 10.0.0.0/30", "-s 10.0.0.2", "-m recent --name r --set", "-m recent --name r --rcheck",
        "-m statistic --mode nth --every 2 --packet 0", "-p udp -m recent --name q --set -m udp --dport 80", "-p udp ! --dport 80", "-p tcp --dport 80:81",
        *(f"-d {address}" for address in ADDRESSES), *(f"-d {address} -p udp --dport {port}" for address in ADDRESSES for port in PORTS),
        *(f"-p udp -m udp --dport {port}" for port in PORTS), *(f"-s {address} -p tcp -m tcp --dport {port}" for address in ADDRESSES for port in PORTS),
    ]
)  # fmt: skip
TARGETS = st.sampled_from(["", "-j ACCEPT", "-j DROP", "-j RETURN", "-j ONE", "-j TWO", "-g TWO", "-j MARK --or-mark 1"])
RULES = st.lists(st.tuples(st.sampled_from(["INPUT", "ONE", "TWO"]), CONDITIONS, TARGETS), min_size=10, max_size=60)
PACKETS = [
    *(udp(src, 9, dst, port) for src in ADDRESSES[:2] for dst in ADDRESSES for port in PORTS),
    *(tcp(src, 9, dst, port, "S") for src in ADDRESSES[1:] for dst in ADDRESSES[:2] for port in PORTS),
    *(echo(ADDRESSES[0], dst, 80) for dst in ADDRESSES),
]  # fmt: skip


def skb_of(l3: bytes) -> Skb:
    skb = Skb(1, 0x0800, l3)
    assert parse(skb) is None
    return skb


def verdicts(nf: Netfilter) -> list[tuple[int, int]]:
    table = nf.tables["filter"]
    out = []
    for packet in PACKETS:
        skb = skb_of(packet)
        out.append((run_chain(nf, table, table.chain("INPUT"), skb, None, None), skb.mark))
    return out


@settings(max_examples=60)
@given(RULES)
def test_the_index_changes_nothing(rules: list[tuple[str, str, str]]) -> None:
    lines = []
    for chain, condition, target in rules:
        allowed = {"INPUT": ("ONE", "TWO"), "ONE": ("TWO",), "TWO": ()}[chain]
        name = target.rpartition(" ")[2]
        lines.append(f"-A {chain} {condition} {target if name not in ('ONE', 'TWO') or name in allowed else ''}")
    text = "*filter\n:INPUT DROP [0:0]\n:ONE - [0:0]\n:TWO - [0:0]\n" + "\n".join(lines) + "\nCOMMIT\n"
    outcomes = []
    for index_from in (2, 1 << 30):
        chain_module.INDEX_FROM, before = index_from, chain_module.INDEX_FROM
        try:
            ns = node()
            # A line of its own keeps both worlds from sharing chains, which are compiled at their first packet.
            iptables.restore(ns, text + f"# {index_from}\n")
            seen = verdicts(get(ns))
            outcomes.append((seen, iptables.save(ns, counters=True), {name: list(table.entries) for name, table in ns.nf.recent.items()}))
        finally:
            chain_module.INDEX_FROM = before
    assert outcomes[0] == outcomes[1]


def test_ten_thousand_services_are_not_walked() -> None:
    ns = node()
    rules = [f"-A INPUT -d 10.{n >> 8}.{n & 255}.1 -p udp --dport 53 -j ACCEPT" for n in range(10_000)]
    iptables.restore(ns, "\n".join(["*filter", ":INPUT DROP [0:0]", *rules, "-A INPUT -s 1.2.3.4 -j ACCEPT", "COMMIT", ""]))
    nf = get(ns)
    table = nf.tables["filter"]
    chain = table.chain("INPUT")
    assert [entry[3] for entry in chain.entries(skb_of(udp("9.9.9.9", 1, "10.3.5.1", 53)))] == [3 * 256 + 5, 10_000]
    assert [entry[3] for entry in chain.entries(skb_of(udp("9.9.9.9", 1, "10.3.5.2", 53)))] == [10_000]
    assert run_chain(nf, table, chain, skb_of(udp("9.9.9.9", 1, "10.3.5.1", 53)), None, None) == ACCEPT
    assert run_chain(nf, table, chain, skb_of(udp("9.9.9.9", 1, "10.3.5.1", 54)), None, None) == DROP
    assert nf.where == ("INPUT", -1)
    assert table.counters["INPUT"][3 * 256 + 5] == [1, 32]


def test_node_ports_are_found_by_port() -> None:
    ns = node()
    rules = [f"-A INPUT -p {proto} -m {proto} --dport {30000 + n}" for n in range(50) for proto in ("tcp", "udp")]
    iptables.restore(ns, "\n".join(["*filter", *rules, "COMMIT", ""]))
    chain = get(ns).tables["filter"].chain("INPUT")
    assert [entry[3] for entry in chain.entries(skb_of(udp("9.9.9.9", 1, "10.3.5.1", 30003)))] == [6, 7]
    assert chain.entries(skb_of(udp("9.9.9.9", 1, "10.3.5.1", 53))) == []


def test_a_rule_with_side_effects_before_its_port_is_never_left_out() -> None:
    ns = node()
    rules = [f"-A INPUT -p udp -m recent --name r --set -m udp --dport {port}" for port in range(1, 30)]
    iptables.restore(ns, "\n".join(["*filter", *rules, "COMMIT", ""]))
    chain = get(ns).tables["filter"].chain("INPUT")
    assert len(chain.entries(skb_of(udp("9.9.9.9", 1, "10.3.5.1", 5)))) == 29


def test_a_trail_collects_what_counted() -> None:
    ns = node()
    iptables.restore(ns, "*filter\n:INPUT ACCEPT [0:0]\n:X - [0:0]\n-A INPUT -p tcp\n-A INPUT -p udp -j X\n-A X\nCOMMIT\n")
    nf = get(ns)
    nf.trail = []
    table = nf.tables["filter"]
    run_chain(nf, table, table.chain("INPUT"), skb_of(udp("9.9.9.9", 1, "10.3.5.1", 5)), None, None)
    assert nf.trail == [table.counters["INPUT"][1], table.counters["X"][0], table.counters["INPUT"][-1]]
    assert all(counter == [1, 32] for counter in nf.trail)
    iptables.command(ns, ["-Z"])
    for counter in nf.trail:
        counter[0] += 1  # as a cached flow does
    assert [table.counter("INPUT", 1), table.counter("X", 0), table.counter("INPUT", -1)] == [(1, 0)] * 3
