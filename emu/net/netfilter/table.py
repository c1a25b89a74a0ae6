"""The content of one table: chains by name, immutable and shared, and what a namespace keeps beside it.

A content is a few dictionaries laid over each other, newest first: a document that replaces 40,000 chains is one dictionary that all nodes
share, and a node's own few chains are another.
"""

from __future__ import annotations

from collections.abc import Iterator

from emu.net.netfilter.chain import Chain

PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING = range(5)
HOOK_NAMES = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")

# Built-in chains of each table; the order of the tables is iptables-save's.
BUILTIN: dict[str, tuple[str, ...]] = {
    "mangle": HOOK_NAMES,
    "raw": ("PREROUTING", "OUTPUT"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
}

Layer = dict[str, "Chain | None"]  # None: the chain was deleted


class SharedLayer(dict[str, "Chain | None"]):
    """The layer of a document that many namespaces load, with what was worked out about it (see check.py)."""

    __slots__ = ("callers", "known")

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, tuple[int, int]] | None = None
        self.callers: dict[str, list[str]] | None = None


OWN_LAYER = 256  # chains that a namespace's own layer may hold before it counts as a document


class Content:
    """Chains of one table, in layers, the newest first. Never changed."""

    __slots__ = ("layers",)

    def __init__(self, layers: tuple[Layer, ...] = ()) -> None:
        self.layers = layers

    def get(self, name: str) -> Chain | None:
        """The chain of that name, or None."""
        for layer in self.layers:
            if name in layer:
                return layer[name]
        return None

    def chains(self) -> Iterator[Chain]:
        """Every chain that exists, built-in or not, in no order that means anything."""
        for depth, layer in enumerate(self.layers):
            above = self.layers[:depth]
            for name, chain in layer.items():
                if chain is not None and not any(name in other for other in above):
                    yield chain

    def user_chains(self) -> list[Chain]:
        """The user's chains by name, as iptables lists them."""
        return sorted((chain for chain in self.chains() if chain.policy is None), key=lambda chain: chain.name.encode())

    def over(self, new: Layer) -> Content:
        """This content with `new` laid over it. One small layer of a namespace's own lies over few big ones, which stay shared."""
        own: Layer = {}
        big: list[Layer] = []
        for layer in (*reversed(self.layers), new):  # oldest first
            if len(layer) <= OWN_LAYER:
                own.update(layer)
                continue
            own = {name: chain for name, chain in own.items() if name not in layer}
            big = [older for older in big if not older.keys() <= layer.keys()]
            if len(big) >= 3:
                big = [big[0] | big[1], *big[2:]]
            big.append(layer)
        big.reverse()
        own = {name: chain for name, chain in own.items() if chain is not None or any(name in layer for layer in big)}
        return Content((own, *big) if own else tuple(big))


EMPTY = Content()
