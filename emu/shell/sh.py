"""`emu sh`: a script in the real bash, fenced in, every network command emulated."""

from __future__ import annotations

import array
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from emu.aio.loop import Loop
from emu.fabric import Machine, World
from emu.observe.capture import Capture
from emu.shell.commands import Commands
from emu.shell.names import STAND_INS
from emu.shell.server import Server

HERE = Path(__file__).parent
SETTLE_NS = 1_000_000_000  # virtual time after the script's end, in which what is under way arrives
PROMPT = "PS1='emu:${EMU_NETNS:-host}:\\w\\$ '"  # by the environment, so that `ip netns exec NAME bash` has it too


class FenceError(Exception):
    """The script cannot be fenced in; the text says why."""


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
    commands = make(machine, loop, hops)
    before = {number: signal.signal(number, _terminate) for number in (signal.SIGTERM, signal.SIGHUP)}
    before |= {number: signal.signal(number, lambda *_: world.sim.stop()) for number in (signal.SIGINT, signal.SIGQUIT)}
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
    ours, theirs = socket.socketpair()
    python = getattr(sys, "_base_executable", sys.executable)
    argv = [python, "-I", "-S", str(HERE / "fence.py"), str(theirs.fileno()), str(HERE / "client.py"), ",".join(STAND_INS), *command]
    fence = subprocess.Popen(argv, pass_fds=(theirs.fileno(),))
    try:
        theirs.close()
        listener = _handshake(ours, fence.pid)
        inner = _children(fence.pid)[0]
        commands.root = f"/proc/{inner}/root"
        ours.sendall(b"g")
        with listener:
            Server(listener, ours, fence.pid, commands).serve()
        return fence.wait()
    finally:
        ours.close()
        if fence.poll() is None:
            fence.kill()
            fence.wait()


def _handshake(control: socket.socket, pid: int) -> socket.socket:
    """Write root's map where it is asked for; returns the socket that the stand-ins connect to."""
    while True:
        message, ancillary, _, _ = control.recvmsg(4096, socket.CMSG_SPACE(4))
        if message == b"U":
            for name in ("uid_map", "gid_map"):
                Path(f"/proc/{pid}/{name}").write_text("0 0 4294967295\n")
            control.sendall(b"g")
        elif message == b"L":
            descriptor = array.array("i", ancillary[0][2])[0]
            return socket.socket(fileno=descriptor)
        else:
            raise FenceError(f"the script cannot be fenced in: {message[1:].decode() or 'the fence is gone'}")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
