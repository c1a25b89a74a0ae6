"""Short options as getopt reads them."""

from __future__ import annotations


class Usage(Exception):
    """What is wrong with a command line, and the exit status."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class Values(dict[str, str]):
    """Options that have a value."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.command = name

    def text(self, option: str, default: str) -> str:
        """As it was typed."""
        return self.get(option, default)

    def number(self, option: str, default: float = 0.0) -> float:
        """Seconds and the like. Raises Usage."""
        if option not in self:
            return default
        try:
            value = float(self[option])
        except ValueError:
            value = -1.0
        if value < 0:
            raise Usage(f"{self.command}: invalid argument: '{self[option]}'", 1)
        return value

    def whole(self, option: str, default: int = 0) -> int:
        """A whole number, also 0x... Raises Usage."""
        if option not in self:
            return default
        try:
            value = int(self[option], 0)
        except ValueError:
            raise Usage(f"{self.command}: invalid argument: '{self[option]}'", 1) from None
        if value < 0:
            raise Usage(f"{self.command}: invalid argument: '{self[option]}': out of range", 1)
        return value


def parse(
    name: str, words: list[str], flags: str, values: str, long: dict[str, str] | None = None, many: list[tuple[str, str]] | None = None,
) -> tuple[list[str], Values, list[str]]:  # fmt: skip
    """The flags that were given (as often as they were), options with values, and the rest; options may stand anywhere. `long`: long name -> letter.

    `many` gets every option with a value, in order, also what is given again. Raises Usage.
    """
    given: list[str] = []
    seen = many if many is not None else []
    valued = Values(name)
    rest: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word == "--":
            return given, valued, rest + queue
        if word.startswith("--") and long is not None:
            option, equals, value = word[2:].partition("=")
            letter = long.get(option, "")
            if letter in values and letter:
                valued[letter] = value if equals else _value(name, word, queue)
                seen.append((letter, valued[letter]))
            elif letter:
                given.append(letter)
            else:
                raise Usage(f"emu: not emulated: {name} {word}", 2)
            continue
        if not word.startswith("-") or word == "-":
            rest.append(word)
            continue
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in values:
                valued[letter] = letters or _value(name, f"-{letter}", queue)
                seen.append((letter, valued[letter]))
                break
            if letter not in flags:
                raise Usage(f"emu: not emulated: {name} -{letter}", 2)
            given.append(letter)
    return given, valued, rest


def _value(name: str, option: str, queue: list[str]) -> str:
    if not queue:
        raise Usage(f"{name}: option requires an argument -- '{option.lstrip('-')}'", 2)
    return queue.pop(0)
