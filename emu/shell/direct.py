"""One command without a fence and without bash: by the functions that the stand-ins use, with this process's input and output."""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

from emu.shell.call import NETNS, Call
from emu.shell.cluster_kubectl import WITHOUT_INPUT

if TYPE_CHECKING:
    from types import FrameType

    from emu.shell.in_cluster import ClusterCommands

SHELLS = ("sh", "bash", "dash", "ash", "zsh")
CHUNK = 65536


class Direct(Call):
    """A call whose stand-in is this process."""

    def __init__(self, commands: ClusterCommands, argv: list[str], netns: str) -> None:
        self.pair = socket.socketpair()  # nothing goes through it
        super().__init__(self.pair[0], commands.loop, fenced=False)
        self.commands = commands
        self.argv, self.cwd = argv, os.getcwd()
        self.env = {**os.environ, NETNS: netns}
        self.ready = True

    def post(self, letter: bytes, data: bytes = b"") -> None:
        """What a stand-in would be told is done here."""
        if letter == b"o":
            _put(sys.stdout.fileno(), data)
        elif letter == b"e":
            _put(sys.stderr.fileno(), data)
        elif letter == b"w":
            self.news.append((ord("i"), os.read(0, CHUNK)))
        elif letter == b"A":
            self._give_all(os.fsdecode(data))

    def _give_all(self, name: str) -> None:
        try:
            if name:
                with open(self.path(name), "rb") as file:
                    content: bytes | OSError = file.read()
            else:
                content = sys.stdin.buffer.read()
        except OSError as error:
            content = OSError(error.errno, error.strerror, name)
        self._read(content)

    def become(self, argv: list[str], env: dict[str, str] | None = None) -> None:
        """Another command in its place: one that is emulated too."""
        self.argv = argv[len(WITHOUT_INPUT) :] if argv[: len(WITHOUT_INPUT)] == WITHOUT_INPUT else argv
        self.env |= env or {}
        self.ready, self.admitted = True, False

    def supervise(self, argv: list[str], env: dict[str, str] | None = None) -> None:
        """There is nothing that could be started."""
        self.error(f"emu: not emulated: {self.name} without a shell: emu sh --cluster has one\n".encode())
        self.exit(1)


def run(commands: ClusterCommands, argv: list[str], netns: str) -> int:
    """Run it in the namespace of that name, and the world with it, to its end; its exit status."""
    call = Direct(commands, argv, netns)
    signals: list[int] = []

    def told(number: int, frame: FrameType | None) -> None:
        signals.append(number)
        call.loop.stop()

    before = {number: signal.signal(number, told) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        while call.status is None:
            if signals:
                number = signals.pop(0)
                if call.on_signal is None or len(signals) > 0:
                    call.gone()
                    return 128 + number
                call.on_signal(number)
            if call.ready and not call.admitted:
                call.admitted = True
                _admit(commands, call)
            if call.news:
                call.hear()
            if call.status is None and not (call.ready and not call.admitted):
                if call.loop.sim.idle():
                    call.error(b"emu: it would wait for ever: nothing is left to happen\n")
                    return 1
                call.loop.run_forever()
        return call.status
    finally:
        for sock in call.pair:
            sock.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _admit(commands: ClusterCommands, call: Direct) -> None:
    if call.name in SHELLS:
        commands.fail(call, f"emu: not emulated: {call.name} without a fence: emu sh --cluster and emu shell have a real one", 1)
    elif call.name == "cat" and len(call.argv) > 1:
        _cat(commands, call)
    else:
        commands.admit(call)


def _cat(commands: ClusterCommands, call: Direct) -> None:
    """The files of a pod's /etc, and no others: there are none."""
    commands.look(call)
    status = 0
    for name in call.argv[1:]:
        try:
            if name not in call.elsewhere:
                raise FileNotFoundError(2, "No such file or directory")
            with open(call.elsewhere[name], "rb") as file:
                call.write(file.read())
        except OSError as error:
            call.error(f"cat: {name}: {error.strerror}\n".encode())
            status = 1
    commands.finish(call, status)


def _put(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
