"""What differs between two reports, and which of a script's expectations do not hold."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from tests.parity.report import UNEQUAL, Report
from tests.parity.script import Script

CONTEXT = 3
REFRESH = re.compile(r"[rt]x arp who-has (\S+) tell (\S+) (\S+)>(?!ff$)(\S+)$")


@dataclass(frozen=True)
class Difference:
    """`where`: the section. `lines`: a unified diff, the kernel's lines with -, the emulator's with +."""

    where: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """`moved`: interfaces whose frames are equal but for the moment at which neighbours were asked whether they are still there."""

    equal_frames: int
    all_frames: int
    differences: list[Difference]
    moved: int = 0


def compare(kernel: Report, emulator: Report) -> Comparison:
    equal = total = moved = 0
    differences = []
    for where in dict.fromkeys([*kernel, *emulator]):
        if where == UNEQUAL:
            continue
        left, right = kernel.get(where, []), emulator.get(where, [])
        if where.startswith("frames of "):
            if left != right and without_refreshes(left) == without_refreshes(right):
                moved += 1
                right = left
            same = matching(left, right)
            equal += same
            total += same + max(len(left) - same, len(right) - same)
        if left != right:
            differences.append(Difference(where, tuple(difflib.unified_diff(left, right, "kernel", "emulator", n=CONTEXT, lineterm=""))[2:]))
    return Comparison(equal, total, differences, moved)


def without_refreshes(lines: list[str]) -> tuple[list[str], list[str]]:
    """The frames without those by which a known neighbour is asked by its own address whether it is still there, and those. When that happens depends on
    timers that Linux lets fire up to an eighth of their time late, so that they may come before or after another frame; but they must come.
    """
    others, refreshes = [], []
    awaited: list[str] = []  # who is to answer, and whom
    for line in lines:
        if asked := REFRESH.match(line):
            awaited.append(f"arp reply {asked[1]} is-at {asked[4]} to {asked[2]} ")
            refreshes.append(line)
        elif answer := next((answer for answer in awaited if line[3:].startswith(answer)), None):
            awaited.remove(answer)
            refreshes.append(line)
        else:
            others.append(line)
    return others, refreshes


def matching(left: list[str], right: list[str]) -> int:
    """How many lines of the two are the same, in order."""
    return sum(block.size for block in difflib.SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks())


def unmet(script: Script, report: Report) -> list[str]:
    """What the script expects and this side does not show, and whether it captured anything at all."""
    complaints = []
    if not any(where.startswith("frames of ") for where in report):
        complaints.append("captured nothing")
    for expected in script.expectations:
        if expected.kind == "status":
            if report["exit status"] != [expected.pattern]:
                complaints.append(f"expect: {expected.text}: it is {report['exit status'][0]}")
            continue
        if expected.kind == "frame":
            lines = [line for line in report.get(f"frames of {expected.device}", []) if line.startswith(f"{expected.direction} ")]
            lines = [line[3:] for line in lines]
        else:
            lines = report[UNEQUAL]
        found = sum(re.search(expected.pattern, line) is not None for line in lines)
        if expected.kind == "no output":
            wrong = found > 0
        elif expected.count is not None:
            wrong = found != expected.count
        else:
            wrong = found == 0
        if wrong:
            complaints.append(f"expect: {expected.text}: {found} of {len(lines)} lines match")
    return complaints
