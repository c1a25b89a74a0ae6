"""What differs between two reports, and which of a script's expectations do not hold."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from tests.parity.report import UNEQUAL, Report
from tests.parity.script import Script

CONTEXT = 3


@dataclass(frozen=True)
class Difference:
    """`where`: the section. `lines`: a unified diff, the kernel's lines with -, the emulator's with +."""

    where: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    equal_frames: int
    all_frames: int
    differences: list[Difference]


def compare(kernel: Report, emulator: Report) -> Comparison:
    equal = total = 0
    differences = []
    for where in dict.fromkeys([*kernel, *emulator]):
        if where == UNEQUAL:
            continue
        left, right = kernel.get(where, []), emulator.get(where, [])
        if where.startswith("frames of "):
            same = matching(left, right)
            equal += same
            total += same + max(len(left) - same, len(right) - same)
        if left != right:
            differences.append(Difference(where, tuple(difflib.unified_diff(left, right, "kernel", "emulator", n=CONTEXT, lineterm=""))[2:]))
    return Comparison(equal, total, differences)


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
