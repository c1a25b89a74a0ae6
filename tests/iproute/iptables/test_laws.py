"""Laws of the text: what was saved reads back as itself, and every way to the same rules ends in the same rules."""

from __future__ import annotations

import random
import shlex

from hypothesis import given, settings
from hypothesis import strategies as st

from emu.iproute import iptables
from emu.iproute.iptables import IptablesError
from emu.iproute.iptables.lexer import quote, split
from tests.iproute.iptables.node import node, saved
from tests.iproute.iptables.rulesets import ruleset

CHAINS = ("INPUT", "X", "Y", "Z")
RULES = ("-p tcp --dport 80 -j ACCEPT", "-s 10.0.0.0/8", "-m limit -j DROP", "-m comment --comment hi", "-j X", "-j Y", "-g Z", "-m recent --set", "-p udp")


@settings(max_examples=60)
@given(st.integers(0, 1 << 32))
def test_the_save_of_a_restore_is_the_restore(seed: int) -> None:
    ns = node()
    try:
        iptables.restore(ns, ruleset(random.Random(seed)), counters=True)
    except IptablesError as error:
        assert error.status == 4, error  # a rule where the kernel does not want it
        return
    text = iptables.save(ns, counters=True)
    again = node()
    iptables.restore(again, text, counters=True)
    assert iptables.save(again, counters=True) == text
    iptables.restore(again, text, noflush=True, counters=True)  # user chains are emptied and filled, those of the system filled twice
    assert {line for line in saved(again) if line[0] == ":"} == {line for line in saved(ns) if line[0] == ":"}


@given(st.text(st.characters(blacklist_characters="\n", blacklist_categories=("Cs",)), max_size=60))
def test_any_comment_comes_back(comment: str) -> None:
    ns = node()
    line = f'-A INPUT -m comment --comment {quote(comment)} -j ACCEPT'
    assert split(line)[5] == comment
    iptables.restore(ns, f"*filter\n{line}\nCOMMIT\n")
    assert saved(ns, "filter")[-2] == line


EDITS = st.one_of(
    st.tuples(st.sampled_from("AI"), st.sampled_from(CHAINS), st.sampled_from(RULES)).map(lambda t: f"-{t[0]} {t[1]} {t[2]}"),
    st.tuples(st.sampled_from(CHAINS), st.integers(1, 4), st.sampled_from(RULES)).map(lambda t: f"-I {t[0]} {t[1]} {t[2]}"),
    st.tuples(st.sampled_from(CHAINS), st.integers(1, 3), st.sampled_from(RULES)).map(lambda t: f"-R {t[0]} {t[1]} {t[2]}"),
    st.tuples(st.sampled_from(CHAINS), st.sampled_from(RULES)).map(lambda t: f"-D {t[0]} {t[1]}"),
    st.tuples(st.sampled_from(CHAINS), st.integers(1, 3)).map(lambda t: f"-D {t[0]} {t[1]}"),
    st.tuples(st.sampled_from("FXN"), st.sampled_from(CHAINS)).map(lambda t: f"-{t[0]} {t[1]}"),
)
START = "*filter\n:X - [0:0]\n:Y - [0:0]\n[1:1] -A INPUT -j X\n[2:2] -A X -p udp\n[3:3] -A X -s 10.0.0.0/8\n[4:4] -A Y -m limit -j DROP\nCOMMIT\n"


@settings(max_examples=150)
@given(st.lists(EDITS, max_size=12))
def test_a_text_of_edits_does_what_the_commands_do_one_by_one(edits: list[str]) -> None:
    one_by_one = node()
    iptables.restore(one_by_one, START, counters=True)
    fine = []
    for edit in edits:
        before = iptables.save(one_by_one, counters=True)
        try:
            iptables.command(one_by_one, shlex.split(edit))
            fine.append(edit)
        except IptablesError as error:
            assert "\n" not in str(error)
            assert iptables.save(one_by_one, counters=True) == before
    at_once = node()
    iptables.restore(at_once, START, counters=True)
    iptables.restore(at_once, "*filter\n" + "\n".join(fine) + "\nCOMMIT\n", noflush=True)
    assert iptables.save(at_once, counters=True) == iptables.save(one_by_one, counters=True)


@settings(max_examples=150)
@given(st.lists(st.sampled_from(CHAINS[1:]), unique=True), st.lists(st.tuples(st.sampled_from(CHAINS), st.sampled_from(RULES)), max_size=10))
def test_declared_chains_come_out_as_if_made_by_edits(declared: list[str], rules: list[tuple[str, str]]) -> None:
    """A text that declares its chains is done in one step and shared; the same with -F and -N goes line by line on top of the table."""
    shared, edited = node(), node()
    for ns in (shared, edited):
        iptables.restore(ns, START, counters=True)
    appended = [f"-A {chain} {rule}" for chain, rule in rules]
    outcomes = []
    for ns, head in ((shared, [f":{name} - [0:0]" for name in declared]), (edited, [f"-{'N' if name == 'Z' else 'F'} {name}" for name in declared])):
        try:
            iptables.restore(ns, "\n".join(["*filter", *head, *appended, "COMMIT", ""]), noflush=True)
            outcomes.append("")
        except IptablesError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]
    if not outcomes[0]:
        assert iptables.save(shared) == iptables.save(edited)


@given(st.text(max_size=200))
def test_no_text_breaks_the_parser(text: str) -> None:
    for document in (text, f"*filter\n{text}\nCOMMIT\n", f"*filter\n-A INPUT {text}\nCOMMIT\n", f"*filter\n:X - [0:0]\n-A X -p tcp -m tcp {text}\nCOMMIT\n"):
        try:
            iptables.restore(node(), document)
        except IptablesError as error:
            assert str(error)


WORDS = st.sampled_from(
    (
        "-p tcp udp 6 ! -m mark --mark 0x1/0xff conntrack --ctstate NEW recent --set --name -j DNAT --to-destination 1.2.3.4:80 limit --limit 5/s "
        "-s 1.2.3.4/24 , : - --dport 80:90 multiport --dports 1,2 statistic --mode random --probability 0.5 nth --every --packet 3 addrtype --dst-type "
        "LOCAL -A -t -c icmp --icmp-type any"
    ).split()
)


@settings(max_examples=300)
@given(st.lists(WORDS, max_size=10))
def test_no_words_break_the_parser(words: list[str]) -> None:
    for table, chain in (("filter", "INPUT"), ("nat", "PREROUTING")):
        ns = node()
        try:
            iptables.command(ns, ["-t", table, "-A", chain, *words])
        except IptablesError as error:
            assert "\n" not in str(error)
            continue
        text = iptables.save(ns)
        again = node()
        iptables.restore(again, text)
        assert iptables.save(again) == text
