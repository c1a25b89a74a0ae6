"""YAML and JSON texts to plain Python values, safely: the parser's events are put together here, without recursion and within bounds.

Scalars mean what they mean to kubectl (YAML 1.1 without timestamps and base-60 numbers). Aliases are shared, not copied, and what they would
expand to is bounded, so that no text can blow up later where a value is walked or printed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from emu.k8s.objects import KubernetesError

MAX_DEPTH = 100
MAX_EXPANSION = 10_000_000  # values in one document once all aliases are followed
MAX_SCALAR = 4 << 20  # etcd takes 1.5 MiB for a whole object

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[1-9][0-9_]*|0)\Z")
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*|[0-9][0-9_]*(?=[eE]))(?:[eE][-+]?[0-9]+)?\Z")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **{word: True for base in ("true", "yes", "on") for word in (base, base.title(), base.upper())},
    **{word: False for base in ("false", "no", "off") for word in (base, base.title(), base.upper())},
    **{sign + word: float(f"{sign}inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_TAGS = "tag:yaml.org,2002:"


def load(text: str, name: str) -> Iterator[tuple[int, int, Any]]:
    """(number of the document, its first line, its value), both from 1, for every document that is not empty. Raises KubernetesError."""
    if text.lstrip()[:1] == "{" and (value := _json(text, name)) is not None:
        yield 1, 1, value
        return
    try:
        yield from _Builder(name).documents(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise KubernetesError(f"{name}: line {line}: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise KubernetesError(f"{name}: {' '.join(str(error).split())}") from None
    except UnicodeEncodeError:
        raise KubernetesError(f"{name}: holds characters that are no text") from None


def _json(text: str, name: str) -> Any:
    """JSON is read faster by its own parser. None if it is none."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            keys = [key for key, _ in pairs]
            double = next(key for key in keys if keys.count(key) > 1)
            raise KubernetesError(f"{name}: the key {double[:60]!r} is there twice")
        return value

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError:
        return None  # it may be YAML that begins so
    except RecursionError:
        raise KubernetesError(f"{name}: nested more than {MAX_DEPTH} deep") from None


class _Open:
    """A mapping or list that is being read. `size`: values in it once aliases are followed."""

    __slots__ = ("anchor", "key", "line", "merges", "size", "value")

    def __init__(self, value: Any, anchor: str | None, line: int) -> None:
        self.value = value
        self.anchor = anchor
        self.line = line
        self.size = 1
        self.key: Any = _Open  # none waits for its value
        self.merges: list[Any] = []


class _Builder:
    def __init__(self, name: str) -> None:
        self.name = name
        self._scalars: dict[str, Any] = {}

    def documents(self, text: str) -> Iterator[tuple[int, int, Any]]:
        number = 0
        first = 1
        stack: list[_Open] = []
        anchors: dict[str, tuple[Any, int]] = {}
        root: Any = None
        event: Any
        for event in yaml.parse(text, Loader=_PARSER):
            kind = type(event)
            if kind is yaml.ScalarEvent:
                value = self._scalar(event)
                if event.anchor:
                    anchors[event.anchor] = value, 1
                size = 1
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                if len(stack) >= MAX_DEPTH:
                    raise KubernetesError(f"{self._at(event)}: nested more than {MAX_DEPTH} deep")
                if event.tag not in (None, "!", f"{_TAGS}map", f"{_TAGS}seq"):
                    raise KubernetesError(f"{self._at(event)}: {event.tag[:60]} is not allowed in a manifest")
                stack.append(_Open({} if kind is yaml.MappingStartEvent else [], event.anchor, event.start_mark.line + 1))
                continue
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                done = stack.pop()
                value, size = done.value, done.size
                for merged in done.merges:
                    self._merge(value, merged, done.line)
                if done.anchor:
                    anchors[done.anchor] = value, size
            elif kind is yaml.AliasEvent:
                if event.anchor not in anchors:
                    raise KubernetesError(f"{self._at(event)}: the alias *{event.anchor[:60]} names nothing before it")
                value, size = anchors[event.anchor]
            else:
                if kind is yaml.DocumentStartEvent:
                    number += 1
                    first = event.end_mark.line + (2 if event.explicit else 1)
                    anchors, root = {}, None
                elif kind is yaml.DocumentEndEvent and root is not None:
                    yield number, first, root
                continue
            if not stack:
                root = value
                continue
            self._put(stack[-1], value, size, event)

    def _put(self, into: _Open, value: Any, size: int, event: Any) -> None:
        into.size += size
        if into.size > MAX_EXPANSION:
            raise KubernetesError(f"{self._at(event)}: its aliases stand for more than {MAX_EXPANSION:,} values")
        if isinstance(into.value, list):
            into.value.append(value)
        elif into.key is _Open:
            into.key = self._key(value, event)
        else:
            key, into.key = into.key, _Open
            if key == "<<":
                into.merges.append(value)
            elif key in into.value:
                raise KubernetesError(f"{self._at(event)}: the key {key[:60]!r} is there twice")
            else:
                into.value[key] = value

    def _key(self, value: Any, event: Any) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bool) or value is None or isinstance(value, (int, float)):
            return json.dumps(value)
        raise KubernetesError(f"{self._at(event)}: a key must be text")

    def _merge(self, into: dict[str, Any], given: Any, line: int) -> None:
        for source in given if isinstance(given, list) else [given]:
            if not isinstance(source, dict):
                raise KubernetesError(f"{self.name}: line {line}: << merges mappings only")
            for key, value in source.items():
                into.setdefault(key, value)

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if len(text) > MAX_SCALAR:
            raise KubernetesError(f"{self._at(event)}: a text of {len(text):,} characters")
        if event.tag is None or event.tag == "!":
            if not event.implicit[0]:
                return text
            if text not in self._scalars:
                if len(text) > 60:
                    return text
                self._scalars[text] = plain(text)
            return self._scalars[text]
        tag = event.tag.removeprefix(_TAGS)
        if tag == "str":
            return text
        value = plain(text)
        types: dict[str, Any] = {"int": int, "bool": bool, "float": (int, float), "null": type(None)}
        wanted = types.get(tag)
        if wanted is None or not isinstance(value, wanted):
            raise KubernetesError(f"{self._at(event)}: {text[:60]!r} as {event.tag[:60]} is not allowed in a manifest")
        return float(value) if tag == "float" else value

    def _at(self, event: Any) -> str:
        return f"{self.name}: line {event.start_mark.line + 1}"


def plain(text: str) -> Any:
    """What an unquoted scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text):
        digits = text.replace("_", "")
        sign, digits = (digits[0], digits[1:]) if digits[0] in "+-" else ("", digits)
        if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
            digits = f"0o{digits[1:]}"  # as in YAML 1.1: 0644
        try:
            return int(f"{sign}{digits}", 0)
        except ValueError:
            return text
    if _FLOAT.match(text):
        return float(text.replace("_", ""))
    return text
