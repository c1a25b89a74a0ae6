"""`tools/parity`: see `tools/parity --help`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from select import select
from typing import Any

from tests.parity import judge, kernel
from tests.parity.judge import Verdict
from tests.parity.known import Known, KnownError
from tests.parity.known import load as load_known
from tests.parity.observed import RunError
from tests.parity.script import FOLDER, ScriptError, load
from tests.parity.task import Task, processors

Job = tuple[str, Callable[[int], Verdict]]  # a script's name, and what is to be done on a processor
AT_A_TIME = 2  # per processor; most scripts wait most of the time


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    asks = options.fresh or options.record
    if asks and (why := kernel.why_not()):
        print(f"tools/parity: {why}", file=sys.stderr)
        return 2
    try:
        known = load_known()
        files = paths(options.scripts)
    except (KnownError, OSError) as error:
        print(f"tools/parity: {error}", file=sys.stderr)
        return 2
    cpus = processors()
    jobs: Iterator[Job] = ((path.stem, partial(judged, path, options)) for path in files)
    told = Told(known, options.json)
    for verdict in run_all(jobs, cpus, options.jobs or AT_A_TIME * len(cpus)):
        told.one(verdict)
    return told.end(everything=not options.scripts)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/parity", description="Run shell scripts in the emulator and compare every frame with what the real kernel did with them."
    )
    parser.add_argument("--fresh", action="store_true", help="ask the kernel now instead of comparing with what was recorded (root)")
    parser.add_argument("--record", action="store_true", help="ask the kernel now and write down what it did (root)")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help=f"scripts at a time (default: {AT_A_TIME} for each processor)")
    parser.add_argument("scripts", nargs="*", metavar="SCRIPT", help="a file, or the name of one in tests/parity (default: all of those)")
    return parser.parse_args(arguments)


def paths(given: list[str]) -> list[Path]:
    """The files that are meant. Raises OSError."""
    if not given:
        return sorted(FOLDER.glob("*.sh"))
    files = [path if (path := Path(name)).exists() or "/" in name else FOLDER / f"{name.removesuffix('.sh')}.sh" for name in given]
    for path in files:
        path.open().close()
    return files


def judged(path: Path, options: argparse.Namespace, cpu: int) -> Verdict:
    try:
        script = load(path)
    except ScriptError as error:
        return Verdict(path.stem, complaints=[str(error)])
    if options.record:
        return judge.record(script, cpu)
    return judge.afresh(script, cpu) if options.fresh else judge.with_golden(script)


def run_all(jobs: Iterator[Job], cpus: list[int], at_a_time: int) -> Iterator[Verdict]:
    """Each job in a process of its own, so many at a time; results in the order of the jobs."""
    running: dict[Task, tuple[int, str, int]] = {}
    done: dict[int, Verdict] = {}
    slots = list(range(at_a_time))
    position = told = 0
    more = True
    while more or running:
        while more and slots:
            job = next(jobs, None)
            if job is None:
                more = False
                break
            slot = slots.pop(0)
            running[Task(partial(job[1], cpus[slot % len(cpus)]))] = position, job[0], slot
            position += 1
        for task in select(list(running), [], [])[0] if running else []:
            number, name, slot = running.pop(task)
            slots.append(slot)
            try:
                done[number] = task.wait()
            except RunError as error:
                done[number] = Verdict(name, complaints=[str(error)])
        while told in done:
            yield done.pop(told)
            told += 1


class Told:
    """Prints results, and what they come to."""

    def __init__(self, known: Known, as_json: bool) -> None:
        self.known, self.as_json = known, as_json
        self.used: set[int] = set()
        self.names: list[str] = []
        self.equal = self.frames = 0
        self.wrong: list[str] = []
        self.data: list[dict[str, Any]] = []

    def one(self, verdict: Verdict) -> None:
        self.names.append(verdict.name)
        self.equal += verdict.comparison.equal_frames
        self.frames += verdict.comparison.all_frames
        listed = [self.known.entry(verdict.name, difference) for difference in verdict.comparison.differences]
        self.used.update(number for number in listed if number is not None)
        fine = not verdict.complaints and None not in listed
        if not fine:
            self.wrong.append(verdict.name)
        if self.as_json:
            self.data.append(self.as_data(verdict, listed, fine))
            return
        notes = ["" if fine else "DIFFERS"] if not verdict.recorded else ["recorded" if fine else "recorded, DIFFERS"]
        if listed and fine:
            notes.append("known differences")
        if verdict.comparison.moved:
            notes.append("a neighbour was refreshed at another moment")
        if verdict.earlier and fine:
            notes.append("the first try differed")
        print(f"{verdict.name}: {verdict.comparison.equal_frames} of {verdict.comparison.all_frames} frames equal  {', '.join(filter(None, notes))}".rstrip())
        if verdict.earlier:
            print("  the first try:")
            self.details(verdict.earlier, "    ")
            if not fine:
                print("  again:")
        self.details(verdict, "    " if verdict.earlier else "  ")
        sys.stdout.flush()

    def details(self, verdict: Verdict, indent: str) -> None:
        for text in verdict.complaints:
            print(indent + text.rstrip().replace("\n", f"\n{indent}"))
        for difference in verdict.comparison.differences:
            number = self.known.entry(verdict.name, difference)
            reason = f" known: {self.known.entries[number].reason}" if number is not None else ""
            print(f"{indent}{difference.where} (- kernel, + emulator){reason}")
            if number is None:
                for line in difference.lines:
                    print(f"{indent}  {line}")
        if any("output" in text for text in verdict.complaints):
            for side, lines in verdict.outputs.items():
                print(f"{indent}output {side}:")
                for line in lines:
                    print(f"{indent}  {line}")

    def as_data(self, verdict: Verdict, listed: list[int | None], fine: bool) -> dict[str, Any]:
        return {
            "script": verdict.name, "fine": fine, "equal": verdict.comparison.equal_frames, "frames": verdict.comparison.all_frames,
            "complaints": verdict.complaints, "recorded": verdict.recorded, "moved": verdict.comparison.moved,
            "kernel_seconds": round(verdict.kernel_seconds, 3), "emulator_seconds": round(verdict.emulator_seconds, 3),
            "differences": [
                {"where": difference.where, "lines": list(difference.lines), "known": None if number is None else self.known.entries[number].reason}
                for difference, number in zip(verdict.comparison.differences, listed, strict=True)
            ],
            "first_try": None if verdict.earlier is None else self.as_data(verdict.earlier, [None] * len(verdict.earlier.comparison.differences), False),
        }  # fmt: skip

    def end(self, everything: bool) -> int:
        stale = self.known.stale(self.names, self.used, everything)
        if self.as_json:
            print(json.dumps({"equal": self.equal, "frames": self.frames, "scripts": self.data, "stale": stale}, indent=1))
        else:
            for line in stale:
                print(line)
            if self.wrong:
                print(f"differ: {' '.join(self.wrong)}")
            print(f"{self.equal} of {self.frames} frames equal, {len(self.names) - len(self.wrong)} of {len(self.names)} scripts as the kernel")
        return int(bool(self.wrong or stale))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
