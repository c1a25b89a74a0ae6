"""Capture filters: the common part of pcap-filter(7). What is not understood is refused, never ignored."""

from __future__ import annotations

from collections.abc import Callable
from struct import unpack_from

from emu.wire.addr import ip_int

Test = Callable[[bytes], bool]
PROTOCOLS = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17}
PORTS = {"http": 80, "https": 443, "domain": 53, "ssh": 22, "ntp": 123}


class FilterError(ValueError):
    """The expression is wrong or not understood."""


def everything(wire: bytes) -> bool:
    """No filter."""
    return True


def compile_filter(words: list[str]) -> Test:
    """A test of a frame's bytes. Raises FilterError."""
    tokens = " ".join(words).replace("(", " ( ").replace(")", " ) ").replace("!", " ! ").replace("&&", " and ").replace("||", " or ").split()
    if not tokens:
        return everything
    parser = _Parser(tokens)
    test = parser.either()
    if parser.tokens:
        raise FilterError(f"'{parser.tokens[0]}'")
    return test


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens

    def next(self) -> str:
        if not self.tokens:
            raise FilterError("the expression ends too early")
        return self.tokens.pop(0)

    def accept(self, *words: str) -> bool:
        if self.tokens and self.tokens[0] in words:
            self.tokens.pop(0)
            return True
        return False

    def either(self) -> Test:
        """pcap-filter gives `and` and `or` the same precedence, from left to right."""
        test = self.single()
        while self.tokens and self.tokens[0] in ("and", "or"):
            test = _join(self.next(), test, self.single())
        return test

    def single(self) -> Test:
        if self.accept("not", "!"):
            inner = self.single()
            return lambda wire: not inner(wire)
        if self.accept("("):
            test = self.either()
            if not self.accept(")"):
                raise FilterError("a bracket is not closed")
            return test
        return self.primitive()

    def primitive(self) -> Test:
        word = self.next()
        if word == "arp":
            return lambda wire: wire[12:14] == b"\x08\x06"
        if word in ("ip", "ip6"):
            kind = b"\x08\x00" if word == "ip" else b"\x86\xdd"
            return lambda wire: wire[12:14] == kind
        if word in PROTOCOLS:
            number = PROTOCOLS[word]
            test: Test = lambda wire: _protocol(wire) == number  # noqa: E731
            if self.tokens and self.tokens[0] in ("port", "src", "dst", "host"):
                return _join("and", test, self.primitive())
            return test
        if word in ("src", "dst"):
            return self.address(word, self.next())
        if word in ("host", "port", "net"):
            return self.address("", word)
        raise FilterError(f"'{word}'")

    def address(self, side: str, kind: str) -> Test:
        if kind == "port":
            word = self.next()
            number = PORTS.get(word, int(word) if word.isdigit() else -1)
            if not 0 <= number <= 65535:
                raise FilterError(f"port '{word}'")
            return lambda wire: number in _ports(wire, side)
        word = self.next() if kind in ("host", "net") else kind
        base, slash, length = word.partition("/")
        try:
            wanted, bits = ip_int(base), int(length) if slash else 32
        except ValueError:
            raise FilterError(f"'{word}'") from None
        mask = 0xFFFFFFFF << (32 - bits) & 0xFFFFFFFF
        return lambda wire: any(address & mask == wanted & mask for address in _addresses(wire, side))


def _join(word: str, left: Test, right: Test) -> Test:
    if word == "and":
        return lambda wire: left(wire) and right(wire)
    return lambda wire: left(wire) or right(wire)


def _protocol(wire: bytes) -> int:
    return wire[23] if len(wire) >= 34 and wire[12:14] == b"\x08\x00" else -1


def _addresses(wire: bytes, side: str) -> tuple[int, ...]:
    if len(wire) >= 34 and wire[12:14] == b"\x08\x00":
        pair = unpack_from("!II", wire, 26)
    elif len(wire) >= 42 and wire[12:14] == b"\x08\x06":
        pair = (unpack_from("!I", wire, 28)[0], unpack_from("!I", wire, 38)[0])
    else:
        return ()
    return pair[:1] if side == "src" else pair[1:] if side == "dst" else pair


def _ports(wire: bytes, side: str) -> tuple[int, ...]:
    start = 14 + (wire[14] & 15) * 4 if len(wire) >= 34 else 0
    if _protocol(wire) not in (6, 17, 132) or (wire[20] << 8 | wire[21]) & 0x1FFF or len(wire) < start + 4:
        return ()
    pair = unpack_from("!HH", wire, start)
    return pair[:1] if side == "src" else pair[1:] if side == "dst" else pair
