"""The iptables command: edits, listings, and errors with iptables' own words and status."""

from __future__ import annotations

import shlex

import pytest

from emu.iproute import iptables
from emu.iproute.iptables import IptablesError
from emu.net.netns import Namespace
from tests.iproute.iptables.node import node, rules, saved


def run(ns: Namespace, line: str) -> str:
    return iptables.command(ns, shlex.split(line))


@pytest.fixture
def ns() -> Namespace:
    made = node()
    iptables.restore(
        made,
        """*filter
:FORWARD DROP [12345678:123456789012]
:KUBE-A - [0:0]
:LONGCHAINNAME-1234567890-AB - [0:0]
[3:4] -A FORWARD -j KUBE-A
[123456:1234567890] -A FORWARD -g LONGCHAINNAME-1234567890-AB
[99999:100000] -A KUBE-A -s 10.0.0.0/8 ! -d 1.2.3.4 -p tcp -i eth0 ! -o veth+ -m conntrack --ctstate RELATED,ESTABLISHED -j REJECT
[100001:9999999] -A KUBE-A -p udp -m udp --dport 53 -f -j LOG --log-prefix "x "
[10000000:99999999999] -A KUBE-A ! -f ! -p tcp -s 10.0.0.0/255.0.255.0
COMMIT
""",
        counters=True,
    )
    return made


# Recorded from iptables 1.8.9 (nf_tables) on the same rules; $ ends a line, since many end in blanks (cat -e).
PLAIN = """\
Chain INPUT (policy ACCEPT)$
target     prot opt source               destination         $
$
Chain FORWARD (policy DROP)$
target     prot opt source               destination         $
KUBE-A     all  --  anywhere             anywhere            $
LONGCHAINNAME-1234567890-AB  all  --  anywhere             anywhere            [goto] $
$
Chain OUTPUT (policy ACCEPT)$
target     prot opt source               destination         $
$
Chain KUBE-A (1 references)$
target     prot opt source               destination         $
REJECT     tcp  --  10.0.0.0/8          !1.2.3.4              ctstate RELATED,ESTABLISHED reject-with icmp-port-unreachable$
LOG        udp  -f  anywhere             anywhere             udp dpt:domain LOG level warn prefix "x "$
          !tcp  !f  10.0.0.0/255.0.255.0  anywhere            $
$
Chain LONGCHAINNAME-1234567890-AB (1 references)$
target     prot opt source               destination         $
"""

VERBOSE = """\
Chain KUBE-A (1 references)$
num   pkts bytes target     prot opt in     out     source               destination         $
1    99999  100K REJECT     6    --  eth0   !veth+  10.0.0.0/8          !1.2.3.4              \
ctstate RELATED,ESTABLISHED reject-with icmp-port-unreachable$
2     100K   10M LOG        17   -f  *      *       0.0.0.0/0            0.0.0.0/0            udp dpt:53 LOG flags 0 level 4 prefix "x "$
3      10M  100G           !6    !f  *      *       10.0.0.0/255.0.255.0  0.0.0.0/0           $
"""

EXACT = """\
Chain FORWARD (policy DROP 12345678 packets, 123456789012 bytes)$
    pkts      bytes target     prot opt in     out     source               destination         $
       3        4 KUBE-A     all  --  any    any     anywhere             anywhere            $
  123456 1234567890 LONGCHAINNAME-1234567890-AB  all  --  any    any     anywhere             anywhere            [goto] $
"""

COMMANDS = [
    "-N KUBE-A",
    "-A KUBE-A -s 10.0.0.0/8 ! -d 1.2.3.4/32 -i eth0 ! -o veth+ -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -c 99999 100000 "
    "-j REJECT --reject-with icmp-port-unreachable",
    '-A KUBE-A -p udp -f -m udp --dport 53 -c 100001 9999999 -j LOG --log-prefix "x "',
    "-A KUBE-A -s 10.0.0.0/255.0.255.0 ! -p tcp ! -f -c 10000000 99999999999",
]


def test_listings_are_what_linux_prints(ns: Namespace) -> None:
    for line, text in (("-L", PLAIN), ("-L KUBE-A -n -v --line-numbers", VERBOSE), ("-vxL FORWARD", EXACT)):
        assert run(ns, line).replace("\n", "$\n") == text
    assert run(ns, "-nvL FORWARD").splitlines()[0] == "Chain FORWARD (policy DROP 12M packets, 123G bytes)"
    assert run(ns, "-nL KUBE-A 2") == 'LOG        17   -f  0.0.0.0/0            0.0.0.0/0            udp dpt:53 LOG flags 0 level 4 prefix "x "\n'
    assert run(ns, "-nL KUBE-A 99") == ""


def test_rules_are_listed_as_commands(ns: Namespace) -> None:
    assert run(ns, "-vS KUBE-A").splitlines() == COMMANDS
    assert run(ns, "-S").splitlines()[:6] == [
        "-P INPUT ACCEPT", "-P FORWARD DROP", "-P OUTPUT ACCEPT", "-N KUBE-A", "-N LONGCHAINNAME-1234567890-AB", "-A FORWARD -j KUBE-A"
    ]  # fmt: skip
    assert run(ns, "-S KUBE-A 2") == '-A KUBE-A -p udp -f -m udp --dport 53 -j LOG --log-prefix "x "\n'
    assert run(ns, "-vS FORWARD").splitlines()[0] == "-P FORWARD DROP -c 12345678 123456789012"


