"""Fields of a manifest by name and type; whatever is wrong is said with file, object and path, in the API server's words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from emu.k8s.manifest.source import describe
from emu.k8s.objects import KubernetesError

MAX_TOTAL = 256 << 10  # bytes of one object's annotations (TotalAnnotationSizeLimitB)
_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?\Z")
_KEY_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z")
_PREFIX = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*\Z")


class Fields:
    """One mapping. `where`: file, document and object; `path`: of this mapping in the object, empty for the object itself."""

    __slots__ = ("path", "raw", "where")

    def __init__(self, raw: dict[str, Any], where: str, path: str = "") -> None:
        self.raw = raw
        self.where = where
        self.path = path

    def at(self, name: str) -> str:
        """The path of a field; of this mapping itself for an empty name."""
        return f"{self.path}.{name}" if self.path and name else self.path or name

    def fail(self, name: str, text: str) -> NoReturn:
        """Raise KubernetesError about a field."""
        raise KubernetesError(f"{self.where}: {self.at(name)}: {text}")

    def invalid(self, name: str, value: Any, text: str) -> NoReturn:
        """Raise KubernetesError about a field's value."""
        shown = describe(value)
        self.fail(name, f"Invalid value: {shown}: {text}")

    def __contains__(self, name: str) -> bool:
        return self.raw.get(name) is not None

    # -- single values --------------------------------------------------------------------------------------------------------------

    def text(self, name: str, default: str = "") -> str:
        """A string."""
        value = self.raw.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            self.invalid(name, value, "must be a string")
        return value

    def required(self, name: str) -> str:
        """A string that must be there."""
        value = self.text(name)
        if not value:
            self.fail(name, "Required value")
        return value

    def choice(self, name: str, allowed: Sequence[str], default: str = "") -> str:
        """One of some strings."""
        value = self.text(name, default)
        if value not in allowed:
            shown = ", ".join(f'"{word}"' for word in allowed if word)
            self.fail(name, f"Unsupported value: {describe(value)}: supported values: {shown}")
        return value

    def whole(self, name: str, default: int = 0, least: int | None = 0, most: int = 2**31 - 1) -> int:
        """An integer; `least` None: any."""
        value = self.raw.get(name)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool):
            self.invalid(name, value, "must be an integer")
        if (least is not None and value < least) or value > most:
            self.invalid(name, value, f"must be greater than or equal to {least}" if least is not None and value < least else f"must be at most {most}")
        return value

    def port(self, name: str, default: int = 0) -> int:
        """A port number; `default` where there is none."""
        value = self.whole(name, default, None, 2**63)
        if self.raw.get(name) is not None and not 1 <= value <= 65535:
            self.invalid(name, value, "must be between 1 and 65535, inclusive")
        return value

    def port_or_name(self, name: str) -> int | str:
        """A port number or a port's name (IntOrString); 0 where there is none."""
        value = self.raw.get(name)
        if isinstance(value, str):
            if value.isdigit():
                # kubectl keeps it a text, and then no port has such a name: say so now.
                self.invalid(name, value, "must contain at least one letter (a-z): write the number without quotes")
            if not re.fullmatch(r"(?=.{1,15}\Z)(?=.*[a-z])[a-z0-9](?:-?[a-z0-9])*", value):
                self.invalid(name, value, "must be no more than 15 characters: lower case letters, digits and single '-', at least one letter")
            return value
        return self.port(name)

    def percent_or_whole(self, name: str, default: int | str) -> int | str:
        """A number, or a text like `25%`."""
        value = self.raw.get(name)
        if value is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,6}%", value):
            self.invalid(name, value, "must be either the string representation of an integer or a percentage (e.g '5%')")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """true or false."""
        value = self.raw.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.invalid(name, value, "must be true or false")
        return value

    # -- what holds others ----------------------------------------------------------------------------------------------------------

    def mapping(self, name: str) -> Fields:
        """A mapping; an empty one where there is none."""
        value = self.raw.get(name)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            self.invalid(name, value, "must be a mapping")
        return Fields(value, self.where, self.at(name))

    def optional(self, name: str) -> Fields | None:
        """A mapping, None where there is none."""
        return self.mapping(name) if self.raw.get(name) is not None else None

    def items(self, name: str) -> Iterator[Fields]:
        """The mappings of a list."""
        for index, value in enumerate(self.values(name)):
            if not isinstance(value, dict):
                self.invalid(f"{name}[{index}]", value, "must be a mapping")
            yield Fields(value, self.where, f"{self.at(name)}[{index}]")

    def values(self, name: str) -> list[Any]:
        """A list of anything."""
        value = self.raw.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.invalid(name, value, "must be a list")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings."""
        values = self.values(name)
        for index, value in enumerate(values):
            if not isinstance(value, str):
                self.invalid(f"{name}[{index}]", value, "must be a string")
        return tuple(values)

    def pairs(self, name: str) -> dict[str, str]:
        """A mapping of strings to strings."""
        value = self.raw.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.invalid(name, value, "must be a mapping")
        for key, content in value.items():
            if not isinstance(content, str):
                self.invalid(f"{name}[{key[:60]}]", content, "must be a string: put it in quotes")
        return dict(value)

    def labels(self, name: str) -> dict[str, str]:
        """A mapping of labels, with the API's syntax."""
        pairs = self.pairs(name)
        for key, value in pairs.items():
            self.check_label_key(name, key)
            if not _LABEL_VALUE.match(value):
                self.invalid(name, value, "a label's value is at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit")
        return pairs

    def annotations(self, name: str) -> dict[str, str]:
        """A mapping of annotations: any text, of bounded size."""
        pairs = self.pairs(name)
        for key in pairs:
            self.check_label_key(name, key.lower())
        if sum(len(key) + len(value) for key, value in pairs.items()) > MAX_TOTAL:
            self.fail(name, f"Too long: may not be more than {MAX_TOTAL} bytes")
        return pairs

    def check_label_key(self, name: str, key: str) -> None:
        """The syntax of a label's key: [prefix/]name."""
        prefix, slash, base = key.rpartition("/")
        if not _KEY_NAME.match(base) or (slash and not _PREFIX.match(prefix)):
            self.invalid(name, key, "a label's key is an optional DNS name and '/', then at most 63 letters, digits, '-', '_' and '.'")
