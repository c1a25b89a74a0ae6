"""The stand-in: hands its command line to the emulator and does what it is told. Run by `python -I -S`; imports only what costs no time.

A message is a letter, `u32 length`, data. The request `r`: NUL-separated number of arguments, arguments, working directory, environment (`k=v`).
Answers: `o`, `e` (write to stdout, stderr), `x` (exit with this status), `w` (say `a` as soon as there is something on stdin), `i` (send what is there, up to
64 KiB, as `i` and data; no data: its end), `P` (take files and a host's name from a pod: a folder, a name), `A` (send all of stdin so, or of
the file that is named; `f`: it cannot be read, and the error's number), `E` (become another program: number of settings, `k=v`..., arguments), `T` (start
another program, kill it when told `K signal`, say `d status` when it has ended).
Signals that a program handles (SIGINT in ping, say) are sent as `s` and a number; a stand-in that is killed just disappears.

Why `a` and then `i`: what a read finds depends on how far the writer has got. The emulator says `i` while every process is at rest.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]

# Unless it is to be ignored, Ctrl-C ends what has not yet begun, without a word from Python.
INTERRUPTIBLE = _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler
if INTERRUPTIBLE:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

import _socket  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402

TYPE_CHECKING = False  # `typing` takes longer to import than all else here
if TYPE_CHECKING:
    from typing import Any, NoReturn

EBADF = 9
CLONE_NEWNS, CLONE_NEWUTS, MS_BIND = 0x20000, 0x4000000, 4096
HERE = "/run/emu/socket"
HANDLE_SIGINT = (b"ping", b"tcpdump", b"arping", b"socat", b"iperf3")
HANDLE_SIGTERM = (b"tcpdump", b"socat", b"iperf3")


def recv(sock: _socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            sys.exit(1)  # the emulator is gone
        data += more
    return data


def send(sock: _socket.socket, letter: bytes, data: bytes = b"") -> None:
    sock.sendall(letter + len(data).to_bytes(4, "big") + data)


def write(fd: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError as error:
        if fd != 1:
            os._exit(1)  # nobody can be told
        if error.errno != EBADF:
            write(2, b"%s: write error: %s\n" % (os.path.basename(os.fsencode(sys.argv[0])), str(error.strerror).encode()))
            os._exit(1)


def given() -> bytes:
    """What is on stdin, b"" at its end."""
    try:
        return os.read(0, 65536)
    except OSError:
        return b""


def give_all(sock: _socket.socket, path: bytes) -> None:
    """All of a file, of stdin if no name is given."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC) if path else 0
        while more := os.read(file, 65536):
            send(sock, b"i", more)
    except OSError as error:
        if path:
            send(sock, b"f", b"%d" % (error.errno or 5))
            return
    send(sock, b"i")
    if path:
        os.close(file)


def wait(sock: _socket.socket) -> tuple[bool, bool]:
    """Until there is a message, or something on stdin (also its end): which of both."""
    import select

    both: list[Any] = [sock, 0]
    try:
        ready = select.select(both, [], [])[0]
    except OSError:  # there is no stdin
        return False, True
    return sock in ready, 0 in ready


def execute(words: list[bytes]) -> NoReturn:
    """Become the program, its name looked for on PATH; 127 and 126 as `env` and a shell have it."""
    try:
        os.execvpe(words[0], words, os.environb)
    except FileNotFoundError:
        status = 127
        text = "No such file or directory"
    except OSError as error:
        status = 126
        text = str(error.strerror)
    if os.path.basename(sys.argv[0]) == "ip":
        write(2, b'exec of "%s" failed: %s\n' % (words[0], text.encode()))
        os._exit(255)
    write(2, b"%s: failed to run command '%s': %s\n" % (os.path.basename(os.fsencode(sys.argv[0])), words[0], text.encode()))
    os._exit(status)


def settings(data: bytes) -> list[bytes]:
    """Change the environment as told; returns the command line."""
    parts = data.split(b"\0")
    count = int(parts[0])
    for setting in parts[1 : 1 + count]:
        name, _, value = setting.partition(b"=")
        os.environb[name] = value
    return parts[1 + count :]


def move(data: bytes) -> None:
    """Into a pod, as far as files go: the folder's files over those of the same name in /etc, and the host's name. What cannot be covered stays."""
    import ctypes

    folder, name = data.split(b"\0")
    libc = ctypes.CDLL(None)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWUTS) != 0:
        return
    _socket.sethostname(os.fsdecode(name))
    os.environb[b"HOSTNAME"] = name
    for file in os.listdir(folder):
        target = os.path.realpath(b"/etc/" + file)
        if not os.path.exists(target):
            try:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                open(target, "wb").close()
            except OSError:
                continue
        libc.mount(folder + b"/" + file, target, None, MS_BIND, None)


def supervise(sock: _socket.socket, words: list[bytes]) -> NoReturn:
    """timeout: run the program; the emulator says when it is to be killed, and with what status this is to end."""
    import select

    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    _signal.signal(_signal.SIGCHLD, lambda number, frame: None)
    _signal.set_wakeup_fd(wake)
    child = os.fork()
    if not child:
        _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
        execute(words)
    watched: list[Any] = [sock, ended]
    while True:
        ready = select.select(watched, [], [])[0]
        if ended in ready:
            os.read(ended, 64)
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                send(sock, b"d", b"%d" % (code if code >= 0 else 128 - code))
                watched = [sock]
        if sock in ready:
            letter = recv(sock, 1)
            data = recv(sock, int.from_bytes(recv(sock, 4), "big"))
            if letter == b"K":
                os.kill(child, int(data))
            elif letter == b"x":
                os._exit(int(data))
            elif letter == b"o":
                write(1, data)
            elif letter == b"e":
                write(2, data)


def follows(words: list[bytes]) -> bool:
    """conntrack -E goes on until a signal, and then sums up."""
    return words[0] == b"conntrack" and (b"-E" in words or b"--event" in words)


def main() -> NoReturn:
    _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        sock.connect(os.environ.get("EMU_SOCKET", HERE))
    except OSError:
        write(2, b"emu: the emulator of this shell is gone\n")
        os._exit(1)
    words = [os.path.basename(os.fsencode(sys.argv[0]))] + [os.fsencode(word) for word in sys.argv[1:]]
    try:
        here = os.getcwdb()
    except OSError:
        here = b"/"
    parts = [b"%d" % len(words), *words, here, *(name + b"=" + value for name, value in os.environb.items())]
    send(sock, b"r", b"\0".join(parts))

    def told(number: int, frame: object) -> None:
        send(sock, b"s", b"%d" % number)

    if words[0] in HANDLE_SIGTERM or follows(words):
        _signal.signal(_signal.SIGTERM, told)
    if INTERRUPTIBLE and (words[0] in HANDLE_SIGINT or follows(words)):
        _signal.signal(_signal.SIGINT, told)
    watching = False
    while True:
        if watching:
            message, given_now = wait(sock)
            if given_now:
                watching = False
                send(sock, b"a")
            if not message:
                continue
        letter = recv(sock, 1)
        data = recv(sock, int.from_bytes(recv(sock, 4), "big"))
        if letter == b"o":
            write(1, data)
        elif letter == b"e":
            write(2, data)
        elif letter == b"x":
            os._exit(int(data))
        elif letter == b"w":
            watching = True
        elif letter == b"i":
            send(sock, b"i", given())
        elif letter == b"A":
            give_all(sock, data)
        elif letter == b"P":
            move(data)
        elif letter == b"E":
            execute(settings(data))
        elif letter == b"T":
            supervise(sock, settings(data))


if __name__ == "__main__":
    main()
