"""A chain: an immutable list of rules, shared by every namespace that has the same, and the index that finds the few rules worth trying.

A node's KUBE-SERVICES has one rule for each Service port, all of them `-d <address> -p tcp --dport <port>`. A packet can only match those
of its own destination, so a chain with many exact addresses (or destination ports, or sources) is indexed by them. The rules that the
index leaves out cannot match and have no side effects, so counters, order and verdicts are those of the walk from top to bottom.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emu.net.netfilter.expression import MatchFn
from emu.net.netfilter.match_recent import Recent
from emu.net.netfilter.rule import ACCEPT, DROP, RETURN, Rule, Verdict

INDEX_FROM = 8  # rules with an exact key that make an index worth its memory

# What an entry does when its rule matches.
DO_ACCEPT, DO_DROP, DO_RETURN, DO_JUMP, DO_GOTO, DO_TARGET, DO_NOTHING = range(7)

# (condition or None, what, target function or chain name, index of the rule)
Entry = tuple[MatchFn | None, int, Any, int]

_VERDICTS = {ACCEPT: DO_ACCEPT, DROP: DO_DROP, RETURN: DO_RETURN}


class Chain:
    """`name`; `policy`: "ACCEPT" or "DROP" of a built-in chain, None of a user's; `rules`. `counted`: the policy counts its packets, which it
    does from the first time on that somebody set it (nf_tables gives a base chain counters only then). Never changed: an edit makes another.
    """

    __slots__ = ("_cacheable", "_entries", "_found", "_key", "_keyed", "_links", "_needs_ct", "_rest", "counted", "name", "policy", "rules")

    def __init__(self, name: str, rules: tuple[Rule, ...] = (), policy: str | None = None, counted: bool = False) -> None:
        self.name = name
        self.counted = counted
        self.rules = rules
        self.policy = policy
        self._entries: list[Entry | None] | None = None
        self._found: dict[int, list[Entry]] = {}
        self._key = ""
        self._keyed: dict[int, list[int]] = {}
        self._rest: list[int] = []
        self._links: tuple[tuple[str, ...], int, tuple[tuple[str, int], ...]] | None = None
        self._cacheable: bool | None = None
        self._needs_ct: bool | None = None

    @property
    def needs_ct(self) -> bool:
        """Whether a rule here needs connection tracking."""
        needs_ct = self._needs_ct
        if needs_ct is None:
            needs_ct = self._needs_ct = any(rule.needs_ct for rule in self.rules)
        return needs_ct

    @property
    def jumps(self) -> tuple[str, ...]:
        """Chains that rules here jump or go to, each once."""
        return self._linked()[0]

    @property
    def hooks(self) -> int:
        """Bit per hook at which all rules of this chain may run."""
        return self._linked()[1]

    @property
    def lists(self) -> tuple[tuple[str, int], ...]:
        """(name, stamps an address) of each `recent` list that rules here use."""
        return self._linked()[2]

    def _linked(self) -> tuple[tuple[str, ...], int, tuple[tuple[str, int], ...]]:
        links = self._links
        if links is None:
            hooks = 0x1F
            names: dict[str, None] = {}
            lists: list[tuple[str, int]] = []
            for rule in self.rules:
                if rule.jump is not None:
                    names[rule.jump] = None
                if rule.target is not None or rule.matches:
                    hooks &= rule.hooks
                    lists += [(match.list_name, match.size) for match in rule.matches if isinstance(match, Recent)]
            links = self._links = tuple(names), hooks, tuple(lists)
        return links

    @property
    def cacheable(self) -> bool:
        """Whether every rule judges all packets of one flow alike."""
        cacheable = self._cacheable
        if cacheable is None:
            cacheable = self._cacheable = all(
                (rule.target is None or rule.target.cacheable) and all(match.cacheable for match in rule.matches) for rule in self.rules
            )
        return cacheable

    def __repr__(self) -> str:
        return f"<chain {self.name}: {len(self.rules)} rules>"

    def entries(self, skb: Any) -> list[Entry]:
        """The rules that may match this packet, in order."""
        entries = self._entries
        if entries is None:
            entries = self._prepare()
        key = self._key
        if not key:
            return self._found.get(0) or self._select(0)
        value = skb.daddr if key == "daddr" else skb.dport if key == "dport" else skb.saddr
        if value not in self._keyed:
            value = -1
        found = self._found.get(value)
        return found if found is not None else self._select(value)

    def _prepare(self) -> list[Entry | None]:
        rules = self.rules
        best: dict[int, list[int]] = {}
        if len(rules) >= INDEX_FROM:
            for key, value_of in KEYS.items():
                keyed: dict[int, list[int]] = {}
                for index, rule in enumerate(rules):
                    value = value_of(rule)
                    if value is not None:
                        keyed.setdefault(value, []).append(index)
                if len(keyed) >= INDEX_FROM and len(keyed) > len(best):
                    self._key, best = key, keyed
        self._keyed = best
        if self._key:
            value_of = KEYS[self._key]
            self._rest = [index for index, rule in enumerate(rules) if value_of(rule) is None]
        entries: list[Entry | None] = [None] * len(rules)
        self._entries = entries
        return entries

    def _select(self, value: int) -> list[Entry]:
        """Build (and keep) the list of entries for one value of the key; -1 stands for every value no rule names."""
        if not self._key:
            indices = list(range(len(self.rules)))
        elif value == -1:
            indices = self._rest
        else:
            indices = sorted(self._keyed[value] + self._rest)
        found = self._found[value] = [self._entry(index) for index in indices]
        return found

    def _entry(self, index: int) -> Entry:
        entries = self._entries
        assert entries is not None
        entry = entries[index]
        if entry is None:
            entry = entries[index] = make_entry(self.rules[index], index)
        return entry


def make_entry(rule: Rule, index: int) -> Entry:
    """Compile one rule."""
    target = rule.target
    if rule.jump is not None:
        return (rule.fn, DO_GOTO if rule.goto else DO_JUMP, rule.jump, index)
    if target is None:
        return (rule.fn, DO_NOTHING, None, index)
    if isinstance(target, Verdict):
        return (rule.fn, _VERDICTS[target.code], None, index)
    return (rule.fn, DO_TARGET, target.run, index)


def _exact_daddr(rule: Rule) -> int | None:
    return rule.daddr if rule.dmask == 0xFFFFFFFF and not rule.flags & Rule.INV_DST else None


def _exact_saddr(rule: Rule) -> int | None:
    return rule.saddr if rule.smask == 0xFFFFFFFF and not rule.flags & Rule.INV_SRC else None


def _exact_dport(rule: Rule) -> int | None:
    """The one destination port a rule is about, if nothing with a side effect is tested before it. Port 0 is what a fragment has."""
    for match in rule.matches:
        port: int | None = getattr(match, "exact_dport", None)
        if port:
            return port
        if not match.pure:
            return None
    return None


KEYS: dict[str, Callable[[Rule], int | None]] = {"daddr": _exact_daddr, "dport": _exact_dport, "saddr": _exact_saddr}
