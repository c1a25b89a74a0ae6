"""The fence: namespaces of its own around the script's bash, so that nothing reaches the host. Run by `python -I -S`, controlled over the
socket that the first argument numbers.

Two processes: the outer one unshares and waits; the inner one is process 1 in there, mounts, starts bash and ends with its status, which takes along
everything that is left. Each dies with its parent. What is made on disk lies on a tmpfs that only they see.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import array
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG = 1
SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER = 1, 8
SEARCH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
# One program under many names: the shell itself may be among them.
SHARED = ("busybox", "coreutils", "toybox", "toolbox")


def die(control: _socket.socket, text: str) -> NoReturn:
    control.sendall(b"!" + text.encode())
    os._exit(2)


def call(name: str, *arguments: Any) -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    call("mount", source and source.encode(), target.encode(), kind and kind.encode(), flags, data and data.encode())


def listen_for_sockets(seccomp: str) -> int | None:
    """Have the kernel ask before network sockets are made (emu/shell/sockets.py); the descriptor on which it does, None where it cannot.

    `seccomp`: the number of the system call, a colon, the filter.
    """
    number, _, program = seccomp.partition(":")
    if not program:
        return None
    import ctypes
    import struct

    libc = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(bytes.fromhex(program))
    fprog = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 16, ctypes.addressof(code)))
    found: int = libc.syscall(int(number), SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, fprog)
    return found if found >= 0 else None


def identity(uid: int, gid: int) -> None:
    """As an ordinary user: root in here is who started it. (Root's map is written from outside, and is whole.)"""
    for path, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{path}", "w") as file:
            file.write(text)


def fence_in(client: bytes, names: list[str], python: bytes) -> None:
    """The mounts, and the stand-ins over the real tools."""
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    os.makedirs("/run/netns")
    os.makedirs("/run/emu/bin")
    os.mkdir("/run/lock")
    with open("/run/emu/client", "wb") as file:
        file.write(b"#!" + python + b" -IS\n" + client)
    os.chmod("/run/emu/client", 0o755)
    for name in names:
        os.symlink("../client", f"/run/emu/bin/{name}")
    cover_etc()
    covered: list[str] = []
    for folder in SEARCH:
        for name in names:
            real = os.path.realpath(f"{folder}/{name}")
            base = os.path.basename(real)
            if os.path.isfile(real) and real not in covered and base not in SHARED and not base.startswith("python"):
                covered.append(real)
                mount("/run/emu/client", real, None, MS_BIND)
    for kind, target in (("proc", "/proc"), ("sysfs", "/sys")):
        try:
            mount(kind, target, kind, MS_NOSUID | MS_NODEV)
        except OSError:
            pass  # a container may not show its own whole; its processes are seen by other numbers then
    try:
        # It would show, and let be set, what belongs to a namespace that carries no frame: better nothing than that, where `show_files` cannot.
        mount("tmpfs", "/proc/sys/net", "tmpfs", MS_RDONLY, "mode=555")
        mount("tmpfs", "/sys/class/net", "tmpfs", MS_RDONLY, "mode=555")
    except OSError:
        pass


def cover_etc() -> None:
    """What a script writes into /etc (netns/NAME/resolv.conf, sysctl.conf, rt_tables) configures it, not this machine. Where the kernel cannot, it cannot."""
    os.makedirs("/run/emu/etc/upper")
    os.makedirs("/run/emu/etc/work")
    try:
        mount("overlay", "/etc", "overlay", 0, "lowerdir=/etc,upperdir=/run/emu/etc/upper,workdir=/run/emu/etc/work,userxattr")
    except OSError:
        pass


def show_files(target: str) -> int | None:
    """A file system that the emulator fills (emu/shell/fuse.py); None where /dev/fuse is not there, or not for us."""
    try:
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        mount("emu", target, "fuse", MS_NOSUID | MS_NODEV, f"fd={device},rootmode=40555,user_id=0,group_id=0,allow_other")
    except OSError:
        return None
    return device


def inner(control: _socket.socket, client: bytes, names: list[str], python: bytes, seccomp: str, files: str, command: list[str]) -> NoReturn:
    call("prctl", PR_SET_PDEATHSIG, _signal.SIGKILL, 0, 0, 0)
    try:
        fence_in(client, names, python)
        _socket.sethostname("host")
    except OSError as error:
        die(control, str(error))
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    mask = os.umask(0o177)
    listener.bind("/run/emu/socket")
    os.umask(mask)
    listener.listen(4096)
    given: dict[bytes, int | None] = {b"L": listener.detach()}
    if files:
        given |= {b"P": show_files("/proc/sys/net"), b"C": show_files("/sys/class/net")}
    given[b"N"] = listen_for_sockets(seccomp)
    found = {letter: descriptor for letter, descriptor in given.items() if descriptor is not None}
    control.sendmsg([b"".join(found)], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", found.values()))])
    for descriptor in found.values():
        os.close(descriptor)
    if control.recv(1) != b"g":
        os._exit(2)
    os.environ["PATH"] = "/run/emu/bin:" + os.environ.get("PATH", ":".join(SEARCH))
    child = os.fork()
    if not child:
        for number in (_signal.SIGINT, _signal.SIGQUIT, _signal.SIGPIPE):
            _signal.signal(number, _signal.SIG_DFL)
        try:
            os.execvp(command[0], command)
        except OSError as error:
            os.write(2, f"emu: {command[0]}: {error.strerror}\n".encode())
            os._exit(127)
    control.sendall(b"S%d\n" % child)
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def main() -> NoReturn:
    control = _socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(control.fileno(), False)
    uid, gid, parent = os.getuid(), os.getgid(), os.getppid()
    names = sys.argv[3].split(",")
    command = sys.argv[6:]
    python = os.fsencode(sys.executable)
    with open(sys.argv[2], "rb") as file:
        client = file.read()
    for number in (_signal.SIGINT, _signal.SIGQUIT):
        _signal.signal(number, _signal.SIG_IGN)
    try:
        call("unshare", CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC)
        if uid:
            identity(uid, gid)
        else:
            control.sendall(b"U")
            if control.recv(1) != b"g":
                os._exit(2)
        call("prctl", PR_SET_PDEATHSIG, _signal.SIGKILL, 0, 0, 0)
    except OSError as error:
        die(control, str(error))
    if os.getppid() != parent:
        os._exit(2)
    child = os.fork()
    if not child:
        inner(control, client, names, python, sys.argv[4], sys.argv[5], command)
    control.close()
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 255)


if __name__ == "__main__":
    main()
