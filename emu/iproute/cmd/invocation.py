"""One run of a command: where it runs, what was typed, what it has printed so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from emu.fabric.machine import Machine
    from emu.net.netns import Namespace

STDIN = ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0", "-")  # what a command line calls its standard input


class Result(NamedTuple):
    """What a command leaves behind: its output, its complaints, its exit status."""

    stdout: str
    stderr: str
    status: int


class Stop(Exception):
    """The command ends here: what it says on stderr (with its newline) and its exit status."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


class Invocation:
    """`argv`: the words after the command's name. `read`: the text of a file that a command line names (`ip -batch FILE`)."""

    def __init__(self, machine: Machine, ns: Namespace, argv: list[str], stdin: str, read: Callable[[str], str]) -> None:
        self.machine = machine
        self.ns = ns
        self.argv = argv
        self.stdin = stdin
        self.read = read
        self.out: list[str] = []
        self.err: list[str] = []

    def namespace(self, name: str) -> Namespace | None:
        """The namespace under /run/netns of that name."""
        return self.machine.namespaces.get(name)


def not_emulated(what: str, status: int = 1) -> Stop:
    """Linux does it, the emulator does not: one line says exactly what."""
    return Stop(f"emu: not emulated: {what}\n", status)
