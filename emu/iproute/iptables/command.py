"""The iptables command: one edit or one listing of one table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from shlex import join

from emu.iproute.iptables.document import COMMANDS, Line, allow_drop, edit_line
from emu.iproute.iptables.errors import IptablesError, refused
from emu.iproute.iptables.extension import MATCHES, TARGETS
from emu.iproute.iptables.listing import Style, list_chains, one_line, rules_text
from emu.iproute.iptables.names import number
from emu.iproute.iptables.restore import MEMO, apply_line
from emu.iproute.iptables.rule_parser import BASIC
from emu.net.netfilter import get
from emu.net.netfilter.check import MissingChain
from emu.net.netfilter.edit import Edit
from emu.net.netfilter.table import BUILTIN, EMPTY
from emu.net.netfilter.tablestate import Table
from emu.net.netns import Namespace, NetError
from emu.trace.points import COMMAND

PROGRAM = "iptables v1.8.9 (nf_tables)"
ALL_COMMANDS = {**COMMANDS, "-L": "L", "--list": "L", "-S": "S", "--list-rules": "S"}
FLAGS = {
    "-n": "numeric", "--numeric": "numeric", "-v": "verbose", "--verbose": "verbose", "-x": "exact", "--exact": "exact", "--line-numbers": "numbers",
    "-4": "", "--ipv4": "", "-V": "version", "--version": "version",
}  # fmt: skip
WAITS = ("-w", "--wait", "-W", "--wait-interval")  # nothing to wait for here
UNCHANGING = frozenset("LSC")
CHAIN_NEEDED = "ADIRCNPE"
NUMBERED = "DIRLSZ"
EDITING = {"A": "APPEND", "I": "INSERT", "R": "REPLACE"}
RULE_CHAIN = re.compile(r"rule in chain [^\s:]+")
NO_CHAIN = "No chain/target/match by that name."


@cache
def _arguments() -> dict[str, int]:
    """How many words follow each option of an extension."""
    return {name: option.arguments for extension in (*MATCHES.values(), *TARGETS.values()) for name, option in extension.options.items()}


class Request:
    """A command line taken apart. `commands`: letter -> its words (chain, number...). `words`: what is left for the rule."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.table = "filter"
        self.commands: dict[str, list[str]] = {}
        self.words: list[str] = []
        self.style = Style()
        self.version = False
        self.given: list[str] = []
        counts = _arguments()
        pending = [str(word) for word in reversed(argv)]
        while pending:
            word = pending.pop()
            if word.startswith("-") and not word.startswith("--") and len(word) > 2:
                # -nvL, -tnat, -nLINPUT: one letter off, the rest is more letters or its argument
                head, rest = word[:2], word[2:]
                takes = head in ALL_COMMANDS or head in BASIC or head in ("-t", "-w", "-W")
                pending.append(rest if takes else f"-{rest}")
                word = head
            if word in ALL_COMMANDS:
                self._command(ALL_COMMANDS[word], word, pending)
            elif word in ("-t", "--table"):
                if not pending:
                    raise IptablesError(f'option "{word}" requires an argument')
                self.table = pending.pop()
            elif word.startswith("--table="):
                self.table = word.partition("=")[2]
            elif word in WAITS:
                if pending and number(pending[-1], 0, 1 << 31) is not None:
                    pending.pop()
            elif word in FLAGS:
                if FLAGS[word] == "version":
                    self.version = True
                elif FLAGS[word]:
                    setattr(self.style, FLAGS[word], True)
                    self.given.append(word)
            else:
                self.words.append(word)
                for _ in range(2 if word in ("-c", "--set-counters") else counts.get(word, 1 if word in BASIC and BASIC[word] != "f" else 0)):
                    if pending:
                        self.words.append(pending.pop())

    def _command(self, letter: str, word: str, pending: list[str]) -> None:
        if self.commands and {letter, *self.commands} != {"L", "Z"} and {letter, *self.commands} != {"S", "Z"}:
            first = next(iter(self.commands))
            raise IptablesError(f"Cannot use -{letter} with -{first}")
        words: list[str] = []
        if letter in CHAIN_NEEDED and not pending:
            raise IptablesError(f'option "{word}" requires an argument')
        limit = 2 if letter in NUMBERED + "PE" else 1
        while pending and len(words) < limit and ((not words and letter in CHAIN_NEEDED) or not pending[-1].startswith(("-", "!"))):
            if len(words) == 1 and letter in NUMBERED and not pending[-1].isdigit():
                break
            words.append(pending.pop())
        self.commands[letter] = words


