"""Whether the script's processes are at rest, and in what order they were forked: by /proc, or, where there is none, by 20 ms without a word of them.

A process is at rest while all its threads sleep. One look at several processes proves nothing, since the first may have woken while the last was read.
Two looks do: where every thread slept both times and none was switched to in between (its counters of context switches are the same), all slept at the
moment between the looks. And a thread that is about to sleep is said to sleep before it does: while it still runs, or waits for a processor with something
left to do (which on a busy machine may take a while). What it waits in (wchan) is told only of one that has left the run queue, so the second look asks.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection

QUIET_S = 0.02
RESTING = ("S", "Z", "X", "T", "t", "I")
ENDED = ("Z", "X")
DOUBTS = 100  # looks some milliseconds apart
Chain = tuple[int, ...]


class Tree:
    """One look (at nothing, where `top` is 0); with `closely`, one that takes no thread's word for sleeping.

    `chains`: pid (as the emulator sees it) -> numbers of its ancestors and itself in the script's own pid namespace, from the top down; sorted, they are in
    fork order level by level. `threads`: number of each thread in there -> chain of its process. `resting`: every thread slept. `counters`: what changes when
    one runs. `doubtful`: one of them may not have gone to sleep yet. `asking`: numbers of threads that wait for an answer of ours.
    """

    def __init__(self, top: int, asking: Collection[int] = (), closely: bool = False) -> None:
        self.chains: dict[int, Chain] = {}
        self.threads: dict[int, Chain] = {}
        self._asking = asking
        self._closely = closely
        self.counters: list[tuple[int, int, bool]] = []
        self.resting = True
        self.doubtful = False
        if top:
            self._walk(top, ())

    def _walk(self, pid: int, above: Chain) -> None:
        number = pid
        threads: list[int] = []
        children: list[int] = []
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                inner, state, switches = _status(f"/proc/{pid}/task/{thread}/status")
                # One that was asleep, woke and has just ended has not been switched away from since, and may not have told its parent yet.
                self.counters.append((int(thread), switches, state in ENDED))
                threads.append(inner)
                # One that got a signal while it waits for us waits on uninterruptibly.
                if state not in RESTING and not (state == "D" and inner in self._asking):
                    self.resting = False
                if self._closely and state == "S" and _on_run_queue(f"/proc/{pid}/task/{thread}/wchan"):
                    self.doubtful = True
                if int(thread) == pid:
                    number = inner
                with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                    children += map(int, file.read().split())
        except (FileNotFoundError, ProcessLookupError):  # it ended while we looked
            self.resting = False
            return
        chain = self.chains[pid] = (*above, number)
        for inner in threads:
            self.threads[inner] = chain
        for child in children:
            self._walk(child, chain)


def _status(path: str) -> tuple[int, str, int]:
    """A thread's number in its own pid namespace, its state's letter, and how often it was switched away from."""
    number, state, switches = 0, "R", 0
    with open(path, "rb") as file:
        for line in file:
            if line.startswith(b"State:"):
                state = chr(line.split()[1][0])
            elif line.startswith(b"NSpid:"):
                number = int(line.split()[-1])
            elif line.startswith((b"voluntary_ctxt", b"nonvoluntary_ctxt")):
                switches += int(line.split()[1])
    return number, state, switches


def _on_run_queue(path: str) -> bool:
    """Whether a thread that is said to sleep has not gone to sleep yet (get_wchan tells nothing of one that is on the run queue)."""
    with open(path, "rb") as file:
        return file.read() in (b"0", b"")


def _wchan_is_told(pid: int) -> bool:
    """Whether this kernel tells what a process of the script's user waits in; `pid`: one that has nothing to do."""
    for _ in range(100):
        try:
            if not _on_run_queue(f"/proc/{pid}/task/{pid}/wchan"):
                return True
        except OSError:
            return False
        time.sleep(0.001)
    return False


_told: dict[int, bool] = {}  # process at the top -> whether its wchan can be had
_doubted: list[tuple[int, int, bool]] = []  # the counters of the last look that was doubted
_doubts = 0  # how often they have been the same since


def _doubt(counters: list[tuple[int, int, bool]]) -> bool:
    """Whether to look again. A process may hide what it waits in from everybody; then it is believed after a while in which nothing has moved."""
    global _doubted, _doubts
    _doubts = _doubts + 1 if counters == _doubted else 0
    _doubted = counters
    return _doubts < DOUBTS


def at_rest(top: int, asking: Collection[int] = ()) -> Tree | None:
    """The tree under process `top`, if it is at rest. `asking`: see Tree."""
    first = Tree(top, asking)
    if not first.resting:
        return None
    if top not in _told:
        _told[top] = _wchan_is_told(top)
    second = Tree(top, asking, _told[top])
    if not second.resting or second.counters != first.counters:
        return None
    return None if second.doubtful and _doubt(second.counters) else second


def can_look() -> bool:
    """Whether /proc tells what is needed."""
    pid = os.getpid()
    return os.access(f"/proc/{pid}/task/{pid}/children", os.R_OK)
