"""Whether the script's processes are at rest, and in what order they were forked: by /proc, or, where there is none, by 20 ms without a word of them.

A process is at rest while all its threads sleep. One look at several processes proves nothing, since the first may have woken while the last was read.
Two looks do: where every thread slept both times and none was switched to in between (its counters of context switches are the same), all slept at the
moment between the looks.
"""

from __future__ import annotations

import os
from collections.abc import Collection

QUIET_S = 0.02
RESTING = ("S", "Z", "X", "T", "t", "I")
Chain = tuple[int, ...]


class Tree:
    """One look (at nothing, where `top` is 0).

    `chains`: pid (as the emulator sees it) -> numbers of its ancestors and itself in the script's own pid namespace, from the top down; sorted, they are in
    fork order level by level. `threads`: number of each thread in there -> chain of its process. `resting`: every thread slept. `counters`: what changes when
    one runs. `asking`: numbers of threads that wait for an answer of ours.
    """

    def __init__(self, top: int, asking: Collection[int] = ()) -> None:
        self.chains: dict[int, Chain] = {}
        self.threads: dict[int, Chain] = {}
        self._asking = asking
        self.counters: list[tuple[int, int]] = []
        self.resting = True
        if top:
            self._walk(top, ())

    def _walk(self, pid: int, above: Chain) -> None:
        number = pid
        threads: list[int] = []
        children: list[int] = []
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                inner, state, switches = _status(f"/proc/{pid}/task/{thread}/status")
                self.counters.append((int(thread), switches))
                threads.append(inner)
                # One that got a signal while it waits for us waits on uninterruptibly.
                if state not in RESTING and not (state == "D" and inner in self._asking):
                    self.resting = False
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


def at_rest(top: int, asking: Collection[int] = ()) -> Tree | None:
    """The tree under process `top`, if it is at rest. `asking`: see Tree."""
    first = Tree(top, asking)
    if not first.resting:
        return None
    second = Tree(top, asking)
    return second if second.resting and second.counters == first.counters else None


def can_look() -> bool:
    """Whether /proc tells what is needed."""
    pid = os.getpid()
    return os.access(f"/proc/{pid}/task/{pid}/children", os.R_OK)
