"""Without a fence: the stand-ins in a private folder, first on PATH. Run by `python -I -S`, controlled over the socket that the first argument numbers.

It waits for the script's bash, or for the end of the emulator, ends what is left (on Linux all of it, elsewhere bash) and removes the folder.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import array
import os
import select
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

FENCED = b"/run/emu/socket"  # where a stand-in looks for the emulator behind a fence
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LONGEST = 120  # of what follows #! some systems take no more than 127 bytes


def head(python: bytes) -> bytes:
    """The first line of a stand-in; more, where the python's path cannot stand there."""
    if b" " not in python and len(python) <= LONGEST:
        return b"#!" + python + b" -IS\n"
    return b"#!/bin/sh\n''':'\nexec '" + python + b"' -IS \"$0\" \"$@\"\n'''\n"


def make_folder(client: bytes, names: list[str], python: bytes) -> str:
    """A folder that only this user can enter, with the stand-ins."""
    above = next((folder for folder in (os.environ.get("TMPDIR"), "/tmp", os.getcwd()) if folder and os.access(folder, os.W_OK | os.X_OK)), "/tmp")
    folder = os.path.join(os.path.realpath(above), f"emu-sh-{os.urandom(6).hex()}")
    os.mkdir(folder, 0o700)
    os.mkdir(f"{folder}/bin")
    with open(f"{folder}/client", "wb") as file:
        file.write(head(python) + client.replace(FENCED, os.fsencode(folder) + b"/socket", 1))
    os.chmod(f"{folder}/client", 0o755)
    for name in names:
        os.symlink("../client", f"{folder}/bin/{name}")
    return folder


def remove(folder: str) -> None:
    """The folder and all that is in it."""
    for above, folders, files in os.walk(folder, topdown=False):
        for name in files:
            os.unlink(os.path.join(above, name))
        for name in folders:
            os.rmdir(os.path.join(above, name))
    os.rmdir(folder)


def on_linux(*option: int) -> None:
    """prctl(2), where there is one."""
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(*option, 0, 0, 0)


def reap() -> list[tuple[int, int]]:
    """The children that have ended, and how."""
    found = []
    try:
        while (entry := os.waitpid(-1, os.WNOHANG))[0]:
            found.append(entry)
    except ChildProcessError:
        pass
    return found


def end(left: list[int]) -> None:
    """SIGKILL to these, and then to all that is left: what loses its parent becomes a child of this process."""
    while True:
        for process in left:
            try:
                os.kill(process, _signal.SIGKILL)
            except OSError:
                pass
        reap()
        try:
            with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
                left = [int(number) for number in file.read().split()]
        except OSError:
            left = []
        if not left:
            return


def main() -> NoReturn:
    control = _socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(control.fileno(), False)
    with open(sys.argv[2], "rb") as file:
        client = file.read()
    for number in (_signal.SIGINT, _signal.SIGQUIT, _signal.SIGTERM, _signal.SIGHUP):
        _signal.signal(number, _signal.SIG_IGN)
    on_linux(PR_SET_CHILD_SUBREAPER, 1)
    try:
        folder = make_folder(client, sys.argv[3].split(","), os.fsencode(sys.executable))
        listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        listener.bind(f"{folder}/socket")
        listener.listen(128)
    except OSError as error:
        control.sendall(f"!{error}".encode())
        os._exit(2)
    try:
        control.sendmsg([b"L " + os.fsencode(folder)], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", [listener.detach()]))])
        status = run(control, folder, sys.argv[4:])
    finally:
        remove(folder)
    os._exit(status)


def run(control: _socket.socket, folder: str, command: list[str]) -> int:
    """The script's exit status; 2 when the emulator went away before."""
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    _signal.signal(_signal.SIGCHLD, lambda number, frame: None)
    _signal.set_wakeup_fd(wake)
    if control.recv(1) != b"g":
        return 2
    os.environ["PATH"] = f"{folder}/bin:" + os.environ.get("PATH", os.defpath)
    child = os.fork()
    if not child:
        on_linux(PR_SET_PDEATHSIG, _signal.SIGKILL)
        for number in (_signal.SIGINT, _signal.SIGQUIT, _signal.SIGTERM, _signal.SIGHUP, _signal.SIGPIPE, _signal.SIGCHLD):
            _signal.signal(number, _signal.SIG_DFL)
        try:
            os.execvp(command[0], command)
        except OSError as error:
            os.write(2, f"emu: {command[0]}: {error.strerror}\n".encode())
            os._exit(127)
    status = 2
    watched: list[Any] = [control, ended]
    while True:
        if control in select.select(watched, [], [])[0]:
            break
        os.read(ended, 64)
        for pid, how in reap():
            if pid == child:
                code = os.waitstatus_to_exitcode(how)
                status = code if code >= 0 else 128 - code
                child = 0
        if not child:
            break
    end([child] if child else [])
    return status


if __name__ == "__main__":
    main()