def command(ns: Namespace, argv: Sequence[str]) -> str:
    """Run `iptables` with these arguments (without its own name); returns what it prints. Raises IptablesError with iptables' text and status."""
    try:
        request = Request(argv)
        if request.version:
            return f"{PROGRAM}\n"
        if not request.commands:
            for word in request.words:
                raise IptablesError(f'unknown option "{word}"' if word.startswith("-") else f"Bad argument `{word}'")
            raise IptablesError("no command specified")
        if request.table == "security":
            raise IptablesError("the table 'security' is not supported here", 3, emulated=False)
        if request.table not in BUILTIN:
            raise IptablesError(f"table '{request.table}' does not exist", 3)
        output = ""
        for letter, words in request.commands.items():
            output += _run(ns, request, letter, words)
        if ns.tp.journal and not UNCHANGING.issuperset(request.commands):
            ns.tp.on_journal(COMMAND, ns.name, f"iptables {join(map(str, argv))}")
        return output
    except IptablesError as error:
        if str(error).startswith("iptables"):
            raise
        raise refused(error, f"{PROGRAM}: ") from None
    except MissingChain as error:
        raise IptablesError(f"{PROGRAM}: {error.strerror}", 2, 2, str(error.strerror)) from None
    except NetError as error:
        raise refused(error, "iptables: " if error.errno in (2, 7, 17, 39) or "Bad " in str(error.strerror) else f"{PROGRAM}: ") from None


def _run(ns: Namespace, request: Request, letter: str, words: list[str]) -> str:
    style = request.style
    if letter in "LS":
        if request.words:
            raise IptablesError(f"Bad argument `{request.words[0]}'" if request.words[0][0] != "-" else f'unknown option "{request.words[0]}"')
        return _list(ns, request, letter, words)
    for word in request.given:
        if FLAGS[word] != "verbose" and not ("L" in request.commands or "S" in request.commands):
            raise IptablesError(f"Illegal option `{word}' with this command")
    line = _line(letter, (*words, *request.words))
    if line.drops or (letter == "P" and line.argument == "DROP"):
        allow_drop(request.table)
    try:
        return _edit(ns, request.table, line, style.verbose)
    except NetError as error:
        text = str(error.strerror)
        if letter not in EDITING or not text.startswith("RULE_APPEND"):
            raise
        # the kernel answers about the rule that it was given, wherever a loop through it closes
        text = RULE_CHAIN.sub(f"rule in chain {line.chain}", text.replace("APPEND", EDITING[letter]))
        raise NetError(error.errno or 22, text) from None


@lru_cache(maxsize=10_000)
def _line(letter: str, words: tuple[str, ...]) -> Line:
    """The edit that a command stands for; thousands of nodes give the same commands."""
    return edit_line(letter, list(words), None, f"command -{letter}")


def _edit(ns: Namespace, name: str, line: Line, verbose: bool) -> str:
    nf = get(ns)
    table = nf.tables.get(name)
    content = table.content if table is not None else EMPTY
    known = line.memo.get((name, content)) if line.what != "Z" else None
    if known is not None and not verbose:
        nf.apply(name, known, line.needs_ct)
        return ""
    if table is None and ((line.what in "DR" and line.index is not None) or (line.what in "XZ" and line.chain)):
        raise NetError(2, NO_CHAIN)
    edit = Edit(name, content)
    if line.what == "F" and not line.chain:
        edit.create_all()
    shown = "".join(f"{one_line(rule)}\n" for rule in line.rules) if verbose else ""
    if line.what == "Z":
        apply_line(edit, line, True)
        if table is not None:
            if line.index is not None and line.index >= len(table.chain(line.chain).rules):
                raise NetError(2, NO_CHAIN)
            nf.apply(name, edit.commit(), False)
            table.zero(line.chain or None, line.index)
        return "".join(f"Zeroing chain `{chain}'\n" for chain in _names(edit, line)) if verbose else ""
    if verbose and line.what in "FX":
        word = "Flushing" if line.what == "F" else "Deleting"
        shown = "".join(f"{word} chain `{chain}'\n" for chain in _names(edit, line) if line.what == "F" or line.chain or chain not in BUILTIN[name])
    apply_line(edit, line, True)
    if line.what != "C":
        change = edit.commit()
        if not any(rule.counting for rule in line.rules):
            if len(line.memo) >= MEMO:
                line.memo.clear()
            line.memo[name, content] = change
        nf.apply(name, change, line.needs_ct)
    return shown


def _names(edit: Edit, line: Line) -> list[str]:
    if line.chain:
        return [line.chain]
    order = BUILTIN[edit.table]
    return sorted(edit.names(), key=lambda name: (order.index(name) if name in order else len(order), name.encode()))


def _list(ns: Namespace, request: Request, letter: str, words: list[str]) -> str:
    nf = ns.nf
    table = (nf.tables.get(request.table) if nf is not None else None) or Table(request.table)
    try:
        chains = [table.chain(words[0])] if words else table.chains()
    except KeyError:
        text = f"chain `{words[0]}' in table `{request.table}' is incompatible, use 'nft' tool."
        raise IptablesError(f"{PROGRAM}: {text}", 1, 2, text) from None
    index = None
    if len(words) > 1:
        value = number(words[1], 1, 0x7FFFFFFF)
        if value is None:
            raise IptablesError(f"Invalid rule number `{words[1]}'")
        index = value - 1
    if letter == "S":
        return rules_text(table, chains, request.style.verbose, index)
    return list_chains(table, chains, request.style, index)
