"""One table in one namespace: the shared content, and this namespace's counters."""

from __future__ import annotations

from emu.net.netfilter.chain import Chain
from emu.net.netfilter.edit import Change
from emu.net.netfilter.table import BUILTIN, EMPTY, Content

POLICY = -1  # where the policy's counters are kept


class Table:
    """`counters`: chain name -> rule index -> [packets, bytes]; only what was ever counted has an entry."""

    __slots__ = ("content", "counters", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.content: Content = EMPTY
        self.counters: dict[str, dict[int, list[int]]] = {}

    def chain(self, name: str) -> Chain:
        """The chain of that name; a built-in one that was never touched is empty. Raises KeyError."""
        chain = self.content.get(name)
        if chain is None:
            if name not in BUILTIN[self.name]:
                raise KeyError(name)
            return Chain(name, (), "ACCEPT")
        return chain

    def chains(self) -> list[Chain]:
        """All chains as iptables-save lists them: the built-in ones in hook order, then the user's by name."""
        return [self.chain(name) for name in BUILTIN[self.name]] + self.content.user_chains()

    def counter(self, chain: str, index: int) -> tuple[int, int]:
        """(packets, bytes) of a rule, or of the policy (index -1)."""
        packets, octets = self.counters.get(chain, {}).get(index, (0, 0))
        return packets, octets

    def references(self, name: str) -> int:
        """How many rules jump to that chain."""
        return sum(1 for chain in self.content.chains() if name in chain.jumps for rule in chain.rules if rule.jump == name)

    def zero(self, chain: str | None = None, index: int | None = None) -> None:
        """Counters back to 0: all, of one chain, or of one rule. In place, since cached flows hold on to them."""
        for counters in self.counters.values() if chain is None else (self.counters.get(chain, {}),):
            for counter in counters.values() if index is None else (counters.get(index, [0, 0]),):
                counter[0] = counter[1] = 0

    def apply(self, change: Change) -> None:
        """Take over new content; counters stay with their rules."""
        counters = self.counters
        for names in change.fresh:
            for name in [name for name in counters if name in names]:
                del counters[name]
        for old_name, new_name in change.renamed.items():
            if old_name in counters:
                counters[new_name] = counters.pop(old_name)
        for name, origins in change.origins.items():
            old = counters.get(name)
            if old is None:
                continue
            if all(index < 0 or (index < len(origins) and origins[index] == index) for index in old):
                continue  # every counted rule is where it was
            counters[name] = {new: old[origin] for new, origin in enumerate(origins) if origin >= 0 and origin in old}
            if POLICY in old:
                counters[name][POLICY] = old[POLICY]
        for name, values in change.counters.items():
            mine = counters.setdefault(name, {})
            for index, (packets, octets) in values.items():
                mine[index] = [packets, octets]
        self.content = change.content

