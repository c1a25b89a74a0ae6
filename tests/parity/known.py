"""Differences that are known and have a reason: known-differences.toml.

    [[difference]]
    script = "route-cache"                  # its name; * and ? as in file names
    where = "ip route in red"               # the section, in the same manner
    lines = ["^[-+]  *cache expires"]       # optional: every line that differs must match one of these
    reason = "..."                          # why the emulator cannot or need not do as the kernel does
    sometimes = true                        # optional: it does not show in every run

    [[elsewhere]]                           # a behaviour that no script can show
    gotcha = "21"
    test = "tests/net/conntrack/test_table.py::test_name"
    reason = "..."
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from tests.parity.compare import Difference

FILE = Path(__file__).parent / "known-differences.toml"


class KnownError(Exception):
    """The file is not as it must be; the text says where."""


@dataclass
class Entry:
    script: str
    where: str
    reason: str
    lines: list[str] = field(default_factory=list)
    sometimes: bool = False

    def covers(self, script: str, difference: Difference) -> bool:
        if not fnmatchcase(script, self.script) or not fnmatchcase(difference.where, self.where):
            return False
        changed = [line for line in difference.lines if line.startswith(("-", "+"))]
        return all(any(re.search(pattern, line) for pattern in self.lines) for line in changed) if self.lines else True


@dataclass
class Elsewhere:
    gotcha: str
    test: str
    reason: str


@dataclass
class Known:
    entries: list[Entry]
    elsewhere: list[Elsewhere]

    def entry(self, script: str, difference: Difference) -> int | None:
        """The number of the entry that lists it, None if there is none."""
        return next((number for number, entry in enumerate(self.entries) if entry.covers(script, difference)), None)

    def stale(self, scripts: list[str], used: set[int], everything: bool) -> list[str]:
        """Entries that no script of those that were run needed any more. `everything`: all scripts were run."""
        lines = []
        for number, entry in enumerate(self.entries):
            concerns = any(fnmatchcase(script, entry.script) for script in scripts)
            if number not in used and not entry.sometimes and (concerns or everything):
                lines.append(f"known-differences.toml: {entry.script}: {entry.where}: no such difference any more")
        return lines


def load(path: Path | None = None) -> Known:
    """Raises KnownError."""
    path = path or FILE
    try:
        data = tomllib.loads(path.read_text()) if path.exists() else {}
        known = Known([Entry(**entry) for entry in data.pop("difference", [])], [Elsewhere(**entry) for entry in data.pop("elsewhere", [])])
        for entry in known.entries:
            for pattern in entry.lines:
                re.compile(pattern)
    except (tomllib.TOMLDecodeError, TypeError, re.error) as error:
        raise KnownError(f"{path.name}: {error}") from None
    if data:
        raise KnownError(f"{path.name}: not understood: {', '.join(data)}")
    if short := [entry for entry in (*known.entries, *known.elsewhere) if len(entry.reason.split()) < 5]:
        raise KnownError(f"{path.name}: this is no reason: {short[0].reason!r}")
    return known