def test_every_edit() -> None:
    ns = node()
    for line in (
        "-N X", "-A X -p tcp -j ACCEPT", "-I X -p udp", "-I X 2 -p icmp", "-R X 1 -p 50", "-A INPUT -j X", "-P FORWARD DROP",
        "-t nat -A POSTROUTING -j MASQUERADE", "-tnat -A POSTROUTING -o eth0 -j ACCEPT", "-D X -p icmp", "-w -A X -s 1.2.3.4,5.6.7.8", "-w 5 -D X 3",
        "-E X Y", "-C Y -p tcp -j ACCEPT", '-A Y -m comment --comment "-n is a comment"',
    ):  # fmt: skip
        assert run(ns, line) == ""
    assert saved(ns, "filter")[4:] == [
        ":Y - [0:0]", "-A INPUT -j Y", "-A Y -p esp", "-A Y -p tcp -j ACCEPT", "-A Y -s 5.6.7.8/32", '-A Y -m comment --comment "-n is a comment"', "COMMIT",
    ]  # fmt: skip
    assert rules(ns, "POSTROUTING", "nat") == ["-j MASQUERADE", "-o eth0 -j ACCEPT"]
    run(ns, "-F")
    run(ns, "-X Y")
    assert saved(ns, "filter") == ["*filter", ":INPUT ACCEPT [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]", "COMMIT"]


def test_verbose_says_what_was_done() -> None:
    ns = node()
    assert run(ns, "-v -A INPUT -p tcp --dport 80 -j DROP") == "DROP  tcp opt -- in * out *  0.0.0.0/0  -> 0.0.0.0/0   tcp dpt:80\n"
    assert run(ns, "-v -A INPUT -s 1.2.3.4,5.6.7.8 -j ACCEPT").splitlines() == [
        "ACCEPT  all opt -- in * out *  1.2.3.4  -> 0.0.0.0/0  ", "ACCEPT  all opt -- in * out *  5.6.7.8  -> 0.0.0.0/0  "
    ]  # fmt: skip
    run(ns, "-N Y")
    assert run(ns, "-v -F").splitlines() == ["Flushing chain `INPUT'", "Flushing chain `FORWARD'", "Flushing chain `OUTPUT'", "Flushing chain `Y'"]
    assert run(ns, "-vZ").splitlines() == ["Zeroing chain `INPUT'", "Zeroing chain `FORWARD'", "Zeroing chain `OUTPUT'", "Zeroing chain `Y'"]
    assert run(ns, "-v -X Y") == "Deleting chain `Y'\n"
    assert run(ns, "-V") == "iptables v1.8.9 (nf_tables)\n"


def test_counters_go_to_zero(ns: Namespace) -> None:
    run(ns, "-Z KUBE-A 1")
    assert [line.split()[0] for line in saved(ns, counters=True) if "-A KUBE-A" in line] == ["[0:0]", "[100001:9999999]", "[10000000:99999999999]"]
    run(ns, "-Z FORWARD")
    assert ":FORWARD DROP [0:0]" in saved(ns, counters=True)
    shown = run(ns, "-nvL KUBE-A -Z")
    assert "100K" in shown
    assert all(line.startswith("[0:0]") for line in saved(ns, counters=True) if line.startswith("["))


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        ("", 2, "iptables v1.8.9 (nf_tables): no command specified"),
        ("-Q", 2, 'iptables v1.8.9 (nf_tables): unknown option "-Q"'),
        ("-t foo -L", 3, "iptables v1.8.9 (nf_tables): table 'foo' does not exist"),
        ("-t", 2, 'iptables v1.8.9 (nf_tables): option "-t" requires an argument'),
        ("-A", 2, 'iptables v1.8.9 (nf_tables): option "-A" requires an argument'),
        ("-A INPUT -A OUTPUT", 2, "iptables v1.8.9 (nf_tables): Cannot use -A with -A"),
        ("-A INPUT -j NOPE", 2, "iptables v1.8.9 (nf_tables): Chain 'NOPE' does not exist"),
        ("-A NOPE -j ACCEPT", 1, "iptables: No chain/target/match by that name."),
        ("-D INPUT 9", 1, "iptables: Index of deletion too big."),
        ("-R INPUT 9 -j DROP", 1, "iptables: Index of replacement too big."),
        ("-I INPUT 9 -j DROP", 1, "iptables: Index of insertion too big."),
        ("-I INPUT 0 -j DROP", 2, "iptables v1.8.9 (nf_tables): Invalid rule number `0'"),
        ("-C INPUT -p sctp", 1, "iptables: Bad rule (does a matching rule exist in that chain?)."),
        ("-D INPUT", 1, "iptables: Bad rule (does a matching rule exist in that chain?)."),
        ("-N KUBE-A", 1, "iptables: Chain already exists."),
        ("-X KUBE-A", 4, "iptables v1.8.9 (nf_tables): CHAIN_DEL failed (Device or resource busy): chain KUBE-A"),
        ("-E KUBE-A LONGCHAINNAME-1234567890-AB", 1, "iptables: File exists."),
        ("-P KUBE-A DROP", 1, "iptables: Bad built-in chain name."),
        ("-P INPUT FOO", 1, "iptables: Bad policy name."),
        ("-P INPUT", 2, "iptables v1.8.9 (nf_tables): -P requires a chain and a policy"),
        ("-F NOPE", 1, "iptables: No chain/target/match by that name."),
        ("-Z NOPE", 1, "iptables: No chain/target/match by that name."),
        ("-S NOPE", 1, "iptables v1.8.9 (nf_tables): chain `NOPE' in table `filter' is incompatible, use 'nft' tool."),
        ("-L X Y", 2, "iptables v1.8.9 (nf_tables): Bad argument `Y'"),
        ("-C INPUT 1", 2, "iptables v1.8.9 (nf_tables): Bad argument `1'"),
        ("-A INPUT -n", 2, "iptables v1.8.9 (nf_tables): Illegal option `-n' with this command"),
        ("-A OUTPUT -i lo", 2, "iptables v1.8.9 (nf_tables): Can't use -i with OUTPUT"),
        ("-A INPUT -m comment --comment", 2, 'iptables v1.8.9 (nf_tables): option "--comment" requires an argument'),
        ("-A FORWARD -j MASQUERADE", 4, "RULE_APPEND failed (Invalid argument)"),
        ("-A KUBE-A -j KUBE-A", 4, "Too many links"),
    ],
)
def test_errors_have_iptables_words_and_status(ns: Namespace, line: str, status: int, message: str) -> None:
    before = iptables.save(ns, counters=True)
    with pytest.raises(IptablesError) as caught:
        run(ns, line)
    assert message in str(caught.value)
    assert caught.value.status == status
    assert iptables.save(ns, counters=True) == before


