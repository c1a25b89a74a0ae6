"""An iptables-restore text, parsed: tables with their edits. Texts and lines that were parsed before are not parsed again.

5,000 nodes load the same kube-proxy text: the text is looked up whole. A text that differs a little is parsed line by line, and each line is
looked up: its rules are shared objects.
"""

from __future__ import annotations

from typing import Any

from emu.iproute.iptables import ext_header, ext_limit, ext_nat, ext_packet, ext_ports, ext_random, ext_state, ext_targets
from emu.iproute.iptables.errors import IptablesError
from emu.iproute.iptables.lexer import split
from emu.iproute.iptables.names import number
from emu.iproute.iptables.rule_parser import check_chain_name, check_interfaces, check_new_chain, parse_rule
from emu.net.netfilter.rule import STANDARD, Rule
from emu.net.netfilter.table import BUILTIN

EXTENSIONS = (ext_header, ext_limit, ext_nat, ext_packet, ext_ports, ext_random, ext_state, ext_targets)  # importing them registers them
CACHED_LINES = 200_000
CACHED_CHARACTERS = 64_000_000

COMMANDS = {
    "-A": "A", "--append": "A", "-I": "I", "--insert": "I", "-D": "D", "--delete": "D", "-R": "R", "--replace": "R", "-C": "C", "--check": "C",
    "-N": "N", "--new-chain": "N", "--new": "N", "-X": "X", "--delete-chain": "X", "-E": "E", "--rename-chain": "E", "--rename": "E",
    "-F": "F", "--flush": "F", "-P": "P", "--policy": "P", "-Z": "Z", "--zero": "Z",
}  # fmt: skip


class Line:
    """One edit. `what`: the command's letter, ":" for a chain line. `index`: rule number from 0, None if not given. `argument`: policy or new
    name. Never changed, since it is shared.
    """

    __slots__ = ("argument", "chain", "counters", "drops", "index", "memo", "needs_ct", "own_counters", "rules", "tables", "what")

    def __init__(self, what: str, chain: str) -> None:
        self.what = what
        self.chain = chain
        self.index: int | None = None
        self.rules: list[Rule] = []
        self.counters: tuple[int, int] | None = None  # [packets:bytes], taken only if asked for
        self.own_counters: tuple[int, int] | None = None  # -c
        self.argument = ""
        self.needs_ct = False
        self.drops = False
        self.memo: dict[Any, Any] = {}  # of a command: (table, content) -> the change it makes
        self.tables: tuple[str, ...] | None = None  # where its target may stand


class Section:
    """One `*table` ... `COMMIT`. `lines`: (line number, Line)."""

    __slots__ = ("committed_at", "counting", "lines", "memo", "needs_ct", "plans", "table", "zeroes")

    def __init__(self, table: str) -> None:
        self.table = table
        self.lines: list[tuple[int, Line]] = []
        self.zeroes: list[Line] = []
        self.committed_at = 0
        self.counting = False
        self.needs_ct = False
        self.plans: dict[bool, Any] = {}  # see restore.py
        self.memo: dict[Any, Any] = {}


class Document:
    """Tables in order, and the error that parsing ended with: what was committed before it takes effect all the same."""

    __slots__ = ("error", "sections")

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self.error: IptablesError | None = None


_documents: dict[str, Document] = {}
_cached_characters = 0
_lines: dict[str, Line] = {}


def document(text: str) -> Document:
    """The parsed form of a text."""
    global _cached_characters
    found = _documents.get(text)
    if found is None:
        found = _parse(text)
        if len(text) <= CACHED_CHARACTERS // 2:
            _documents[text] = found
            _cached_characters += len(text)
            while _cached_characters > CACHED_CHARACTERS:
                oldest = next(iter(_documents))
                _cached_characters -= len(oldest)
                del _documents[oldest]
    return found


