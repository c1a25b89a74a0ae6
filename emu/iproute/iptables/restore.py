"""iptables-restore: a text takes effect table by table, each whole or not at all.

The outcome of a section depends on what the table held only as far as the section does not declare its chains itself. What it declares
becomes one layer that all namespaces share; the rest is done on top of each. For a table in the same state the outcome is looked up.
"""

from __future__ import annotations

import gc

from emu.iproute.iptables.document import Line, Section, document
from emu.iproute.iptables.errors import IptablesError, refused
from emu.net.netfilter import get
from emu.net.netfilter.chain import Chain
from emu.net.netfilter.check import Busy, Misplaced, MissingChain
from emu.net.netfilter.edit import Change, Counters, Edit
from emu.net.netfilter.rule import Rule
from emu.net.netfilter.table import BUILTIN, EMPTY, Content, SharedLayer
from emu.net.netns import Namespace, NetError
from emu.trace.points import COMMAND

MEMO = 64
PAUSE_FROM = 200_000  # characters


class Plan:
    """What a section does to any table that is not flushed first. `layer`: chains that it declares, whole. `rest`: edits of other chains."""

    __slots__ = ("counters", "layer", "removed", "rest", "wanted")

    def __init__(self) -> None:
        self.layer = SharedLayer()
        self.counters: dict[str, Counters] = {}
        self.removed: list[str] = []
        self.wanted: tuple[str, ...] = ()
        self.rest: list[tuple[int, Line]] = []


def restore(ns: Namespace, text: str, noflush: bool = False, counters: bool = False) -> None:
    """Load an iptables-restore text. `noflush`: keep what the text does not mention. `counters`: take the counters of the text.

    Raises IptablesError; the tables committed before the line it names stay.
    """
    collecting = len(text) > PAUSE_FROM and gc.isenabled()
    if collecting:
        # Tens of thousands of objects are made now and all of them stay: the cycle collector would walk through them again and again.
        gc.disable()
    try:
        _restore(ns, text, noflush, counters)
    finally:
        if collecting:
            gc.enable()
    if ns.tp.journal:
        flags = (" --noflush" if noflush else "") + (" --counters" if counters else "")
        ns.tp.on_journal(COMMAND, ns.name, f"iptables-restore{flags}", text)


def _restore(ns: Namespace, text: str, noflush: bool, counters: bool) -> None:
    parsed = document(text)
    nf = get(ns)
    for section in parsed.sections:
        table = nf.tables.get(section.table)
        if not section.lines and table is None:
            continue
        content = table.content if table is not None and noflush else EMPTY
        change = _change(section, content, noflush, counters)
        if not noflush and table is not None:
            table.counters.clear()
        nf.apply(section.table, change, section.needs_ct)
        for line in section.zeroes:
            nf.tables[section.table].zero(line.chain or None, line.index)
    if parsed.error is not None:
        raise parsed.error.placed("")


def _change(section: Section, content: Content, noflush: bool, counters: bool) -> Change:
    """The change that the section makes to `content`, from memory if it was made before."""
    key = (content, noflush, counters)
    found = section.memo.get(key)
    if found is not None:
        known: Change = found
        return known
    edit = Edit(section.table, content)
    if noflush:
        plan = section.plans.get(counters)
        if plan is None:
            plan = section.plans[counters] = _plan(section, counters)
        if plan.layer:
            edit.lay(plan.layer, plan.wanted, plan.removed)
        _run(edit, plan.rest, counters)
    else:
        _run(edit, section.lines, counters)
        plan = None
    change = _commit(edit, section)
    if plan is not None:
        for name, values in plan.counters.items():
            change.counters.setdefault(name, values)
    if not section.counting:
        if len(section.memo) >= MEMO:
            section.memo.clear()
        section.memo[key] = change
    return change


