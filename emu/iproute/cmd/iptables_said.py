"""What iptables and iptables-restore say when they refuse: all their lines, as iptables 1.8.9 (nf_tables) writes them."""

from __future__ import annotations

import re

from emu.iproute.iptables import IptablesError

RELEASE = "v1.8.9 (nf_tables)"
# The emulator says why; the kernel only says where.
REFUSED = re.compile(r"((?:RULE|CHAIN)_\w+ failed \([^)]*\): (?:rule in )?chain [^\s:]+)(?:[: ].*)?$").fullmatch
NOT_EMULATED = re.compile(r"Couldn't load (match|target) `([^']*)'").match
# What iptables ends with a line feed of its own
SPACED = re.compile(
    r"Can't use -[io] with |Couldn't load match |.* must be specified$|.*, or out of range|.* can only be used once|.* cannot be inverted|.* also requires \""
).match


def said(name: str, error: IptablesError) -> str:
    """The text on standard error. `name`: iptables or iptables-restore."""
    words = error.words
    if not error.emulated:
        found = NOT_EMULATED(words)
        return f"emu: not emulated: {name} {'-m' if found[1] == 'match' else '-j'} {found[2]}\n" if found else f"emu: not emulated: {name}: {words}\n"
    found = REFUSED(words)
    if found:
        words = found[1]
    if words.startswith("Couldn't load match"):
        words = words.removesuffix(": no such match") + ":No such file or directory"
    words += "\n" if SPACED(words) else ""
    if words.startswith('The "nat" table'):
        words = f"\n{words}\n\n"
    head = f"{name} {RELEASE}: "
    hint = f"Try `{name} -h' or '{name} --help' for more information.\n"
    if error.status == 3:
        return f"{head}{words}\nPerhaps iptables or your kernel needs to be upgraded.\n"
    if name == "iptables-restore":
        return _restore(head, words, hint, error)
    if words.startswith("Bad argument "):
        return f"{words}\n{hint}"
    if error.status == 2:
        return f"{head}{words}\n{hint}"
    if "Bad policy name." in words:
        words += " Run `dmesg' for more information."
    if found:
        return f"{head} {words}\n"
    return f"{head if 'incompatible' in words else 'iptables: '}{words}\n"


def _restore(head: str, words: str, hint: str, error: IptablesError) -> str:
    if error.status == 4:
        return f"{head}\nline {error.line}: {words}\n"
    if error.status == 2:
        return f"{head}{words}\nError occurred at line: {error.line}\n{hint}"
    return f"{words}\n" if words.startswith("iptables-restore: ") else f"iptables-restore: line {error.line} failed: {words}\n"
