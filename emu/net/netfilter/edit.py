"""Changing a table: a batch of edits that takes effect as a whole or not at all, as iptables-restore's COMMIT does.

An `Edit` starts from a content and collects edits; `commit` checks what the kernel checks (targets exist, no loops, targets allowed where they
can be reached, chains that go are not referred to) and gives a `Change`: the new content and how old rule numbers map to new ones, from
which every namespace that makes the same step moves its own counters.
"""

from __future__ import annotations

from collections.abc import Iterable

from emu.net.netfilter.chain import Chain
from emu.net.netfilter.check import E2BIG, EBUSY, EEXIST, EINVAL, ENOENT, ENOTEMPTY, Misplaced, MissingChain, check
from emu.net.netfilter.rule import Rule
from emu.net.netfilter.table import BUILTIN, HOOK_NAMES, Content, Layer
from emu.net.netns import NetError

Counters = dict[int, tuple[int, int]]  # rule index (-1: the policy) -> packets, bytes


class Change:
    """`content` after the edits. `origins`: for each changed chain the old index of each rule now in it, -1 for a new one.
    `fresh`: chains whose counters start again. `counters`: values that the edits set.
    """

    __slots__ = ("content", "counters", "fresh", "origins", "renamed")

    def __init__(self, content: Content) -> None:
        self.content = content
        self.origins: dict[str, list[int]] = {}
        self.fresh: list[Iterable[str]] = []
        self.counters: dict[str, Counters] = {}
        self.renamed: dict[str, str] = {}


class _Draft:
    """A chain being edited."""

    __slots__ = ("counted", "counters", "origins", "policy", "rules")

    def __init__(self, chain: Chain | None, policy: str | None = None) -> None:
        self.rules: list[Rule] = list(chain.rules) if chain else []
        self.origins: list[int] = list(range(len(self.rules)))
        self.policy = chain.policy if chain else policy
        self.counted = chain.counted if chain else False
        self.counters: Counters = {}