def _plan(section: Section, counters: bool) -> Plan:
    """Split a section: chains that it declares before anything else about them do not depend on what was there."""
    plan = Plan()
    name = section.table
    own: dict[str, list[Rule] | None] = {}
    others: dict[str, None] = dict.fromkeys(BUILTIN[name])
    for entry in section.lines:
        line = entry[1]
        chain, what = line.chain, line.what
        mine = own.get(chain)
        if what == "A" and mine is not None:
            if line.tables is not None and name not in line.tables:
                plan.rest = section.lines  # an error; found again where all edits are done in order
                return plan
            values = line.own_counters or (line.counters if counters else None)
            if values is not None and values != (0, 0):
                plan.counters.setdefault(chain, {}).update({len(mine) + index: values for index in range(len(line.rules))})
            mine += line.rules
        elif what == ":" and chain not in others and line.argument == "-":
            own[chain] = []
            plan.counters.pop(chain, None)
        elif what == "X" and mine is not None and not mine:
            own[chain] = None
        elif chain in own or not chain or what == "E" or section.counting:
            plan.rest = section.lines
            plan.counters.clear()
            return plan
        else:
            others[chain] = None
            plan.rest.append(entry)
    jumps: dict[str, None] = {}
    for chain, rules in own.items():
        if rules is None:
            plan.layer[chain] = None
            plan.removed.append(chain)
        else:
            plan.layer[chain] = made = Chain(chain, tuple(rules))
            jumps.update(dict.fromkeys(made.jumps))
    plan.wanted = tuple(jump for jump in jumps if plan.layer.get(jump) is None)
    return plan


def _run(edit: Edit, lines: list[tuple[int, Line]], counters: bool) -> None:
    """Do the edits in order."""
    for at, line in lines:
        try:
            apply_line(edit, line, counters)
        except NetError as error:
            raise refused(error, f"iptables-restore: line {at} failed: ", at) from None


def apply_line(edit: Edit, line: Line, counters: bool) -> None:
    """One edit."""
    what, chain = line.what, line.chain
    values = line.own_counters or (line.counters if counters else None)
    if what == "A":
        for rule in line.rules:
            edit.insert(chain, None, rule, values)
    elif what == ":":
        if chain in BUILTIN[edit.table]:
            if line.argument != "-":
                edit.set_policy(chain, line.argument, values)
        else:
            if line.argument != "-":
                raise NetError(22, "Bad policy name.")
            if edit.exists(chain):
                edit.flush(chain)
            else:
                edit.new_chain(chain)
    elif what == "I":
        for rule in reversed(line.rules):
            edit.insert(chain, line.index, rule, values)
    elif what == "D":
        if line.index is not None:
            edit.delete(chain, line.index)
        else:
            for rule in line.rules:
                edit.delete(chain, edit.find(chain, rule))
    elif what == "R":
        edit.replace(chain, line.index or 0, line.rules[0], values)
    elif what == "N":
        edit.new_chain(chain)
    elif what == "X":
        if chain:
            edit.delete_chain(chain)
        else:
            edit.delete_all_chains()
    elif what == "F":
        for name in [chain] if chain else edit.names():
            edit.flush(name)
    elif what == "P":
        edit.set_policy(chain, line.argument)
    elif what == "E":
        edit.rename_chain(chain, line.argument)
    elif what == "C":
        for rule in line.rules:
            edit.find(chain, rule)
    elif what == "Z":
        if chain and not edit.exists(chain):
            raise NetError(2, "No chain/target/match by that name.")
        if line.index is None:
            for name in [chain] if chain else edit.names():
                edit.count_policy(name)


def _commit(edit: Edit, section: Section) -> Change:
    try:
        return edit.commit()
    except MissingChain as error:
        for at, line in section.lines:
            if any(rule.jump == error.chain for rule in line.rules):
                text = f"Chain '{error.chain}' does not exist"
                raise IptablesError(f"iptables-restore: line {at}: {text}", 2, 2, text, section.committed_at) from None
        raise refused(error, f"iptables-restore: line {section.committed_at} failed: ", section.committed_at) from None
    except NetError as error:
        number = section.committed_at
        for at, line in section.lines:
            if (isinstance(error, Misplaced) and error.rule in line.rules) or (isinstance(error, Busy) and line.what == "X" and line.chain == error.chain):
                number = at
                break
        raise refused(error, f"iptables-restore: line {number} failed: ", number) from None