def test_changes_count_for_caches_and_listings_do_not(ns: Namespace) -> None:
    before = ns.generation
    run(ns, "-L")
    run(ns, "-C FORWARD -j KUBE-A")
    assert ns.generation == before
    run(ns, "-A INPUT -j ACCEPT")
    assert ns.generation == before + 1


def test_a_renamed_chain_is_still_jumped_to(ns: Namespace) -> None:
    run(ns, "-E KUBE-A NEW")
    assert rules(ns, "FORWARD") == ["-j NEW", "-g LONGCHAINNAME-1234567890-AB"]
    assert "[99999:100000] -A NEW" in iptables.save(ns, counters=True)


def test_nodes_that_are_given_the_same_commands_share_their_tables() -> None:
    nodes = [node(f"node{number}") for number in range(3)]
    for ns in nodes:
        for line in ("-N X", "-A X -p tcp -j ACCEPT", "-I INPUT -j X", "-A OUTPUT -m limit", "-A OUTPUT -j X"):
            run(ns, line)
    first, second, third = (ns.nf.tables["filter"].content for ns in nodes)
    assert first.get("INPUT") is second.get("INPUT") is third.get("INPUT")
    assert first.get("OUTPUT") is not second.get("OUTPUT")  # -m limit counts for itself
    assert saved(nodes[0]) == saved(nodes[1]) == saved(nodes[2])


def test_zeroing_makes_a_policy_count() -> None:
    ns = node()
    run(ns, "-A INPUT -s 10.9.9.9 -j DROP")
    assert not ns.nf.tables["filter"].chain("INPUT").counted
    run(ns, "-Z")
    assert ns.nf.tables["filter"].chain("INPUT").counted


def test_deleting_all_chains_takes_the_built_in_ones_that_say_nothing_too() -> None:
    ns = node()
    run(ns, "-P INPUT ACCEPT")
    run(ns, "-P OUTPUT DROP")
    run(ns, "-N MINE")
    assert run(ns, "-v -X") == "Deleting chain `MINE'\n"
    assert run(ns, "-v -Z") == "Zeroing chain `OUTPUT'\n"
    assert run(ns, "-S") == "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT DROP\n"
    with pytest.raises(IptablesError, match="Directory not empty") as caught:
        run(ns, "-X OUTPUT")
    assert caught.value.status == 1


def test_two_matches_of_a_protocol_are_one_unless_one_says_nothing() -> None:
    ns = node()
    run(ns, "-A INPUT -p udp -m udp --dport 53 -m udp --sport 7")
    run(ns, "-A INPUT -p tcp ! --dport 53 -m tcp")
    assert run(ns, "-S INPUT").splitlines()[1:] == ["-A INPUT -p udp -m udp --sport 7 --dport 53", "-A INPUT -p tcp -m tcp ! --dport 53 -m tcp"]


def test_nat_does_not_drop() -> None:
    ns = node()
    for line in ("-t nat -A POSTROUTING -j DROP", "-t nat -P PREROUTING DROP"):
        with pytest.raises(IptablesError, match="not intended for filtering") as caught:
            run(ns, line)
        assert caught.value.status == 2
