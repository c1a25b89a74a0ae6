"""Starts the script's bash: behind the fence, or without one where none can be had (and where that does no harm)."""

from __future__ import annotations

import array
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from emu.shell import sockets
from emu.shell.names import ONLY_UNFENCED, STAND_INS

HERE = Path(__file__).parent
WITHOUT = os.environ.get("EMU_SH_WITHOUT", "").split()  # for tests: do as if there were no such thing here: fence, fuse, notify, proc, root
PATIENCE_S = 5  # for what runs without a fence to clean up


class FenceError(Exception):
    """The script cannot be fenced in; the text says why."""


class Launched:
    """`control`: tells by its end that the script has ended. `listener`: where the stand-ins connect. `given`: descriptors by letter, see fence.py.

    `root`: where the script's file system is seen from here, None without a fence. `top`: the process above all of the script's.
    """

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket, given: dict[int, int], folder: Path | None) -> None:
        self.process, self.control, self.given = process, control, given
        self.listener = socket.socket(fileno=given[ord("L")])
        self.top = process.pid
        self.folder = folder
        self.root = f"/proc/{_child(process.pid)}/root" if folder is None else None

    def go(self) -> None:
        """Let the script begin."""
        self.control.sendall(b"g")

    def wait(self) -> int:
        """The exit status of the script, which has ended."""
        return self.process.wait()

    def close(self) -> None:
        """End whatever is left of it."""
        self.listener.close()
        self.control.close()
        if self.folder is not None:
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                pass
            shutil.rmtree(self.folder, ignore_errors=True)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def launch(command: list[str]) -> Launched:
    """Start it. What is amiss is said on standard error. Raises FenceError."""
    try:
        return _fenced(command)
    except FenceError as error:
        if os.geteuid() == 0 and "root" not in WITHOUT:
            raise FenceError(f"{error}; root's scripts are not run without that, they would reach this machine") from None
        say(f"warning: {error}: absolute paths, `env -i` and a changed PATH reach this machine's own tools")
        return _unfenced(command)


def say(text: str) -> None:
    """A line to the user."""
    print(f"emu: {text}", file=sys.stderr, flush=True)


def _fenced(command: list[str]) -> Launched:
    if not sys.platform.startswith("linux") or "fence" in WITHOUT:
        raise FenceError("there are no namespaces here to fence the script in")
    seccomp = "" if "notify" in WITHOUT else sockets.argument()
    files = "" if "fuse" in WITHOUT else "files"
    launched = _start("fence.py", [",".join(STAND_INS), seccomp, files, *command])
    if ord("N") not in launched.given:
        say("this kernel does not tell of programs that open network sockets by themselves: they find an empty network")
    return launched


def _unfenced(command: list[str]) -> Launched:
    return _start("unfenced.py", [",".join((*STAND_INS, *ONLY_UNFENCED)), *command])


def _start(program: str, arguments: list[str]) -> Launched:
    ours, theirs = socket.socketpair()
    python = getattr(sys, "_base_executable", sys.executable)
    argv = [python, "-I", "-S", str(HERE / program), str(theirs.fileno()), str(HERE / "client.py"), *arguments]
    process = subprocess.Popen(argv, pass_fds=(theirs.fileno(), *_descriptors(arguments)))
    try:
        theirs.close()
        return Launched(process, ours, *_handshake(ours, process.pid))
    except BaseException:
        ours.close()
        process.kill()
        process.wait()
        raise


def _descriptors(words: list[str]) -> list[int]:
    """Those that the command line names: `emu sh <(...)`."""
    return [int(word.removeprefix("/dev/fd/")) for word in words if word.startswith("/dev/fd/") and word.removeprefix("/dev/fd/").isdigit()]


def _handshake(control: socket.socket, pid: int) -> tuple[dict[int, int], Path | None]:
    """Write root's map where it is asked for; returns descriptors by letter, and the folder that is used without a fence.

    `L`: where the stand-ins connect, `P` and `C`: file systems for /proc/sys/net and /sys/class/net, `N`: where the kernel asks about sockets.
    """
    while True:
        message, ancillary, _, _ = control.recvmsg(4096, socket.CMSG_SPACE(16))
        if message == b"U":
            for name in ("uid_map", "gid_map"):
                Path(f"/proc/{pid}/{name}").write_text("0 0 4294967295\n")
            control.sendall(b"g")
        elif ancillary:
            letters, _, folder = message.partition(b" ")
            return dict(zip(letters, array.array("i", ancillary[0][2]), strict=True)), Path(os.fsdecode(folder)) if folder else None
        else:
            raise FenceError(f"the script cannot be fenced in: {message[1:].decode() or 'the fence is gone'}")


def _child(pid: int) -> int:
    """The one child of a process."""
    try:
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
    except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN
        parents = {path.parent.name: path.read_text().rpartition(")")[2].split()[1] for path in Path("/proc").glob("[0-9]*/stat")}
        return next(int(number) for number, parent in parents.items() if parent == str(pid))
