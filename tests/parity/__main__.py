"""`tools/parity`: see `python -m tests.parity --help`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tests.parity import emulator, kernel
from tests.parity.compare import compare, unmet
from tests.parity.observed import RunError
from tests.parity.report import report
from tests.parity.script import FOLDER, ScriptError, load
from tests.parity.task import Task


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tools/parity", description="Run shell scripts in the emulator and on the kernel, and compare every frame.")
    parser.add_argument("--fresh", action="store_true", help="ask the kernel instead of comparing with what was recorded (needs root)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--record", action="store_true", help="write down what the kernel does (needs root)")
    parser.add_argument("scripts", nargs="*", metavar="SCRIPT", type=Path)
    options = parser.parse_args(arguments)
    if why := kernel.why_not():
        print(f"tools/parity: {why}", file=sys.stderr)
        return 2
    paths = options.scripts or sorted(FOLDER.glob("*.sh"))
    cpus = sorted(os.sched_getaffinity(0))
    status, equal, total = 0, 0, 0
    for path in paths:
        try:
            script = load(path)
        except (ScriptError, OSError) as error:
            print(error)
            status = 1
            continue
        try:
            asked = Task(lambda script=script: kernel.observe(script, cpus[0]))
            played = Task(lambda script=script: emulator.observe(script))
            theirs, ours = report(script, asked.wait()), report(script, played.wait())
        except RunError as error:
            print(f"{script.name}: {error}")
            status = 1
            continue
        result = compare(theirs, ours)
        equal, total = equal + result.equal_frames, total + result.all_frames
        complaints = [f"on the kernel: {text}" for text in unmet(script, theirs)] + [f"in the emulator: {text}" for text in unmet(script, ours)]
        bad = bool(complaints or result.differences)
        status |= bad
        print(f"{script.name}: {result.equal_frames} of {result.all_frames} frames equal{'  DIFFERS' if bad else ''}")
        for text in complaints:
            print(f"  {text}")
        for difference in result.differences:
            print(f"  {difference.where} (- kernel, + emulator)")
            for line in difference.lines:
                print(f"    {line}")
        if bad and any("output" in text for text in complaints):
            for side, sections in (("kernel", theirs), ("emulator", ours)):
                print(f"  output on the {side}:")
                for line in sections["output"]:
                    print(f"    {line}")
    print(f"{equal} of {total} frames equal")
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
