"""A hop's decisions as a person tells them: each once, and netfilter's walk through its chains as one line that names what decided.

The steps themselves, every rule that matched, stay as they are for `--json` and for the comments in `all.pcapng`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_RULE = re.compile(r"(\S+) (\S+) rule (\d+): (.*)", re.DOTALL)
_COMMENT = re.compile(r'-m comment --comment ("(?:[^"\\]|\\.)*"|\S+) ?')
_TARGET = re.compile(r"(?:^| )-[jg] (\S+)(?: (.*))?$", re.DOTALL)
# Targets of the kernel's own; every other is a chain of the user's.
TARGETS = frozenset(
    "ACCEPT CLASSIFY CONNMARK CT DNAT DROP DSCP HL LOG MARK MASQUERADE NFLOG NFQUEUE NOTRACK REDIRECT REJECT RETURN SET SNAT TCPMSS TOS TRACE TTL".split()
)


class Rule(NamedTuple):
    """One rule that matched: `chain` and its number there, what it does, and its comment with the quotes."""

    table: str
    chain: str
    number: int
    target: str
    options: str
    comment: str

    @property
    def jumps(self) -> bool:
        """Its target is a chain."""
        return bool(self.target) and self.target not in TARGETS

    @property
    def action(self) -> str:
        """`DNAT --to-destination 10.244.1.3:8080 "default/web"`."""
        return " ".join(filter(None, (self.target, self.options, self.comment)))


def parse_rule(text: str) -> Rule | None:
    """The step text of netfilter, or None for any other."""
    found = _RULE.fullmatch(text)
    if found is None:
        return None
    table, chain, number, spec = found.groups()
    comment = _COMMENT.search(spec)
    target = _TARGET.search(_COMMENT.sub("", spec).strip())
    name, options = (target.group(1), target.group(2) or "") if target is not None else ("", "")
    return Rule(table, chain, int(number), name, options.strip(), comment.group(1) if comment is not None else "")


def decisions(steps: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """(kind, text) of what is worth a line, in order."""
    told: dict[tuple[str, str], None] = {}
    path: list[Rule] = []
    verdict: Rule | None = None
    for kind, text in steps:
        rule = parse_rule(text) if kind == "rule" else None
        if kind == "dropped" and verdict is not None:
            text = shorter(text, verdict)
        if rule is None:
            path.clear()
            told[kind, text] = None
            continue
        # Chains that were left without a verdict are no part of the way to this rule.
        while path and (path[-1].target, path[-1].table) != (rule.chain, rule.table):
            path.pop()
        path.append(rule)
        if not rule.jumps and rule.target not in ("", "RETURN"):
            way = " → ".join(f"{each.chain} {each.number}" for each in path)
            told["rule", f"{rule.table} {way}: {rule.action}"] = None
            verdict = path.pop()
    return list(told)


def shorter(text: str, verdict: Rule) -> str:
    """A drop that quotes the rule which has just been told only names it."""
    head, comma, cause = text.partition(", ")
    rule = parse_rule(cause)
    return f"{head}{comma}{rule.table} {rule.chain} {rule.number}" if rule == verdict else text
