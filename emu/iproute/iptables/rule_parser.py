"""From the words of a rule to `Rule` objects: `-p tcp -d 10.0.0.1 --dport 80 -j DROP`.

The options of the rule itself are here, those of matches and targets are tables in the `ext_*` files.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from emu.iproute.iptables.errors import IptablesError
from emu.iproute.iptables.ext_ports import join
from emu.iproute.iptables.extension import MATCHES, TARGETS, Extension, Option, State
from emu.iproute.iptables.names import number, protocol
from emu.iproute.iptables.rule_text import render
from emu.net.netfilter.rule import STANDARD, Match, Rule
from emu.wire.addr import prefix_mask

BASIC: dict[str, str] = {
    "-p": "p", "--protocol": "p", "--proto": "p", "-s": "s", "--source": "s", "--src": "s", "-d": "d", "--destination": "d", "--dst": "d",
    "-i": "i", "--in-interface": "i", "-o": "o", "--out-interface": "o", "-f": "f", "--fragment": "f", "-m": "m", "--match": "m", "-j": "j",
    "--jump": "j", "-g": "g", "--goto": "g", "-c": "c", "--set-counters": "c",
}  # fmt: skip
PROTOCOL_MATCH = {6: "tcp", 17: "udp", 132: "sctp", 1: "icmp", 136: "udplite", 33: "dccp"}
CHAIN_NAME = re.compile(r"[^-!\s]\S*").fullmatch
MAX_CHAIN = 28  # XT_EXTENSION_MAXNAMELEN - 1

# What Linux has and this does not, so that it is refused by name.
UNSUPPORTED = {
    **dict.fromkeys(
        (
            "ah bpf cgroup cluster connbytes connlabel connlimit cpu dccp devgroup ecn esp helper ipcomp ipvs osf policy quota rateest realm rpfilter "
            "socket string tcpmss time u32 udplite"
        ).split(),
        "not supported here",
    ),
    "owner": "not supported here, packets have no processes",
    "set": "not supported here, there are no IP sets",
    "nfacct": "not supported here, there are no accounting objects",
}
UNSUPPORTED_TARGETS = frozenset(
    (
        "AUDIT CHECKSUM CLASSIFY CLUSTERIP CONNSECMARK ECN HMARK IDLETIMER LED NFLOG NFQUEUE QUEUE RATEEST SECMARK SET SYNPROXY TCPOPTSTRIP TEE TPROXY TRACE "
        "ULOG"
    ).split()
)

Source = tuple[int, int]


class Parsed:
    """Rules of one line (several when addresses are lists), and the counters it sets."""

    __slots__ = ("counters", "rules")

    def __init__(self, rules: list[Rule], counters: tuple[int, int] | None) -> None:
        self.rules = rules
        self.counters = counters


class RuleParser:
    """One rule being read."""

    def __init__(self) -> None:
        self.rule = Rule(render)
        self.active: dict[str, tuple[Extension, State, Option]] = {}
        self.loaded: list[tuple[Extension, State]] = []
        self.target: tuple[Extension, State] | None = None
        self.sources: list[Source] = []
        self.destinations: list[Source] = []
        self.counters: tuple[int, int] | None = None
        self.seen: set[str] = set()

    def parse(self, words: list[str]) -> Parsed:
        """Read all words."""
        at, end = 0, len(words)
        inverted = False
        while at < end:
            word = words[at]
            at += 1
            if word == "!":
                if inverted:
                    raise IptablesError("Multiple `!' flags not allowed")
                inverted = True
                continue
            basic = BASIC.get(word)
            if basic is None:
                found = self.active.get(word)
                if found is None:
                    word, rest, found = self._unusual(word)
                    if rest:
                        words = words[:at] + rest + words[at:]
                        end = len(words)
                    basic = BASIC.get(word)
                if found is not None:
                    at = self._extension_option(word, found, words, at, inverted)
                    inverted = False
                    continue
            assert basic is not None
            if basic == "f":
                self._once("f", word)
                self.rule.flags |= Rule.FRAGMENT | (Rule.INV_FRAG if inverted else 0)
            else:
                if at >= end:
                    raise IptablesError(f'option "{word}" requires an argument')
                argument = words[at]
                at += 1
                if basic == "m" or basic == "j" or basic == "g":
                    if inverted:
                        raise IptablesError("unexpected ! flag before --match" if basic == "m" else "cannot have ! before -j")
                    if basic == "m":
                        self._load_match(argument)
                    else:
                        self._jump(basic, argument)
                elif basic == "c":
                    at = self._counters(argument, words, at)
                else:
                    # `-s ! 1.2.3.4` was allowed once and is not any more.
                    self._once(basic, word)
                    _SET[basic](self, argument, inverted)
            inverted = False
        if inverted:
            raise IptablesError("nothing appropriate following !")
        return self._finish()

    # -- options

    def _once(self, key: str, word: str) -> None:
        if key in self.seen:
            raise IptablesError(f"multiple -{key} flags not allowed")
        self.seen.add(key)

    def _unusual(self, word: str) -> tuple[str, list[str], tuple[Extension, State, Option] | None]:
        """A word that is no option yet: one of the protocol's match, `--option=value`, an abbreviation, or `-ptcp`."""
        if word.startswith("--") and len(word) > 2:
            name, equals, value = word.partition("=")
            found = self._lookup(name)
            if found is not None:
                return found, [value] if equals else [], self.active.get(found)
        elif word.startswith("-") and len(word) > 2 and word[:2] in BASIC and word[:2] != "-f":
            return word[:2], [word[2:]], None
        if not word.startswith("-") or word == "-":
            raise IptablesError(f"Bad argument `{word}'")
        raise IptablesError(f'unknown option "{word}"')

    def _lookup(self, name: str) -> str | None:
        if name in self.active or name in BASIC:
            return name
        implied = PROTOCOL_MATCH.get(self.rule.proto)
        if implied is not None and implied in MATCHES and not any(extension.name == implied for extension, _ in self.loaded):
            options = MATCHES[implied].options
            if any(option.startswith(name) for option in options):
                self._load_match(implied)
                if name in self.active:
                    return name
        long = {word: None for word in (*self.active, *BASIC) if word.startswith(name)}
        targets = {id(self.active[word][2].take) if word in self.active else BASIC[word] for word in long}
        if len(long) == 1 or (long and len(targets) == 1):
            return next(iter(long))
        if len(long) > 1:
            raise IptablesError(f'option "{name}" is ambiguous')
        return None

    def _extension_option(self, word: str, found: tuple[Extension, State, Option], words: list[str], at: int, inverted: bool) -> int:
        extension, state, option = found
        if inverted and not option.invert:
            raise IptablesError(f'{extension.name}: option "{word}" cannot be inverted.')
        if option.once:
            given = state["given"]
            key = option.take
            if key in given:
                raise IptablesError(f'{extension.name}: option "{word}" can only be used once.')
            given.append(key)
        count = option.arguments
        if count == 0:
            option.take(state, "", inverted)
        elif at + count > len(words):
            raise IptablesError(f'option "{word}" requires an argument')
        elif count == 1:
            option.take(state, words[at], inverted)
        else:
            state["words"] = words[at : at + count]
            option.take(state, words[at], inverted)
        return at + count

    def _load_match(self, name: str) -> None:
        extension = MATCHES.get(name)
        if extension is None:
            raise IptablesError(f"Couldn't load match `{name}': {UNSUPPORTED.get(name, 'no such match')}", emulated=name not in UNSUPPORTED)
        state: State = {"given": [], "rule": self.rule}
        self.loaded.append((extension, state))
        for option, how in extension.options.items():
            self.active[option] = (extension, state, how)

    def _jump(self, how: str, name: str) -> None:
        if "j" in self.seen:
            raise IptablesError("multiple -j flags not allowed" if how == "j" else "multiple -g flags not allowed")
        self.seen.add("j")
        rule = self.rule
        if how == "g":
            check_chain_name(name)
            rule.jump, rule.goto = name, True
            return
        standard = STANDARD.get(name)
        if standard is not None:
            rule.target = standard
            return
        extension = TARGETS.get(name)
        if extension is None:
            if name in UNSUPPORTED_TARGETS:
                raise IptablesError(f"Couldn't load target `{name}': not supported here", emulated=False)
            check_chain_name(name)
            rule.jump = name
            return
        state: State = {"given": [], "rule": rule, "called": name}
        self.target = (extension, state)
        for option, how_ in extension.options.items():
            self.active[option] = (extension, state, how_)

    def _counters(self, argument: str, words: list[str], at: int) -> int:
        first, comma, second = argument.partition(",")
        if not comma:
            if at >= len(words):
                raise IptablesError("-c requires packet and byte counter")
            second = words[at]
            at += 1
        packets, octets = number(first, 0, (1 << 64) - 1), number(second, 0, (1 << 64) - 1)
        if packets is None:
            raise IptablesError("-c packet counter not numeric")
        if octets is None:
            raise IptablesError("-c byte counter not numeric")
        self.counters = packets, octets
        return at

    # -- the rule's own fields

    def _protocol(self, argument: str, inverted: bool) -> None:
        value = protocol(argument)
        if value == 0 and inverted:
            raise IptablesError("rule would never match protocol")
        self.rule.proto = value
        if inverted:
            self.rule.flags |= Rule.INV_PROTO

    def _source(self, argument: str, inverted: bool) -> None:
        self.sources = addresses(argument, inverted)
        if inverted:
            self.rule.flags |= Rule.INV_SRC

    def _destination(self, argument: str, inverted: bool) -> None:
        self.destinations = addresses(argument, inverted)
        if inverted:
            self.rule.flags |= Rule.INV_DST

    def _in(self, argument: str, inverted: bool) -> None:
        self.rule.iniface = interface(argument) if argument != "+" or inverted else ""
        if inverted:
            self.rule.flags |= Rule.INV_IN

    def _out(self, argument: str, inverted: bool) -> None:
        self.rule.outiface = interface(argument) if argument != "+" or inverted else ""
        if inverted:
            self.rule.flags |= Rule.INV_OUT

    # -- the end

    def _finish(self) -> Parsed:
        rule = self.rule
        matches: list[Match] = []
        join(self.loaded)
        for extension, state in self.loaded:
            if extension.protocol and rule.proto != extension.protocol:
                raise IptablesError(f"RULE_APPEND failed (Invalid argument): -m {extension.name} needs -p {extension.name}", 4)
            built = extension.build(state)
            if built is not None:
                matches.append(built)
                rule.counting |= built.counting
        rule.matches = tuple(matches)
        if self.target is not None:
            extension, state = self.target
            rule.target = extension.build(state)
        for given, bit in ((self.sources, Rule.INV_SRC), (self.destinations, Rule.INV_DST)):
            if rule.flags & bit and not given[0][1]:
                raise IptablesError("RULE_APPEND failed (Invalid argument): nothing is outside 0.0.0.0/0", 4)
        sources, destinations = self.sources or [(0, 0)], self.destinations or [(0, 0)]
        rules: list[Rule] = []
        for source in sources:
            for destination in destinations:
                each = rule if not rules else rule.own_copy()
                each.saddr, each.smask = source
                each.daddr, each.dmask = destination
                each._text = None
                rules.append(each)
        return Parsed(rules, self.counters)


