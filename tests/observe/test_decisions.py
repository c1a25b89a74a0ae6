"""What netfilter's walk comes down to."""

from __future__ import annotations

import pytest

from emu.observe.decisions import decisions, parse_rule

SERVICES = ("rule", 'nat PREROUTING rule 1: -m comment --comment "kubernetes service portals" -j KUBE-SERVICES')
SVC = ("rule", 'nat KUBE-SERVICES rule 4: -d 10.96.0.7/32 -p tcp -m comment --comment "default/web cluster IP" -m tcp --dport 80 -j KUBE-SVC-X')
SEP = ("rule", 'nat KUBE-SVC-X rule 2: -m comment --comment "default/web -> 10.1.0.3:80" -m statistic --mode random --probability 0.5 -j KUBE-SEP-Y')
DNAT = ("rule", 'nat KUBE-SEP-Y rule 2: -p tcp -m comment --comment "default/web" -m tcp -j DNAT --to-destination 10.1.0.3:80')
MARK = ("rule", "nat KUBE-MARK-MASQ rule 1: -j MARK --set-xmark 0x4000/0x4000")


def rules(*steps: tuple[str, str]) -> list[str]:
    return [text for _, text in decisions(steps)]


def test_the_way_to_a_verdict_is_one_line() -> None:
    told = 'nat PREROUTING 1 → KUBE-SERVICES 4 → KUBE-SVC-X 2 → KUBE-SEP-Y 2: DNAT --to-destination 10.1.0.3:80 "default/web"'
    assert decisions([SERVICES, SVC, SEP, DNAT]) == [("rule", told)]


def test_a_chain_left_without_a_verdict_is_not_on_the_way() -> None:
    firewall = ("rule", "filter FORWARD rule 1: -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL")
    forward = ("rule", "filter FORWARD rule 2: -j KUBE-FORWARD")
    accept = ("rule", "filter KUBE-FORWARD rule 3: -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
    assert rules(firewall, forward, accept) == ["filter FORWARD 2 → KUBE-FORWARD 3: ACCEPT"]
    assert rules(firewall, forward) == []


def test_a_mark_on_the_way_is_told_and_the_way_goes_on() -> None:
    to_mark = ("rule", "nat KUBE-SEP-Y rule 1: -s 10.1.0.3/32 -j KUBE-MARK-MASQ")
    assert rules(SVC, SEP, to_mark, MARK, DNAT) == [
        "nat KUBE-SERVICES 4 → KUBE-SVC-X 2 → KUBE-SEP-Y 1 → KUBE-MARK-MASQ 1: MARK --set-xmark 0x4000/0x4000",
        'nat KUBE-SERVICES 4 → KUBE-SVC-X 2 → KUBE-SEP-Y 2: DNAT --to-destination 10.1.0.3:80 "default/web"',
    ]


def test_chains_of_other_tables_are_other_chains() -> None:
    mangle = ("rule", "mangle PREROUTING rule 1: -j KUBE-SERVICES")
    assert rules(mangle, ("rule", "nat KUBE-SERVICES rule 4: -j ACCEPT")) == ["nat KUBE-SERVICES 4: ACCEPT"]


def test_return_is_the_end_of_a_chain_and_nothing_to_tell() -> None:
    assert rules(("rule", "nat KUBE-POSTROUTING rule 1: -m mark ! --mark 0x4000/0x4000 -j RETURN")) == []


@pytest.mark.parametrize("verdict", ["DROP", "REJECT --reject-with icmp-port-unreachable", "ACCEPT", "MASQUERADE --random-fully", "REDIRECT --to-ports 15001"])
def test_no_verdict_is_ever_hidden(verdict: str) -> None:
    assert rules(("rule", f"filter INPUT rule 7: -j {verdict}")) == [f"filter INPUT 7: {verdict}"]


def test_a_drop_is_told_next_to_the_rule() -> None:
    drop = ("dropped", "dropped: NETFILTER_DROP, filter INPUT rule 7")
    assert decisions([("rule", "filter INPUT rule 7: -j DROP"), drop]) == [("rule", "filter INPUT 7: DROP"), drop]


def test_a_drop_does_not_quote_the_rule_that_was_just_told() -> None:
    reject = 'filter INPUT rule 7: -p tcp -m comment --comment "no endpoints" -j REJECT --reject-with icmp-port-unreachable'
    steps = [("rule", reject), ("icmp", "port unreachable → 10.0.0.1"), ("dropped", f"dropped: NETFILTER_DROP, {reject}")]
    assert rules(*steps) == [
        'filter INPUT 7: REJECT --reject-with icmp-port-unreachable "no endpoints"', "port unreachable → 10.0.0.1", "dropped: NETFILTER_DROP, filter INPUT 7"
    ]  # fmt: skip
    other = ("dropped", "dropped: NETFILTER_DROP, filter INPUT rule 8: -j DROP")
    assert decisions([steps[0], other])[1] == other


def test_what_is_said_twice_is_told_once() -> None:
    learned = ("learn", "cbr0 learned a MAC")
    assert decisions([learned, ("route", "x"), learned]) == [learned, ("route", "x")]


def test_a_target_in_a_comment_is_no_target() -> None:
    rule = parse_rule('filter INPUT rule 1: -m comment --comment "say -j DROP \\"twice\\"" -j ACCEPT')
    assert rule is not None
    assert (rule.target, rule.comment) == ("ACCEPT", '"say -j DROP \\"twice\\""')


def test_a_rule_without_target_only_counts() -> None:
    rule = parse_rule("filter INPUT rule 1: -s 10.0.0.1/32")
    assert rule is not None
    assert (rule.target, rule.jumps, rules(("rule", "filter INPUT rule 1: -s 10.0.0.1/32"))) == ("", False, [])


def test_a_text_in_another_form_stays_as_it_is() -> None:
    assert rules(("rule", "some policy: DROP")) == ["some policy: DROP"]
