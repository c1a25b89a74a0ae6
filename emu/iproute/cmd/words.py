"""A command line as iproute2 reads it: word by word, keywords shortened as far as it allows, its complaints in its words (lib/utils.c)."""

from __future__ import annotations

from collections.abc import Iterable

from emu.iproute.cmd.invocation import Stop
from emu.wire.addr import cidr_parse, ip_int, mac_bytes


def matches(word: str, name: str) -> bool:
    """`matches`: the word is the name, or a beginning of it."""
    return bool(word) and name.startswith(word)


def pick(word: str, names: Iterable[str]) -> str | None:
    """The keyword that a word means: the first of `names` that fits. A name that ends in `*` may be shortened."""
    for name in names:
        if word == name or (name.endswith("*") and matches(word, name[:-1])):
            return name.rstrip("*")
    return None


def incomplete() -> Stop:
    return Stop('Command line is not complete. Try option "help"\n', 255)


def wrong(word: str, why: str) -> Stop:
    """invarg."""
    return Stop(f'Error: argument "{word}" is wrong: {why}\n', 255)


def garbage(name: str, word: str) -> Stop:
    """duparg2."""
    return Stop(f'Error: either "{name}" is duplicate, or "{word}" is a garbage.\n', 255)


def twice(name: str, word: str) -> Stop:
    """duparg."""
    return Stop(f'Error: duplicate "{name}": "{word}" is the second value.\n', 255)


class Words:
    """The words that are still to be read."""

    def __init__(self, words: Iterable[str]) -> None:
        self.words = list(words)
        self.at = 0
        self.family = "any valid"  # what addresses are expected to be, in iproute2's words: `inet` once it is known

    def __bool__(self) -> bool:
        return self.at < len(self.words)

    def peek(self) -> str:
        """The next word, not taken yet."""
        return self.words[self.at]

    def take(self) -> str:
        """The next word (NEXT_ARG: there must be one)."""
        if self.at >= len(self.words):
            raise incomplete()
        self.at += 1
        return self.words[self.at - 1]

    def rest(self) -> list[str]:
        """All that is left, taken."""
        rest, self.at = self.words[self.at :], len(self.words)
        return rest

    def number(self, what: str, low: int = 0, high: int = 0xFFFFFFFF) -> int:
        """The value of a keyword, in any base C knows. `what`: why it is wrong if it is no such number."""
        word = self.take()
        value = integer(word)
        if value is None or not low <= value <= high:
            raise wrong(word, what)
        return value

    def on_off(self, name: str) -> bool:
        """`on` or `off` (parse_on_off, as the keywords of `ip link set` take it)."""
        word = self.take()
        if word not in ("on", "off"):
            raise Stop(f'Error: argument of "{name}" must be "on" or "off", not "{word}"\n', 1)
        return word == "on"

    def one_of_on_off(self, name: str, status: int) -> bool:
        """`on` or `off` (parse_on_off, in the words of bridges), or the end with `status`."""
        word = self.take()
        if word not in ("on", "off"):
            raise Stop(f'Error: argument of "{name}" must be one of "off", "on", not "{word}"\n', status)
        return word == "on"

    def address(self) -> str:
        """An IPv4 address."""
        return self.checked_address(self.take())

    def checked_address(self, word: str) -> str:
        """`checked_address` in the family known so far."""
        address, self.family = checked_address(word, self.family), "inet"
        return address

    def prefix(self) -> str:
        """An IPv4 prefix, or `default`, `all`, `any`."""
        return self.checked_prefix(self.take())

    def checked_prefix(self, word: str) -> str:
        """`checked_prefix` in the family known so far."""
        prefix, self.family = checked_prefix(word, self.family), "inet"
        return prefix

    def numeric_prefix(self, word: str) -> str:
        """`checked_prefix` with `default`, `all` and `any` written as 0.0.0.0/0."""
        prefix = self.checked_prefix(word)
        return "0.0.0.0/0" if prefix in ("default", "all", "any") else prefix

    def mac(self) -> bytes:
        """A MAC (ll_addr_a2n)."""
        word = self.take()
        try:
            return mac_bytes(word)
        except ValueError:
            octets = word.split(":")
            if all(octet and len(octet) <= 2 and all(char in "0123456789abcdefABCDEF" for char in octet) for octet in octets):
                raise Stop(f"Invalid address length {len(octets)} - must be 6 bytes\n", 1) from None
            raise Stop(f'"{word}" is invalid lladdr.\n', 1) from None


def integer(word: str) -> int | None:
    """strtoul with base 0: decimal, 0x.., or octal with a leading 0."""
    try:
        return int(word, 8) if len(word) > 1 and word[0] == "0" and word.isdecimal() else int(word, 0)
    except ValueError:
        return None


def checked_address(word: str, family: str = "inet") -> str:
    """get_addr: an IPv4 address or iproute2's complaint. `any` and shortened forms (`10.1`) are written out."""
    if ":" in word:
        raise Stop(f"emu: not emulated: IPv6 ({word})\n", 1)
    full = _padded(word)
    if full is None:
        raise Stop(f'Error: {family} address is expected rather than "{word}".\n', 1)
    return full


def checked_prefix(word: str, family: str = "any valid") -> str:
    """get_prefix: `10.0.0.0/24`, `10/8`, `10.1`, `default`, or iproute2's complaint. `10/8` is written out as `10.0.0.0/8`."""
    if word in ("default", "all", "any"):
        return word
    if ":" in word:
        raise Stop(f"emu: not emulated: IPv6 ({word})\n", 1)
    head, slash, length = word.partition("/")
    full = _padded(head)
    try:
        if full is None:
            raise ValueError
        if slash and "." in length:  # a netmask
            mask = ip_int(length)
            ones = mask.bit_count()
            if mask != (0xFFFFFFFF << (32 - ones)) & 0xFFFFFFFF:
                raise ValueError
            length = str(ones)
        cidr_parse(text := full + slash + length)
    except ValueError:
        raise Stop(f'Error: {family} prefix is expected rather than "{word}".\n', 1) from None
    return text


def _padded(word: str) -> str | None:
    """get_addr_ipv4: one to four decimal octets; what is missing is 0."""
    if word in ("default", "any"):
        return "0.0.0.0"
    parts = word.split(".")
    if len(parts) > 4 or not all(part.isascii() and part.isdigit() and int(part) < 256 for part in parts):
        return None
    return ".".join([str(int(part)) for part in parts] + ["0"] * (4 - len(parts)))