_SET: dict[str, Callable[[RuleParser, str, bool], Any]] = {
    "p": RuleParser._protocol, "s": RuleParser._source, "d": RuleParser._destination, "i": RuleParser._in, "o": RuleParser._out,
}  # fmt: skip


def parse_rule(words: list[str]) -> Parsed:
    """Read the words of a rule (without `-A CHAIN`). Raises IptablesError."""
    return RuleParser().parse(words)


def check_new_chain(name: str) -> None:
    """Raises IptablesError for a name that -N does not take."""
    check_chain_name(name)
    if name in STANDARD or name in TARGETS or name in UNSUPPORTED_TARGETS:
        raise IptablesError("chain name may not clash with target name")


def check_chain_name(name: str) -> None:
    """Raises IptablesError for a name that no chain may have."""
    if len(name) <= MAX_CHAIN and CHAIN_NAME(name):
        return
    if len(name) > MAX_CHAIN:
        raise IptablesError(f"chain name `{name}' too long (must be under {MAX_CHAIN + 1} chars)")
    raise IptablesError(f"chain name `{name}' not allowed to start with `-' or `!', or to hold blanks")


def check_interfaces(chain: str, rule: Rule) -> None:
    """-i has no sense where packets leave, -o none where they come in."""
    if rule.iniface and chain in ("OUTPUT", "POSTROUTING"):
        raise IptablesError(f"Can't use -i with {chain}")
    if rule.outiface and chain in ("PREROUTING", "INPUT"):
        raise IptablesError(f"Can't use -o with {chain}")


