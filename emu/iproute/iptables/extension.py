"""What an extension (`-m NAME`, `-j NAME`) is: its options, how they become a match or target of the kernel, and how that is written back.

Options are a table: long name -> Option. The parser looks up, checks `!` and the argument, and calls `take(state, argument, inverted)`; `state`
collects what was given, `build` makes the kernel's object of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from emu.iproute.iptables.errors import IptablesError

State = dict[str, Any]


class Option(NamedTuple):
    """`take`: what to do; `arguments`: how many words follow; `invert`: `!` is allowed; `once`: a second time is an error."""

    take: Callable[[State, str, bool], None]
    arguments: int = 1
    invert: bool = False
    once: bool = True


class Extension:
    """One match or target. `protocol`: number that `-p` must have, 0 for any."""

    name = ""
    protocol = 0
    options: dict[str, Option] = {}

    def build(self, state: State) -> Any:
        """The kernel's object. `state["rule"]` is the rule so far (its protocol is known). Raises IptablesError."""
        raise NotImplementedError(self.name)

    def save(self, made: Any) -> str:
        """The options as iptables-save writes them, with a leading blank; empty for none."""
        raise NotImplementedError(self.name)

    def show(self, made: Any, numeric: bool) -> str:
        """As in the last column of `iptables -L`."""
        raise NotImplementedError(self.name)

    def error(self, text: str) -> IptablesError:
        """An error that names the extension."""
        return IptablesError(f"{self.name}: {text}")

    def required(self, state: State, option: str, key: str = "") -> Any:
        """The value of an option that must be given."""
        value = state.get(key or option)
        if value is None:
            raise self.error(f'option "--{option}" must be specified')
        return value


MATCHES: dict[str, Extension] = {}
TARGETS: dict[str, Extension] = {}


def match(extension: Extension, *aliases: str) -> None:
    """Register a match."""
    for name in (extension.name, *aliases):
        MATCHES[name] = extension


def target(extension: Extension, *aliases: str) -> None:
    """Register a target."""
    for name in (extension.name, *aliases):
        TARGETS[name] = extension


def keep(key: str) -> Callable[[State, str, bool], None]:
    """Keep (argument, inverted) under `key`."""

    def take(state: State, argument: str, inverted: bool) -> None:
        state[key] = (argument, inverted)

    return take


def flag(key: str, value: Any = True) -> Option:
    """An option without argument that sets `key`."""

    def take(state: State, argument: str, inverted: bool) -> None:
        state[key] = value

    return Option(take, 0)