def line(text: str) -> Line:
    """The parsed form of one line."""
    found = _lines.get(text)
    if found is None:
        found = _parse_line(text)
        if len(_lines) >= CACHED_LINES:
            for old in list(_lines)[: CACHED_LINES // 4]:
                del _lines[old]
        _lines[text] = found
    return found


def _parse(text: str) -> Document:
    result = Document()
    section: Section | None = None
    lines = text.split("\n")
    known = _lines.get
    for at, raw in enumerate(lines, 1):
        found = known(raw) if section is not None else None
        if found is None or found.drops:
            stripped = raw.strip()
            if not stripped or stripped[0] == "#":
                continue
            try:
                if section is None:
                    section = _table_line(stripped, at)
                    continue
                if stripped == "COMMIT":
                    section.committed_at = at
                    result.sections.append(section)
                    section = None
                    continue
                if stripped[0] == "*":
                    raise IptablesError(f"iptables-restore: line {at} failed: COMMIT expected before {stripped}")
                found = line(raw)
                if found.drops:
                    allow_drop(section.table)
            except IptablesError as error:
                where = "" if str(error).startswith("iptables-restore:") else f"iptables-restore: line {at}: "
                result.error = error.placed(where, at)
                return result
        assert section is not None
        section.lines.append((at, found))
        if found.what == "Z":
            section.zeroes.append(found)
        if found.needs_ct:
            section.needs_ct = True
        if found.rules and found.rules[0].counting:
            section.counting = True
    if section is not None:
        result.error = IptablesError(f"iptables-restore: COMMIT expected at line {len(lines) + bool(lines[-1])}", 1)
    return result


def _table_line(text: str, at: int) -> Section:
    if text[0] != "*":
        raise IptablesError(f"iptables-restore: line {at} failed: no table was named before `{text}'", 1, words=f"iptables-restore: line {at} failed")
    name = text[1:].strip()
    if name == "security":
        raise IptablesError(f"iptables-restore: line {at}: the table 'security' is not supported here", emulated=False)
    if name not in BUILTIN:
        raise IptablesError(f"iptables-restore: line {at} table name '{name}' invalid")
    return Section(name)


def _parse_line(text: str) -> Line:
    text = text.strip()
    if text[0] == ":":
        return _chain_line(text)
    counters: tuple[int, int] | None = None
    if text[0] == "[":
        first, _, rest = text[1:].partition("]")
        packets, _, octets = first.partition(":")
        values = number(packets, 0, 1 << 64), number(octets, 0, 1 << 64)
        if values[0] is None or values[1] is None:
            raise IptablesError(f"invalid counters `[{first}]'")
        counters = values[0], values[1]
        text = rest.strip()
    words = split(text)
    if not words:
        raise IptablesError("Bad argument `'")
    what = COMMANDS.get(words[0])
    if what is None:
        if words[0] in ("-t", "--table"):
            raise IptablesError("The -t option cannot be used in iptables-restore.")
        if words[0] in ("-L", "--list", "-S", "--list-rules"):
            raise IptablesError(f"{words[0]} cannot be used in iptables-restore")
        raise IptablesError(f"Bad argument `{words[0]}'" if not words[0].startswith("-") else f'unknown option "{words[0]}"')
    return edit_line(what, words[1:], counters, words[0])


def edit_line(what: str, words: list[str], counters: tuple[int, int] | None = None, option: str = "") -> Line:
    """The edit that a command and its words stand for."""
    if any(word in ("-t", "--table") for word in words) and not option.startswith("command "):
        raise IptablesError("The -t option cannot be used in iptables-restore.")
    option = option.removeprefix("command ") or f"-{what}"
    if what in "FXZ" and (not words or words[0].startswith("-")):
        if words:
            raise IptablesError(f"Illegal option `{words[0]}' with this command")
        return Line(what, "")
    if not words:
        raise IptablesError(f'option "{option}" requires an argument')
    made = Line(what, words[0])
    rest = words[1:]
    if what == "N":
        check_new_chain(made.chain)
    elif what not in "FXZP":
        check_chain_name(made.chain)
    if what in "NXF" and rest:
        raise IptablesError(f"Bad argument `{rest[0]}'")
    if what == "Z" and rest:
        made.index = _rule_number(rest[0])
    elif what in "PE":
        if len(rest) != 1:
            raise IptablesError(f"-{what} requires a chain and a {'policy' if what == 'P' else 'new name'}")
        made.argument = rest[0]
        if what == "E":
            check_chain_name(rest[0])
    elif what in "AIDRC":
        if what in "IDR" and rest and rest[0].isdigit():
            made.index = _rule_number(rest[0])
            rest = rest[1:]
        elif what == "R":
            raise IptablesError("-R requires a rule number")
        elif what == "I":
            made.index = 0
        if what == "D" and made.index is not None:
            if rest:
                raise IptablesError(f"Illegal option `{rest[0]}' with this command")
            return made
        try:
            parsed = parse_rule(rest)
        except IptablesError as error:
            why = error.words.removeprefix("RULE_APPEND failed (Invalid argument): ")
            if why == error.words:
                raise
            raise IptablesError(f"RULE_APPEND failed (Invalid argument): rule in chain {made.chain}: {why}", 4) from None
        if what == "R" and len(parsed.rules) != 1:
            raise IptablesError("Replacement rule does not specify a unique address")
        made.rules = parsed.rules
        made.counters = counters
        made.own_counters = parsed.counters
        for rule in made.rules:
            check_interfaces(made.chain, rule)
        first = made.rules[0]
        made.drops = first.target is STANDARD["DROP"]
        made.needs_ct = first.needs_ct
        made.tables = first.target.tables if first.target is not None else None
    return made


def allow_drop(table: str) -> None:
    """Packets are not to be dropped in nat, which sees only the first of each connection. Raises IptablesError."""
    if table == "nat":
        raise IptablesError('The "nat" table is not intended for filtering, the use of DROP is therefore inhibited.')


def _rule_number(text: str) -> int:
    value = number(text, 1, 0x7FFFFFFF)
    if value is None:
        raise IptablesError(f"Invalid rule number `{text}'")
    return value - 1


def _chain_line(text: str) -> Line:
    words = text[1:].split()
    if not words:
        raise IptablesError("iptables-restore: chain name missing")
    made = Line(":", words[0])
    check_chain_name(words[0])
    if len(words) < 2:
        raise IptablesError("Policy missing")
    made.argument = words[1]
    if len(words) > 2:
        packets, _, octets = words[2].strip("[]").partition(":")
        values = number(packets, 0, 1 << 64), number(octets, 0, 1 << 64)
        if values[0] is None or values[1] is None:
            raise IptablesError(f"invalid policy counters for chain '{words[0]}'")
        made.counters = values[0], values[1]
    return made