class Edit:
    """Edits of the table `name` on top of `content`. Rule numbers are indices from 0."""

    def __init__(self, name: str, content: Content) -> None:
        self.table = name
        self.content = content
        self.drafts: dict[str, _Draft | None] = {}
        self.fresh: list[Iterable[str]] = []
        self.removed: list[str] = []
        self.renamed: dict[str, str] = {}
        self.wanted: tuple[str, ...] = ()

    # -- looking

    def exists(self, name: str) -> bool:
        """Whether there is such a chain; the built-in ones always are."""
        if name in BUILTIN[self.table]:
            return True
        if name in self.drafts:
            return self.drafts[name] is not None
        return self.content.get(name) is not None

    def rules(self, name: str) -> list[Rule]:
        """The rules of a chain as they are now."""
        draft = self.drafts.get(name)
        if draft is not None:
            return draft.rules
        chain = self.content.get(name)
        return list(chain.rules) if chain else []

    def _draft(self, name: str) -> _Draft:
        draft = self.drafts.get(name)
        if draft is None:
            if not self.exists(name):
                raise NetError(ENOENT, "No chain/target/match by that name.")
            chain = self.content.get(name)
            draft = self.drafts[name] = _Draft(chain, "ACCEPT" if name in BUILTIN[self.table] else None)
        return draft

    # -- chains

    def names(self) -> list[str]:
        """Every chain there is."""
        names = dict.fromkeys(chain.name for chain in self.content.chains())
        names.update(dict.fromkeys(self.drafts))
        return [name for name in names if self.drafts.get(name, self) is not None]

    def lay(self, layer: Layer, wanted: tuple[str, ...], removed: list[str]) -> None:
        """Put whole chains over what is there; must come before other edits. `wanted`: chains outside that they jump to. `removed`: chains
        that the layer deletes.
        """
        self.content = self.content.over(layer)
        self.fresh.append(layer.keys())
        self.wanted = wanted
        self.removed += removed

    def new_chain(self, name: str) -> None:
        """-N."""
        if self.exists(name):
            raise NetError(EEXIST, "Chain already exists.")
        self.drafts[name] = _Draft(None)
        self.fresh.append((name,))

    def flush(self, name: str) -> None:
        """-F of one chain."""
        draft = self._draft(name)
        draft.rules, draft.origins = [], []
        draft.counters = {index: value for index, value in draft.counters.items() if index < 0}

    def delete_chain(self, name: str) -> None:
        """-X of one chain."""
        if not self.exists(name):
            raise NetError(ENOENT, "No chain/target/match by that name.")
        if name in BUILTIN[self.table] and self.rules(name):
            raise NetError(EBUSY, f"CHAIN_DEL failed (Device or resource busy): chain {name}")
        if self.rules(name):
            # nft refuses a chain with rules; iptables says so with the errno's text
            raise NetError(EBUSY, f"CHAIN_DEL failed (Device or resource busy): chain {name}")
        if name in BUILTIN[self.table]:
            if self.policy(name) != "ACCEPT":
                raise NetError(ENOTEMPTY, "Directory not empty.")
            self.fresh.append((name,))
        else:
            self.removed.append(name)
        self.drafts[name] = None

    def delete_all_chains(self) -> None:
        """-X without a name: every user chain, and an error if one has rules or is referred to. Built-in ones that say nothing go too: their policies
        stop counting.
        """
        for name in self.names():
            if name not in BUILTIN[self.table] or (not self.rules(name) and self.policy(name) == "ACCEPT"):
                self.delete_chain(name)

    def policy(self, name: str) -> str | None:
        """The policy of a chain as it is now."""
        draft = self.drafts.get(name)
        if draft is not None:
            return draft.policy
        chain = self.content.get(name)
        return chain.policy if chain is not None else "ACCEPT"

    def create_all(self) -> None:
        """Make every built-in chain, as -F without a name does."""
        for name in BUILTIN[self.table]:
            self._draft(name)

    def rename_chain(self, old: str, new: str) -> None:
        """-E; rules that jump to it follow, since the kernel refers to chains and not to names."""
        if not self.exists(old) or old in BUILTIN[self.table]:
            raise NetError(ENOENT, "No chain/target/match by that name.")
        if self.exists(new):
            raise NetError(EEXIST, "File exists.")
        draft = self._draft(old)
        self.drafts[old] = None
        self.drafts[new] = draft
        self.renamed[old] = new
        for chain in list(self.content.chains()):
            if chain.name != old and any(rule.jump == old for rule in chain.rules):
                self._draft(chain.name)
        for other in self.drafts.values():
            if other is not None:
                other.rules = [rule.with_jump(new) if rule.jump == old else rule for rule in other.rules]

    def set_policy(self, name: str, policy: str, counters: tuple[int, int] | None = None) -> None:
        """-P; the policy counts from here on, from zero or from `counters`."""
        if name not in BUILTIN[self.table]:
            raise NetError(EINVAL, "Bad built-in chain name.")
        if policy not in ("ACCEPT", "DROP"):
            raise NetError(EINVAL, "Bad policy name.")
        draft = self._draft(name)
        draft.policy = policy
        draft.counted = True
        draft.counters[-1] = counters or (0, 0)

    def count_policy(self, name: str) -> None:
        """-Z of a chain: its policy counts from here on, as far as the chain is there and a built-in one."""
        if name in BUILTIN[self.table] and name in self.names():
            self._draft(name).counted = True

    # -- rules

    def insert(self, name: str, index: int | None, rule: Rule, counters: tuple[int, int] | None = None) -> None:
        """-A (index None) and -I."""
        self.allowed(name, rule)
        draft = self._draft(name)
        if index is None:
            index = len(draft.rules)
        elif index > len(draft.rules):
            raise NetError(E2BIG, "Index of insertion too big.")
        draft.rules.insert(index, rule)
        draft.origins.insert(index, -1)
        if draft.counters and index < len(draft.rules) - 1:
            draft.counters = {key + 1 if key >= index else key: value for key, value in draft.counters.items()}
        if counters is not None and counters != (0, 0):
            draft.counters[index] = counters

    def delete(self, name: str, index: int) -> None:
        """-D by number."""
        draft = self._draft(name)
        if index >= len(draft.rules):
            raise NetError(E2BIG, "Index of deletion too big.")
        del draft.rules[index], draft.origins[index]
        draft.counters = {key - 1 if key > index else key: value for key, value in draft.counters.items() if key != index}

    def replace(self, name: str, index: int, rule: Rule, counters: tuple[int, int] | None = None) -> None:
        """-R."""
        draft = self._draft(name)
        if index >= len(draft.rules):
            raise NetError(E2BIG, "Index of replacement too big.")
        self.delete(name, index)
        self.insert(name, index, rule, counters)

    def find(self, name: str, rule: Rule) -> int:
        """Index of the first rule that says the same. Raises NetError ENOENT."""
        if not self.exists(name):
            raise NetError(ENOENT, "No chain/target/match by that name.")
        for index, other in enumerate(self.rules(name)):
            if other is rule or other.same(rule):
                return index
        raise NetError(ENOENT, "Bad rule (does a matching rule exist in that chain?).")

    def allowed(self, name: str, rule: Rule) -> None:
        """A target or match where it has no sense is refused at once, as the kernel does."""
        target = rule.target
        if target is not None and target.tables is not None and self.table not in target.tables:
            raise Misplaced(name, rule, f"{target.name} is for table {' or '.join(target.tables)} only")
        if name in HOOK_NAMES:
            bit = 1 << HOOK_NAMES.index(name)
            for part in (*rule.matches, target):
                if part is not None and not part.base_hooks & bit:
                    raise Misplaced(name, rule, f"{part.name} may not stand in {name}")

    # -- the end

    def layer(self) -> tuple[Layer, dict[str, Counters]]:
        """The edited chains, and the counters that the edits set."""
        layer: Layer = {}
        counters: dict[str, Counters] = {}
        for name, draft in self.drafts.items():
            if draft is None:
                layer[name] = None
                continue
            rules = draft.rules
            if any(rule.counting for rule in rules):
                rules = [rule.own_copy() if rule.counting and origin < 0 else rule for rule, origin in zip(rules, draft.origins, strict=True)]
            layer[name] = Chain(name, tuple(rules), draft.policy, draft.counted)
            if draft.counters:
                counters[name] = draft.counters
        return layer, counters

    def commit(self) -> Change:
        """Check all and give the new content. Raises NetError."""
        layer, counters = self.layer()
        change = Change(self.content.over(layer) if layer else self.content)
        change.fresh = self.fresh
        change.renamed = self.renamed
        for name, draft in self.drafts.items():
            if draft is not None:
                change.origins[name] = draft.origins
        change.counters = counters
        for name in self.wanted:
            if change.content.get(name) is None and name not in self.removed:
                raise MissingChain(name)
        for chain in layer.values():
            for name in chain.jumps if chain is not None else ():
                if change.content.get(name) is None and name not in self.removed:
                    raise MissingChain(name)
        if self.fresh or self.removed or any(_matters(draft) for draft in self.drafts.values() if draft is not None):
            check(self.table, change.content, self.removed)
        return change


def _matters(draft: _Draft) -> bool:
    """Whether what was added to a chain can break a rule that `check` knows."""
    return any(rule.jump is not None or rule.hooks != 0x1F for rule, origin in zip(draft.rules, draft.origins, strict=True) if origin < 0)
