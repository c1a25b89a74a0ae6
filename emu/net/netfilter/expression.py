"""From conditions to one function: rules of one shape share the compiled code and differ in constants only.

A condition is a `Part`: an expression over `skb`, `indev`, `outdev`, `nf` with `{}` for each constant, and the constants. All expressions are
written in this package; what a user types only ever becomes a constant. Making a function of a shape that was seen before costs a
microsecond, so that 50,000 rules can be compiled on demand, and a rule costs one call whatever it tests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Part = tuple[str, tuple[Any, ...]]
MatchFn = Callable[[Any, Any, Any, Any], Any]

_factories: dict[str, Callable[..., MatchFn]] = {}


def call(fn: MatchFn) -> Part:
    """A condition that is a function of its own."""
    return ("{}(skb, indev, outdev, nf)", (fn,))


def compose(parts: list[Part]) -> MatchFn | None:
    """One function that is true when all `parts` are, tested left to right; None for no parts."""
    if not parts:
        return None
    shape = " and ".join([code for code, _ in parts])
    constants = [constant for _, constants in parts for constant in constants]
    factory = _factories.get(shape)
    if factory is None:
        factory = _factories[shape] = _build(shape, len(constants))
    return factory(*constants)


def _build(shape: str, count: int) -> Callable[..., MatchFn]:
    names = [f"c{i}" for i in range(count)]
    source = f"def factory({', '.join(names)}):\n    def match(skb, indev, outdev, nf):\n        return {shape.format(*names)}\n    return match\n"
    scope: dict[str, Any] = {}
    exec(source, scope)
    factory: Callable[..., MatchFn] = scope["factory"]
    return factory
