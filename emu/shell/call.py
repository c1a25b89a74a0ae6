"""One command of the script: a stand-in that waits at the other end of a socket."""

from __future__ import annotations

import os
import socket
import struct
from collections import deque
from signal import SIGKILL
from typing import TYPE_CHECKING, Any

from emu.iproute.cmd.invocation import STDIN as STDIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from emu.aio.loop import Loop
    from emu.aio.process import Process
    from emu.shell.rest import Chain

NETNS = "EMU_NETNS"  # the environment variable that carries the namespace; not set in the starting one
STANDARD = {"/dev/stdin": "0", "/dev/stdout": "1", "/dev/stderr": "2"}
DESCRIPTORS = ("/dev/fd/", "/proc/self/fd/")
SHOWN = ("/proc/sys/net", "/sys/class/net")  # by emu.shell.fuse


class Call:
    """`argv`, `cwd`, `env` as the stand-in has them, `pid` as the emulator sees it.

    `chain`: its place in fork order. `ready`: the command line is here. `admitted`: it has been taken up; before that it waits for everything else to come to
    rest. `news`: what the stand-in has said since, which also waits for that. `status`: what it ended with, None until then.
    """

    def __init__(self, sock: socket.socket, loop: Loop, fenced: bool = True) -> None:
        self.sock = sock
        self.fenced = fenced
        self.loop = loop
        self.pid = _peer(sock)
        self.chain: Chain = ()
        self.argv: list[str] = []
        self.cwd = "/"
        self.env: dict[str, str] = {}
        self.ready = False
        self.admitted = False
        self.status: int | None = None
        self.hostname = "host"
        self.elsewhere: dict[str, str] = {}  # files that it sees as a pod does: name -> where they are for the emulator
        self.process: Process | None = None
        self.on_gone: Callable[[], object] | None = None
        self.on_signal: Callable[[int], object] | None = None
        self.on_child: Callable[[int], object] | None = None
        self.files: dict[str, bytes | OSError] = {}  # what a command that needs all of them was given, by name; "" is standard input
        self.news: list[tuple[int, bytes]] = []
        self._inbox = bytearray()
        self.outbox = bytearray()
        self._input: deque[bytes] = deque()
        self._reader: Any = None
        self._eof = False
        self._gather: list[bytes] = []
        self._wanted: str | None = None

    def order(self) -> tuple[Chain, int]:
        """What commands are sorted by."""
        return self.chain, self.pid

    # -- for programs (emu.apps.stdio) ----------------------------------------------------------------------------------------------

    async def read(self) -> bytes:
        """What comes next on standard input, b"" at its end."""
        if not self._input and not self._eof:
            self.post(b"w")
            self.loop.stop()
            self._reader = self.loop.create_future()
            await self._reader
            self._reader = None
        return self._input.popleft() if self._input else b""

    def write(self, data: bytes) -> None:
        """To standard output."""
        self._say(b"o", data)

    def error(self, data: bytes) -> None:
        """To standard error."""
        self._say(b"e", data)

    def _say(self, letter: bytes, data: bytes) -> None:
        if data and self.status is None:
            self.post(letter, data)
            self.loop.stop()

    # -- for commands ---------------------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The command's name."""
        return self.argv[0]

    def exit(self, status: int) -> None:
        """It has ended."""
        if self.status is None:
            self.status = status
            self.post(b"x", b"%d" % status)
            self.loop.stop()

    def become(self, argv: list[str], env: dict[str, str] | None = None) -> None:
        """Run another program in its place."""
        self.status = 0
        self.post(b"E", _program(argv, env or {}))

    def supervise(self, argv: list[str], env: dict[str, str] | None = None) -> None:
        """Run another program below it."""
        self.post(b"T", _program(argv, env or {}))

    def signal_child(self, number: int) -> None:
        """A signal to the program below it."""
        self.post(b"K", b"%d" % number)
        self.loop.stop()

    def want(self, name: str) -> None:
        """Have all of a file read, of standard input if the name is empty, before it is taken up (again)."""
        self._wanted = name
        self._gather = []
        self.ready = self.admitted = False
        self.post(b"A", os.fsencode(name))

    def path(self, name: str) -> str:
        """A file named on the command line, as the emulator can open it: it does not see what the script has mounted."""
        path = os.path.normpath(os.path.join(self.cwd, name))
        if path in self.elsewhere:
            return self.elsewhere[path]
        if path in STANDARD or path.startswith(DESCRIPTORS):
            return f"/proc/{self.pid}/fd/{STANDARD.get(path) or os.path.basename(path)}"
        if not self.fenced:
            return path
        if path.startswith(SHOWN):
            return "/nowhere"  # the emulator would ask itself, and wait
        return f"/proc/{self.pid}/root{path}"

    def real_program(self) -> list[str]:
        """The command line with the program that the stand-in hides."""
        found = (os.path.join(folder, self.name) for folder in self.env.get("PATH", os.defpath).split(":") if folder != "/run/emu/bin")
        real = (path for path in found if os.access(path, os.X_OK) and os.path.basename(os.path.realpath(path)) != "client")
        return [next(real, f"/usr/bin/{self.name}"), *self.argv[1:]]

    # -- the socket -----------------------------------------------------------------------------------------------------------------

    def post(self, letter: bytes, data: bytes = b"") -> None:
        """Put a message into the outbox."""
        self.outbox += letter + len(data).to_bytes(4, "big") + data

    def flush(self) -> None:
        """Send what the socket takes."""
        while self.outbox:
            try:
                sent = self.sock.send(self.outbox[:65536])
            except BlockingIOError:
                return
            except OSError:
                self.outbox.clear()
                return
            del self.outbox[:sent]

    def receive(self) -> bool:
        """Take what has come. False: the stand-in is gone."""
        try:
            data = self.sock.recv(1 << 18)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        inbox = self._inbox
        inbox += data
        while len(inbox) >= 5 and len(inbox) >= 5 + (length := int.from_bytes(inbox[1:5], "big")):
            letter, data = inbox[0], bytes(inbox[5 : 5 + length])
            del inbox[: 5 + length]
            self._message(letter, data)
        return True

    def _message(self, letter: int, data: bytes) -> None:
        if letter == ord("r"):
            parts = [os.fsdecode(part) for part in data.split(b"\0")]
            count = int(parts[0])
            self.argv, self.cwd = parts[1 : 1 + count], parts[1 + count]
            self.env = dict(part.partition("=")[::2] for part in parts[2 + count :])
            self.ready = True
        elif letter == ord("i") and self._wanted is not None:
            self._gather.append(data)
            if not data:
                self._read(b"".join(self._gather))
        elif letter == ord("f") and self._wanted is not None:
            self._read(OSError(int(data), os.strerror(int(data)), self._wanted))
        else:
            self.news.append((letter, data))

    def _read(self, content: bytes | OSError) -> None:
        self.files[self._wanted or ""] = content
        self._wanted = None
        self.ready = True

    def hear(self) -> None:
        """Everything is at rest: what the stand-in has said takes effect."""
        news, self.news = self.news, []
        for letter, data in news:
            if letter == ord("a"):
                self.post(b"i")
            elif letter == ord("i"):
                if data:
                    self._input.append(data)
                else:
                    self._eof = True
                if self._reader is not None and not self._reader.done():
                    self._reader.set_result(None)
            elif letter == ord("s") and self.on_signal is not None:
                self.on_signal(int(data))
            elif letter == ord("d") and self.on_child is not None:
                self.on_child(int(data))

    def gone(self) -> None:
        """Everything is at rest, and the stand-in is no more."""
        if self.status is None:
            self.status = 128 + SIGKILL
            if self.on_gone is not None:
                self.on_gone()


def _peer(sock: socket.socket) -> int:
    """The number of the process at the other end."""
    if hasattr(socket, "SO_PEERCRED"):
        return int(struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])
    return int(struct.unpack("i", sock.getsockopt(0, 2, 4))[0])  # macOS: SOL_LOCAL, LOCAL_PEERPID


def _program(argv: list[str], env: dict[str, str]) -> bytes:
    return b"\0".join(os.fsencode(part) for part in (str(len(env)), *(f"{name}={value}" for name, value in env.items()), *argv))
