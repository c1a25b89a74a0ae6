"""A journal of everything that is done to a world, in order, as command lines: namespaces, links, addresses, rules, programs and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emu.trace import Tracepoints
from emu.trace.points import CABLE, COMMAND, GONE, MACHINE, RUN, START, STEP, TELL, WAIT
from emu.wire.frame import Frame


@dataclass(slots=True, frozen=True)
class Entry:
    """One thing done at `t_ns`. What `where`, `text` and `more` are depends on `kind`: see `emu.trace.points`."""

    t_ns: int
    kind: str
    where: str
    text: str = ""
    more: str = ""


class Journal:
    """Attach it to a world before anything is in it: `Cluster(journal=Journal())`."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._seen: dict[str, None] = {}  # namespaces that saw a frame

    def attach(self, tp: Tracepoints) -> None:
        """Write down what happens in this world from now on."""
        tp.attach("journal", self._on_journal)
        tp.attach("frame", self._on_frame)

    def _on_journal(self, t_ns: int, kind: str, where: str, text: str, more: str) -> None:
        self.entries.append(Entry(t_ns, kind, where, text, more))

    def _on_frame(self, t_ns: int, device: Any, direction: str, frame: Frame) -> None:
        if device.netns is not None:
            self._seen[device.netns.name] = None

    def bystanders(self) -> list[str]:
        """Machines on which no program was started and that never saw a frame, nor did the machine at the other end of their cable."""
        busy = {entry.where: None for entry in self.entries if entry.kind in (RUN, START, WAIT, GONE)} | self._seen
        ends = [(entry.where, entry.more.split()[0]) for entry in self.entries if entry.kind == CABLE]
        busy |= {b: None for a, b in ends if a in busy} | {a: None for a, b in ends if b in busy and b in self._machines()}
        return [machine for machine in self._machines() if machine not in busy]

    def _machines(self) -> list[str]:
        return [entry.where for entry in self.entries if entry.kind == MACHINE]

    def tell(self, text: str) -> None:
        """A paragraph of explanation between what is done."""
        self.entries.append(Entry(self.entries[-1].t_ns if self.entries else 0, TELL, "", text))

    def commands(self, netns: str) -> str:
        """What was run in one namespace, in order, each stretch under a comment that says who did it and why."""
        lines: list[str] = []
        heading = ""
        for entry in self.entries:
            if entry.kind == STEP:
                heading = f"# {entry.more}: {entry.text}" if entry.more else f"# {entry.text}"
            elif entry.kind == COMMAND and entry.where == netns:
                if heading:
                    lines.append(heading)
                    heading = ""
                lines.append(with_input(entry.text, entry.more))
        return "".join(f"{line}\n" for line in lines)


def with_input(command: str, stdin: str, mark: str = "EOF") -> str:
    """A command line, with a here-document if it reads one."""
    return f"{command} <<'{mark}'\n{stdin.rstrip()}\n{mark}" if stdin else command