def interface(name: str) -> str:
    """A device's name or pattern."""
    if not name:
        raise IptablesError("Empty interface is likely to be undesired")
    if len(name) >= 16:
        raise IptablesError(f"interface name `{name}' must be shorter than IFNAMSIZ (15)")
    if name.split() != [name]:
        raise IptablesError(f"interface name `{name}' holds a blank")
    return name


def addresses(text: str, inverted: bool) -> list[Source]:
    """`10.0.0.1`, `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, or several with commas: (address, mask) pairs, host bits cleared."""
    if "," not in text:
        return [address(text)]
    if inverted:
        raise IptablesError("! not allowed with multiple source or destination IP addresses")
    return [address(each) for each in text.split(",") if each]


@lru_cache(maxsize=65536)
def address(text: str) -> Source:
    """One address with an optional mask or prefix length."""
    host, slash, length = text.partition("/")
    value = dotted(host, pad=True)
    if value is None:
        raise IptablesError(f"host/network `{host}' not found")
    mask = 0xFFFFFFFF
    if slash:
        bits = number(length, 0, 32) if length.isdigit() else None
        if bits is not None:
            mask = prefix_mask(bits)
        else:
            given = dotted(length, pad=False)
            if given is None:
                raise IptablesError(f"invalid mask `{length}' specified")
            mask = given
    return value & mask, mask


def dotted(text: str, pad: bool) -> int | None:
    """Dotted decimal; octets may be left out at the end of an address (10/8)."""
    parts = text.split(".")
    if len(parts) > 4 or (len(parts) < 4 and not pad):
        return None
    value = 0
    for part in parts:
        if not (part.isascii() and part.isdigit()) or len(part) > 3 or int(part) > 255:
            return None
        value = value << 8 | int(part)
    return value << 8 * (4 - len(parts))
