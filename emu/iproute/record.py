"""What a listing prints, once for both forms: text as a person reads it, and JSON (`ip -j`), as iproute2's print_string(key, format, value) has it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


class Record:
    """One object of a listing: pieces of text, and members of a JSON object."""

    __slots__ = ("data", "text")

    def __init__(self) -> None:
        self.text = ""
        self.data: dict[str, Any] = {}

    def add(self, key: str, value: Any, text: str = "") -> None:
        """A member of the object, and how it reads in the text."""
        self.data[key] = value
        self.text += text

    def say(self, text: str) -> None:
        """Something that only the text has."""
        self.text += text


def render(records: Iterable[Record], as_json: bool = False, pretty: bool = False, oneline: bool = False) -> str:
    """A listing. `oneline`: a backslash instead of every newline but a record's last."""
    if as_json:
        return json_text([record.data for record in records], pretty)
    texts = [record.text for record in records]
    if oneline:
        texts = [text[:-1].replace("\n", "\\") + text[-1:] for text in texts]
    return "".join(texts)


def json_text(items: list[Any], pretty: bool = False) -> str:
    """An array as iproute2's json_writer prints it."""
    if pretty:
        return _pretty(items, 0) + "\n"
    return json.dumps(items, separators=(",", ":"), ensure_ascii=False) + "\n"


def _pretty(value: Any, depth: int) -> str:
    """Objects one member a line, arrays around them on the same line."""
    if isinstance(value, dict):
        if not value:
            return "{ }"
        pad = "    " * (depth + 1)
        members = ",\n".join(f'{pad}"{key}": {_pretty(member, depth + 1)}' for key, member in value.items())
        return "{\n" + members + "\n" + "    " * depth + "}"
    if isinstance(value, list):
        if not value:
            return "[ ]"
        return "[ " + ",".join(_pretty(member, depth + 1) for member in value) + " ]"
    return json.dumps(value, ensure_ascii=False)
