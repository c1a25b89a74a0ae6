"""Every rule of spellings.txt: read, saved and listed as the real program does, or refused with its status."""

from __future__ import annotations

import pytest

from emu.iproute import iptables
from emu.iproute.iptables import IptablesError
from tests.iproute.iptables.node import Spelling, node, rules, spellings

ACCEPTED = [spelling for spelling in spellings() if not spelling.status]
REFUSED = [spelling for spelling in spellings() if spelling.status]


@pytest.mark.parametrize("spelling", ACCEPTED, ids=lambda spelling: f"{spelling.table} {spelling.written}")
def test_a_rule_is_saved_and_listed_as_iptables_does(spelling: Spelling) -> None:
    ns = node()
    iptables.restore(ns, spelling.document())
    assert rules(ns, spelling.chain, spelling.table) == spelling.saved
    listing = iptables.command(ns, ["-t", spelling.table, "-nL", spelling.chain])
    assert [line.rstrip() for line in listing.splitlines()[2:]] == spelling.listed


@pytest.mark.parametrize("spelling", ACCEPTED, ids=lambda spelling: f"{spelling.table} {spelling.written}")
def test_what_was_saved_reads_back_as_itself_and_is_found_again(spelling: Spelling) -> None:
    for text in spelling.saved:
        ns = node()
        iptables.restore(ns, spelling.document(text))
        assert rules(ns, spelling.chain, spelling.table) == [text]
        iptables.restore(ns, f"*{spelling.table}\n-D {spelling.chain} {text}\nCOMMIT\n", noflush=True)
        assert rules(ns, spelling.chain, spelling.table) == []


@pytest.mark.parametrize("spelling", REFUSED, ids=lambda spelling: f"{spelling.table} {spelling.written}")
def test_a_bad_rule_is_refused_in_one_line_that_names_its_line(spelling: Spelling) -> None:
    ns = node()
    with pytest.raises(IptablesError) as caught:
        iptables.restore(ns, spelling.document())
    assert caught.value.status == spelling.status
    message = str(caught.value)
    assert message.startswith(f"iptables-restore: line {2 if spelling.chain in ('PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING') else 3}")
    assert "\n" not in message
    assert spelling.table not in ns.nf.tables
