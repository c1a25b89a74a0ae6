"""Words of a line of an iptables-restore text: separated by blanks, double quotes keep blanks, a backslash keeps the next character in them."""

from __future__ import annotations

import re

from emu.iproute.iptables.errors import IptablesError

# Quoted words without backslashes that touch no other word: the usual case.
STANDING_ALONE = re.compile(r'(?:[^"\\]*(?<!\S)"[^"\\]*"(?!\S))+[^"\\]*').fullmatch


def split(line: str) -> list[str]:
    """The words of a line. An unclosed quote runs to the end, as in iptables-restore."""
    if not line.isascii():
        return _slowly(line)  # str.split takes more for a blank than iptables does
    if '"' not in line:
        return line.split()
    words: list[str] = []
    if STANDING_ALONE(line):
        for index, piece in enumerate(line.split('"')):
            if index & 1:
                words.append(piece)
            else:
                words += piece.split()
        return words
    return _slowly(line)


def _slowly(line: str) -> list[str]:
    words: list[str] = []
    word: list[str] = []
    started = quoted = escaped = False
    for char in line:
        if quoted:
            if escaped:
                word.append(char)
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                quoted = False
            else:
                word.append(char)
        elif char == '"':
            quoted = started = True
        elif char in " \t\n":
            if started or word:
                words.append("".join(word))
                word = []
                started = False
        else:
            word.append(char)
    if started or word:
        words.append("".join(word))
    if len(words) > 255:
        raise IptablesError("too many words in one line")
    return words


SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def quote(text: str) -> str:
    """A string as iptables-save writes it (xtables_save_string): bare if it is of letters, digits, `_` and `-`, else in double quotes."""
    if text and all(char in SAFE for char in text):
        return text
    return '"' + "".join("\\" + char if char in "\"\\'" else char for char in text) + '"'
