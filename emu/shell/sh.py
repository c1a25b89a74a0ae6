"""`emu sh`: a script in the real bash, fenced in, every network command emulated."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Protocol

from emu.aio.loop import Loop
from emu.fabric import Machine, World
from emu.observe.capture import Capture
from emu.shell.commands import Commands
from emu.shell.fuse import Fuse
from emu.shell.launch import WITHOUT, FenceError, launch, say
from emu.shell.proc_sys import ProcSys
from emu.shell.rest import can_look
from emu.shell.server import Server
from emu.shell.sockets import Sockets
from emu.shell.sys_class_net import SysClassNet

__all__ = ["FenceError", "run"]

SETTLE_NS = 1_000_000_000  # virtual time after the script's end, in which what is under way arrives
PROMPT = "PS1='emu:${EMU_NETNS:-host}:\\w\\$ '"  # by the environment, so that `ip netns exec NAME bash` has it too


class Opened(Protocol):
    """What is closed in the end."""

    def close(self) -> None:
        """Close it."""


class Terminated(SystemExit):
    """SIGTERM or SIGHUP."""


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated(128 + number)


def run(
    script: str | None, arguments: list[str], captures: Path | None, seed: int = 0, hops: bool = False,
    make: Callable[[Machine, Loop, bool], Commands] = Commands, settle_ns: int = SETTLE_NS,
) -> int:  # fmt: skip
    """Run the script (None: an interactive shell); its exit status. Raises FenceError, CaptureError.

    `make` takes up the script's commands on a machine (a subclass of Commands may watch them). `settle_ns`: virtual time after the script's end.
    """
    world = World(seed)
    machine = world.add_machine("host")
    capture = Capture(world.tp, captures) if captures is not None else None
    loop = Loop(world.sim)  # type: ignore[abstract]  # pipes, TLS and such are not there, see emu/aio/loop.py
    return serve(make(machine, loop, hops), script, arguments, capture, settle_ns)


def serve(commands: Commands, script: str | None, arguments: list[str], capture: Opened | None, settle_ns: int = SETTLE_NS) -> int:
    """The same for commands that have their machine already; `capture` is closed in the end."""
    loop = commands.loop
    before = {number: signal.signal(number, _terminate) for number in (signal.SIGTERM, signal.SIGHUP)}
    before |= {number: signal.signal(number, lambda *_: loop.sim.stop()) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        status = _run(commands, _bash(script, arguments))
        loop.run_for(settle_ns / 1e9)
        return status
    finally:
        loop.close()
        if capture is not None:
            capture.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _bash(script: str | None, arguments: list[str]) -> list[str]:
    if script is None:
        return ["env", f"PROMPT_COMMAND={PROMPT}", "bash", "--norc", "-i"] if sys.stdin.isatty() else ["bash"]
    return ["bash", script, *arguments]


def _run(commands: Commands, command: list[str]) -> int:
    launched = launch(command)
    opened: list[Opened] = [launched]
    try:
        commands.root = launched.root
        top = launched.top if can_look() and "proc" not in WITHOUT else 0
        if not top:
            say("there is no /proc that shows a script's processes: they are taken to be at rest after 20 ms without a word of them")
        server = Server(launched.listener, launched.control, top, commands)
        for letter, tree in ((ord("P"), ProcSys()), (ord("C"), SysClassNet(commands.machine))):
            if letter in launched.given:
                opened.append(fuse := Fuse(launched.given[letter], tree, commands.namespace_of))
                server.show(fuse)
        if (number := launched.given.get(ord("N"))) is not None:
            opened.append(asked := Sockets(number))
            server.watch(asked, asked.answer)
        launched.go()
        server.serve()
        return launched.wait()
    finally:
        for thing in reversed(opened):
            thing.close()
