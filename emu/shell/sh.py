"""`emu sh`: a script in the real bash, fenced in, every network command emulated."""

from __future__ import annotations

import array
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Protocol

from emu.aio.loop import Loop
from emu.fabric import Machine, World
from emu.observe.capture import Capture
from emu.shell import sockets
from emu.shell.commands import Commands
from emu.shell.fuse import Fuse
from emu.shell.names import STAND_INS
from emu.shell.proc_sys import ProcSys
from emu.shell.server import Server
from emu.shell.sockets import Sockets
from emu.shell.sys_class_net import SysClassNet

HERE = Path(__file__).parent
SETTLE_NS = 1_000_000_000  # virtual time after the script's end, in which what is under way arrives
WITHOUT = os.environ.get("EMU_SH_WITHOUT", "").split()  # for tests: do as if there were no such thing here: fence, fuse, notify, proc
PROMPT = "PS1='emu:${EMU_NETNS:-host}:\\w\\$ '"  # by the environment, so that `ip netns exec NAME bash` has it too


class Opened(Protocol):
    """What is closed in the end."""

    def close(self) -> None:
        """Close it."""


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
    seccomp, files = "" if "notify" in WITHOUT else sockets.argument(), "" if "fuse" in WITHOUT else "files"
    argv = [python, "-I", "-S", str(HERE / "fence.py"), str(theirs.fileno()), str(HERE / "client.py"), ",".join(STAND_INS), seccomp, files, *command]
    fence = subprocess.Popen(argv, pass_fds=(theirs.fileno(),))
    opened: list[Opened] = []
    try:
        theirs.close()
        given = _handshake(ours, fence.pid)
        opened.append(listener := socket.socket(fileno=given[ord("L")]))
        commands.root = f"/proc/{_children(fence.pid)[0]}/root"
        server = Server(listener, ours, fence.pid, commands)
        for letter, tree in ((ord("P"), ProcSys()), (ord("C"), SysClassNet(commands.machine))):
            if letter in given:
                opened.append(fuse := Fuse(given[letter], tree, commands.namespace_of))
                server.show(fuse)
        if ord("N") in given:
            opened.append(asked := Sockets(given[ord("N")]))
            server.watch(asked, asked.answer)
        else:
            print("emu: this kernel does not tell of programs that open network sockets by themselves: they find an empty network", file=sys.stderr)
        ours.sendall(b"g")
        server.serve()
        return fence.wait()
    finally:
        for thing in opened:
            thing.close()
        ours.close()
        if fence.poll() is None:
            fence.kill()
            fence.wait()


def _handshake(control: socket.socket, pid: int) -> dict[int, int]:
    """Write root's map where it is asked for; returns descriptors by letter: `L`, where the stand-ins connect, `P` and `C`, file systems for /proc/sys/net and
    /sys/class/net, `N`, where the kernel asks about sockets.
    """
    while True:
        message, ancillary, _, _ = control.recvmsg(4096, socket.CMSG_SPACE(16))
        if message == b"U":
            for name in ("uid_map", "gid_map"):
                Path(f"/proc/{pid}/{name}").write_text("0 0 4294967295\n")
            control.sendall(b"g")
        elif ancillary:
            return dict(zip(message, array.array("i", ancillary[0][2]), strict=True))
        else:
            raise FenceError(f"the script cannot be fenced in: {message[1:].decode() or 'the fence is gone'}")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
