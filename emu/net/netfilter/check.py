"""What the kernel checks of a table before a change takes effect (nft_table_validate): no loop, no jump too deep, every target and match where it
may be reached, and no chain deleted that is jumped to.

A table is walked from its built-in chains. What a shared document's chains reach is worked out once for all namespaces that hold it; only chains
from which a namespace's own chains can be reached are walked again.
"""

from __future__ import annotations

from collections.abc import Iterable

from emu.net.netfilter.chain import Chain
from emu.net.netfilter.rule import Rule
from emu.net.netfilter.table import BUILTIN, HOOK_NAMES, Content, SharedLayer
from emu.net.netns import NetError

ENOENT, EEXIST, EBUSY, EINVAL, EMLINK, E2BIG, ENOTEMPTY = 2, 17, 16, 22, 31, 7, 39
MAX_DEPTH = 16  # NFT_JUMP_STACK_SIZE

# how deep the jumps from a chain go, and the hooks at which everything reachable from it may run
Reach = tuple[int, int]


class MissingChain(NetError):
    """A rule jumps to a chain that is not there."""

    def __init__(self, chain: str) -> None:
        super().__init__(ENOENT, f"Chain '{chain}' does not exist")
        self.chain = chain


class Busy(NetError):
    """A chain that is to go is jumped to."""

    def __init__(self, chain: str, by: str) -> None:
        super().__init__(EBUSY, f"CHAIN_DEL failed (Device or resource busy): chain {chain} is used by {by}")
        self.chain = chain


class Misplaced(NetError):
    """A target where the kernel does not allow it."""

    def __init__(self, chain: str, rule: Rule, why: str) -> None:
        super().__init__(EINVAL, f"RULE_APPEND failed (Invalid argument): rule in chain {chain}: {why}")
        self.rule = rule


class Reaches:
    """What is known of the chains of a content."""

    __slots__ = ("own", "shared")

    def __init__(self, content: Content) -> None:
        self.own: dict[str, Reach] = {}
        self.shared: list[tuple[dict[str, Reach], dict[str, None]]] = []
        for depth, layer in enumerate(content.layers):
            if isinstance(layer, SharedLayer):
                above = [name for upper in content.layers[:depth] if len(upper) <= len(layer) for name in upper if name in layer]
                self.shared.append((_known(layer), _reaching(layer, above)))

    def find(self, name: str) -> Reach | None:
        """The reach of a chain, if it is known."""
        found = self.own.get(name)
        if found is None:
            for known, changed in self.shared:
                if name in known and name not in changed:
                    return known[name]
        return found


def _known(layer: SharedLayer) -> dict[str, Reach]:
    """The reach of each chain from which nothing outside of the layer and no loop can be reached."""
    if layer.known is None:
        known: dict[str, Reach] = {}
        for name in layer:
            _settle(layer, name, known, {})
        layer.known = known
    return layer.known


def _settle(layer: SharedLayer, name: str, known: dict[str, Reach], path: dict[str, None]) -> Reach | None:
    if name in known:
        return known[name]
    chain = layer.get(name)
    if chain is None or name in path or len(path) > MAX_DEPTH:
        return None
    path[name] = None
    depth, hooks = 0, chain.hooks
    for jump in chain.jumps:
        below = _settle(layer, jump, known, path)
        if below is None:
            del path[name]
            return None
        depth = max(depth, below[0] + 1)
        hooks &= below[1]
    del path[name]
    known[name] = depth, hooks
    return known[name]


def _reaching(layer: SharedLayer, names: list[str]) -> dict[str, None]:
    """`names`, and every chain of the layer from which one of them can be reached."""
    if names and layer.callers is None:
        layer.callers = {}
        for name, chain in layer.items():
            for jump in chain.jumps if chain is not None else ():
                layer.callers.setdefault(jump, []).append(name)
    found: dict[str, None] = {}
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in found:
            found[name] = None
            pending += (layer.callers or {}).get(name, ())
    return found


def check(table: str, content: Content, removed: Iterable[str]) -> None:
    """What the kernel checks of a table (nft_table_validate, nft_compat's hook check). Raises NetError."""
    gone = [name for name in removed if content.get(name) is None]
    if gone:
        missing = dict.fromkeys(gone)
        for chain in content.chains():
            for jump in chain.jumps:
                if jump in missing:
                    raise Busy(jump, chain.name)
    known = Reaches(content)
    for name in BUILTIN[table]:
        base = content.get(name)
        if base is not None:
            depth, hooks = _reach(content, base, known, {})
            if not hooks >> HOOK_NAMES.index(name) & 1:
                raise _offender(content, base, HOOK_NAMES.index(name), known)
            if depth > MAX_DEPTH:
                raise NetError(EMLINK, f"RULE_APPEND failed (Too many links): rule in chain {name}: jumps go deeper than {MAX_DEPTH}")


def _reach(content: Content, chain: Chain, known: Reaches, path: dict[str, None]) -> tuple[int, int]:
    """(how deep the jumps from here go, the hooks at which everything reachable may run)."""
    name = chain.name
    found = known.find(name)
    if found is not None:
        return found
    if name in path:
        raise NetError(EMLINK, f"RULE_APPEND failed (Too many links): rule in chain {next(reversed(path))}: a loop through {name}")
    depth, hooks = 0, chain.hooks
    if chain.jumps:
        if len(path) > MAX_DEPTH:
            raise NetError(EMLINK, f"RULE_APPEND failed (Too many links): rule in chain {name}: jumps go deeper than {MAX_DEPTH}")
        path[name] = None
        for jump in chain.jumps:
            target = content.get(jump)
            if target is not None:
                below, allowed = _reach(content, target, known, path)
                depth = max(depth, below + 1)
                hooks &= allowed
        del path[name]
    known.own[name] = depth, hooks
    return depth, hooks


def _offender(content: Content, chain: Chain, hook: int, known: Reaches) -> NetError:
    """The error about the first target, reachable from `chain`, that may not run at `hook`."""
    for rule in chain.rules:
        if not rule.hooks >> hook & 1:
            wrong = next((match for match in rule.matches if not match.hooks >> hook & 1), rule.target)
            return Misplaced(chain.name, rule, f"{wrong.name if wrong else ''} may not be reached from {HOOK_NAMES[hook]}")
        target = content.get(rule.jump) if rule.jump else None
        if target is not None and not _reach(content, target, known, {})[1] >> hook & 1:
            return _offender(content, target, hook, known)
    return NetError(EINVAL, f"rule in chain {chain.name}")
