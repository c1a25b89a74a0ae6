"""What becomes of one script: it is run on the sides that are asked for, and the two reports are compared."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.parity import emulator, golden, kernel
from tests.parity.compare import Comparison, compare, unmet
from tests.parity.lots import TRIES, Draws, Lottery, Played
from tests.parity.observed import Observed, RunError
from tests.parity.report import UNEQUAL, Report, report
from tests.parity.script import Script
from tests.parity.task import Task

LONGEST_S = 300.0  # in the emulator; a script that takes longer waits for something that never comes
KERNEL, EMULATOR = "on the kernel", "in the emulator"


@dataclass
class Verdict:
    """`complaints`: expectations that do not hold, and sides that could not be run. `earlier`: the first try, when there were two."""

    name: str
    comparison: Comparison = field(default_factory=lambda: Comparison(0, 0, []))
    complaints: list[str] = field(default_factory=list)
    outputs: dict[str, list[str]] = field(default_factory=dict)
    kernel_seconds: float = 0.0
    emulator_seconds: float = 0.0
    recorded: bool = False
    earlier: Verdict | None = None

    @property
    def differs(self) -> bool:
        """Whether one side is not as the other; what a script expects in vain of both is not mended by another try."""
        sides = [{text.removeprefix(side) for text in self.complaints if text.startswith(side)} for side in (KERNEL, EMULATOR)]
        return bool(self.comparison.differences) or sides[0] != sides[1]


def with_golden(script: Script) -> Verdict:
    """The emulator against what was recorded."""
    verdict = Verdict(script.name)
    try:
        recorded = golden.read(script)
        played, _ = play(script, Played(None, recorded.draws))
    except (golden.GoldenError, RunError) as error:
        verdict.complaints.append(str(error))
        return verdict
    verdict.emulator_seconds = played.seconds
    return judged(verdict, script, recorded.report, report(script, played))


def afresh(script: Script, cpu: int) -> Verdict:
    """The emulator against the kernel, which is asked now; once more if they differ."""
    verdict, _ = once(script, cpu)
    if verdict.differs:
        second, _ = once(script, cpu)
        second.earlier = verdict
        return second
    return verdict


def record(script: Script, cpu: int) -> Verdict:
    """As `afresh`; what the kernel did is written down if the script's expectations hold there and it does the same twice."""
    verdict, theirs = once(script, cpu)
    if verdict.differs:
        second, again = once(script, cpu)
        second.earlier = verdict
        if theirs and again and second.differs and compare(theirs.report, again.report).differences:
            second.complaints.append("not recorded: the kernel itself does not do the same twice")
            again = None
        verdict, theirs = second, again
    if theirs and not any(text.startswith(KERNEL) for text in verdict.complaints):
        golden.write(script, theirs.observed, theirs.report, theirs.draws)
        verdict.recorded = True
    return verdict


@dataclass
class Theirs:
    observed: Observed
    report: Report
    draws: Draws


def once(script: Script, cpu: int) -> tuple[Verdict, Theirs | None]:
    verdict = Verdict(script.name)
    theirs = None
    try:
        observed: Observed = Task(lambda: kernel.observe(script, cpu)).wait()
        verdict.kernel_seconds = observed.seconds
        theirs = Theirs(observed, report(script, observed), {})
        ours, theirs.draws = drawn_alike(script, observed)
    except RunError as error:
        verdict.complaints.append(f"{EMULATOR if theirs else KERNEL}: {error}")
        return verdict, theirs
    verdict.emulator_seconds = ours.seconds
    return judged(verdict, script, theirs.report, report(script, ours)), theirs


def drawn_alike(script: Script, observed: Observed) -> tuple[Observed, Draws]:
    """The emulator's run with the kernel's lots."""
    lottery = Lottery(observed.flows, observed.reachable)
    for _ in range(TRIES):
        ours, played = play(script, Played(lottery, {}))
        if not lottery.learn(played):
            break
    return ours, played.draws


def play(script: Script, played: Played) -> tuple[Observed, Played]:
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        result: tuple[Observed, Played] = Task(lambda: emulator.observe(script, played, Path(folder))).wait(LONGEST_S)
    return result


def judged(verdict: Verdict, script: Script, theirs: Report, ours: Report) -> Verdict:
    verdict.comparison = compare(theirs, ours)
    for side, sections in ((KERNEL, theirs), (EMULATOR, ours)):
        verdict.complaints += [f"{side}: {text}" for text in unmet(script, sections)]
        verdict.outputs[side] = sections[UNEQUAL]
    if any(line.startswith("Traceback (most recent call last)") for line in ours[UNEQUAL]):
        verdict.complaints.append(f"{EMULATOR}: an error in the emulator is in the output")
    return verdict
