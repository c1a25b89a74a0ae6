"""Words that routes and rules have in common: names that are numbers (iproute2's rt_names.c)."""

from __future__ import annotations

from emu.iproute import route
from emu.iproute.cmd.words import Words, integer, wrong


def dsfield(words: Words, why: str) -> int:
    """A TOS by its number (rtnl_dsfield_a2n)."""
    word = words.take()
    number = integer(word if word.lower().startswith("0x") else f"0x{word}")  # rtnl_dsfield_a2n: always hexadecimal
    if number is None or not 0 <= number < 256:
        raise wrong(word, why)
    return number


def known(words: Words, names: tuple[str, ...], high: int, why: str) -> str:
    """A name, or a number up to `high`."""
    word = words.take()
    if word in names:
        return word
    number = integer(word)
    if number is None or not 0 <= number <= high:
        raise wrong(word, why)
    return str(number)


def table_of(words: Words, why: str) -> str:
    """A table by name or number (rtnl_rttable_a2n)."""
    return known(words, tuple(route.TABLES), 0xFFFFFFFF, why)
