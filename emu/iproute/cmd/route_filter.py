"""Which routes `ip route show` and `ip route flush` mean."""

from __future__ import annotations

from emu.iproute import route
from emu.iproute.addr import SCOPES
from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.iproute.cmd.link_options import device
from emu.iproute.cmd.route_words import dsfield
from emu.iproute.cmd.words import Words, checked_prefix, integer, pick, wrong
from emu.iproute.route_text import Hidden
from emu.net.fib import MASKS, TABLE_MAIN, TYPE_NAMES, Route, Table
from emu.net.netns import Namespace
from emu.wire.addr import cidr_parse, ip_int

KEYWORDS = (
    "table*", "vrf", "cached", "cache", "tos", "dsfield*", "protocol*", "scope*", "type*", "dev", "oif", "iif", "mark", "metric*", "priority", "preference",
    "via", "src", "realms*", "from*", "to", "root*", "match*", "exact*",
)  # fmt: skip


def _prefix(text: str) -> tuple[int, int]:
    return (0, 0) if text in ("default", "all", "any") else cidr_parse(text)


def _covers(outer: tuple[int, int], inner: tuple[int, int]) -> bool:
    return outer[1] <= inner[1] and not (outer[0] ^ inner[0]) & MASKS[outer[1]]


class RouteFilter:
    """`hidden`: what is not printed because the filter says it. `table`: 0 for all."""

    def __init__(self, call: Invocation, words: Words) -> None:
        self.hidden = Hidden()
        self.table = TABLE_MAIN
        self.cached = False
        self.none = False  # asked for what no route has
        self.root: tuple[int, int] | None = None
        self.match: tuple[int, int] | None = None
        self.numbers: dict[str, int] = {}  # attribute of Route -> its value
        self.oif = self.via = self.src = 0
        while words:
            word = words.take()
            key = pick(word, KEYWORDS)
            if key == "table":
                self._table(words.take())
            elif key in ("cached", "cache"):
                self.cached = True
            elif key in ("dev", "oif"):
                self.oif = device(call.ns, words.take()).ifindex
                self.hidden.dev = True
            elif key == "via":
                self.via = ip_int(words.address())
                self.hidden.via = True
            elif key == "src":
                self.src = ip_int(words.address())
                self.hidden.src = True
            elif key in ("protocol", "scope", "type"):
                self._name(words.take(), key)
            elif key in ("metric", "priority", "preference"):
                self.numbers["metric"] = words.number('"metric" value is invalid\n')
                self.hidden.metric = True
            elif key in ("tos", "dsfield"):
                self.numbers["tos"] = dsfield(words, "TOS value is invalid\n")
                self.hidden.tos = True
            elif key == "iif":
                self.none = device(call.ns, words.take()) is not None  # routes say nothing of where packets come from
            elif key == "mark":
                self.none = words.number("mark value is invalid\n") > 0
            elif key == "from":
                source = words.take()
                self.none = _prefix(checked_prefix(words.take() if source in ("root", "match", "exact") else source))[1] > 0
            elif key in ("vrf", "realms"):
                raise not_emulated(f"ip route show {key}", 255)
            else:
                self._prefix(words, word, key)

    def _table(self, word: str) -> None:
        if word in ("all", "0"):
            self.table, self.hidden.table = 0, False
        elif word in ("cache",):
            self.cached = True
        elif word in route.TABLES:
            self.table = route.TABLES[word]
        else:
            number = integer(word)
            if number is None or not 0 < number < 1 << 32:
                raise wrong(word, "table id value is invalid\n")
            self.table = number

    def _name(self, word: str, key: str) -> None:
        names = {"protocol": route.PROTOCOLS, "scope": {**SCOPES, "nowhere": 255}, "type": route.TYPES}[key]
        number = names.get(word, integer(word))
        if word == "all" and key != "type":
            return
        if number is None or not 0 <= number < (len(TYPE_NAMES) if key == "type" else 256):
            raise wrong(word, {"protocol": 'invalid "protocol"\n', "scope": 'invalid "scope"\n', "type": "node type value is invalid\n"}[key])
        self.numbers[key] = number
        if key == "protocol":
            self.hidden.proto = True
        elif key == "scope":
            self.hidden.scope = True

    def _prefix(self, words: Words, word: str, key: str | None) -> None:
        if key == "to":
            word = words.take()
            key = pick(word, ("root*", "match*", "exact*"))
        if key in ("root", "match", "exact"):
            word = words.take()
        prefix = _prefix(checked_prefix(word))
        if key != "match":
            self.root = prefix
        if key != "root":
            self.match = prefix

    def tables(self, ns: Namespace, what: str = "Dump") -> list[Table]:
        """The tables to look through, in the kernel's order. `what` ends if there is no such table."""
        if self.none:
            return []
        if not self.table:
            # The kernel walks its table hash; `main` and `local` share a trie, `main` is dumped first.
            return [ns.fib.tables[number] for number in sorted(ns.fib.tables, key=lambda number: (number % 256, number))]
        table = ns.fib.tables.get(self.table)
        if table is None:
            raise Stop(f"Error: ipv4: FIB table does not exist.\n{what} terminated\n", 2)
        return [table]

    def meant(self, one: Route) -> bool:
        """Whether a route is one of those."""
        prefix = (one.network, one.length)
        return (
            (self.root is None or _covers(self.root, prefix))
            and (self.match is None or _covers(prefix, self.match))
            and all(getattr(one, key) == value for key, value in self.numbers.items())
            and (not (self.oif or self.via) or len(one.nexthops) == 1)  # a device or a gateway among several nexthops is not looked at
            and (not self.oif or one.nexthops[0].oif == self.oif)
            and (not self.via or one.nexthops[0].gateway == self.via)
            and (not self.src or one.prefsrc == self.src)
        )
