"""A small FUSE server: shows the script's processes files that the emulator makes up (Linux's fuse protocol 7.31, include/uapi/linux/fuse.h).

What a file holds depends on the namespace of the process that looks. Names and attributes are answered at once; opening a file, which reads it, and writing to
one are done at rest, in fork order, as commands are. Nothing is cached by the kernel.
"""

from __future__ import annotations

import os
import stat
import struct
from errno import EACCES, EIO, ENOENT, ENOSYS, EPERM
from typing import TYPE_CHECKING, NamedTuple, Protocol

from emu.net.netns import NetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from emu.net.netns import Namespace

LOOKUP, FORGET, GETATTR, OPEN, READ, WRITE, RELEASE, INIT, OPENDIR, READDIR, RELEASEDIR = 1, 2, 3, 14, 15, 16, 18, 26, 27, 28, 29
SETATTR, ACCESS, CREATE, INTERRUPT, BATCH_FORGET = 4, 34, 35, 36, 42
MKNOD, MKDIR, UNLINK, RMDIR, SYMLINK, RENAME, LINK, RENAME2, STATFS = 8, 9, 10, 11, 6, 12, 13, 45, 17
UNANSWERED = (FORGET, BATCH_FORGET, INTERRUPT)  # an interrupted process gets its answer at the next rest all the same
ATOMIC_O_TRUNC, DIRECT_IO = 8, 1
LARGEST = 65536  # bytes of one write
ROOT = 1  # the number of the uppermost folder

Path = tuple[str, ...]


class Tree(Protocol):
    """What is shown: paths below the mount point, as the processes of a namespace see them."""

    def mode(self, netns: Namespace, path: Path) -> int | None:
        """st_mode of a file or folder; None: there is none."""

    def names(self, netns: Namespace, path: Path) -> list[str]:
        """What a folder holds."""

    def read(self, netns: Namespace, path: Path) -> bytes:
        """A file's content. Raises NetError."""

    def write(self, netns: Namespace, path: Path, data: bytes) -> None:
        """Write a file. Raises NetError."""

    def absent(self, path: Path) -> None:
        """Somebody looks for what there is not."""


class Request(NamedTuple):
    """What a process waits for. `pid`: its number in the fence."""

    opcode: int
    unique: int
    path: Path
    pid: int
    data: bytes


class Fuse:
    """`device`: /dev/fuse, mounted. `namespace`: that of a process by its number in the fence, None if it is gone. `waiting`: what is to be done at rest."""

    def __init__(self, device: int, tree: Tree, namespace: Callable[[int], Namespace | None]) -> None:
        self.device, self.tree, self.namespace = device, tree, namespace
        self.waiting: list[Request] = []
        self._paths: dict[int, Path] = {ROOT: ()}
        self._numbers: dict[Path, int] = {(): ROOT}
        self._open: dict[int, bytes] = {}  # handle -> what is read through it
        self._handles = 0
        os.set_blocking(device, False)

    def fileno(self) -> int:
        """For a selector."""
        return self.device

    def close(self) -> None:
        """Whoever still looks gets ENOTCONN."""
        os.close(self.device)

    def receive(self) -> None:
        """Take the requests that are there."""
        while True:
            try:
                message = os.read(self.device, LARGEST + 4096)
            except OSError:
                return
            _, opcode, unique, node, _, _, pid = struct.unpack_from("<IIQQIII", message)
            if opcode in UNANSWERED:
                continue
            request = Request(opcode, unique, self._paths.get(node, ("?",)), pid, message[40:])
            if opcode in (OPEN, WRITE):
                self.waiting.append(request)
            else:
                self.answer(request)

    def answer(self, request: Request) -> None:
        """Do what is asked and tell the outcome."""
        try:
            data, error = self._do(request), 0
        except NetError as failure:
            data, error = b"", failure.errno or EIO
        try:
            os.write(self.device, struct.pack("<IiQ", 16 + len(data), -error, request.unique) + data)
        except OSError:
            return  # the process was killed meanwhile

    def _do(self, request: Request) -> bytes:
        opcode, data = request.opcode, request.data
        if opcode == INIT:
            return self._init(data)
        if opcode in (RELEASE, RELEASEDIR):
            self._open.pop(struct.unpack_from("<Q", data)[0], None)
            return b""
        if opcode in (READ, READDIR):
            handle, offset, size = struct.unpack_from("<QQI", data)
            content = self._open.get(handle, b"")
            return content[offset : offset + size] if opcode == READ else _whole_entries(content[offset:], size)
        netns = self.namespace(request.pid)
        if netns is None:
            raise NetError(ENOENT, "the network namespace has been deleted")
        if opcode in (LOOKUP, CREATE):
            start = 16 if opcode == CREATE else 0
            path = (*request.path, os.fsdecode(data[start : data.index(b"\0", start)]))
            if self.tree.mode(netns, path) is None:
                self.tree.absent(path)
                raise NetError(ENOENT, "no such file")
            return struct.pack("<QQQQII", self._number(path), 0, 0, 0, 0, 0) + self._attributes(netns, path)
        mode = self._mode(netns, request.path)
        if opcode in (GETATTR, SETATTR):
            return struct.pack("<QII", 0, 0, 0) + self._attributes(netns, request.path)
        if opcode == ACCESS:
            if struct.unpack_from("<I", data)[0] & os.W_OK and not mode & stat.S_IWUSR:
                raise NetError(EACCES, "read-only")
            return b""
        if opcode == OPENDIR:
            return self._opened(self._entries(netns, request.path))
        if opcode == OPEN:
            flags = struct.unpack_from("<I", data)[0] & os.O_ACCMODE
            if flags != os.O_RDONLY and not mode & stat.S_IWUSR:
                raise NetError(EACCES, "read-only")
            return self._opened(self.tree.read(netns, request.path) if flags != os.O_WRONLY else b"")
        if opcode == WRITE:
            _, offset, size = struct.unpack_from("<QQI", data)
            if not offset:  # as with sysctl_writes_strict, only what is written at the beginning counts
                self.tree.write(netns, request.path, data[40 : 40 + size])
            return struct.pack("<II", size, 0)
        if opcode in (MKNOD, MKDIR, UNLINK, RMDIR, SYMLINK, RENAME, LINK, RENAME2):
            raise NetError(EPERM, "what is here is what there is")
        if opcode == STATFS:
            return struct.pack("<QQQQQIIII24x", 0, 0, 0, 0, 0, 4096, 255, 0, 0)
        raise NetError(ENOSYS, "not implemented")

    def _init(self, data: bytes) -> bytes:
        readahead, flags = struct.unpack_from("<8xII", data)
        return struct.pack("<IIIIHHIIHHI28x", 7, 31, readahead, flags & ATOMIC_O_TRUNC, 16, 12, LARGEST, 1, 0, 0, 0)

    def _number(self, path: Path) -> int:
        number = self._numbers.setdefault(path, len(self._numbers) + 1)
        self._paths[number] = path
        return number

    def _mode(self, netns: Namespace, path: Path) -> int:
        mode = self.tree.mode(netns, path)
        if mode is None:
            raise NetError(ENOENT, "no such file")
        return mode

    def _attributes(self, netns: Namespace, path: Path) -> bytes:
        """struct fuse_attr."""
        mode = self._mode(netns, path)
        return struct.pack("<QQQQQQIIIIIIIIII", self._number(path), 0, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def _entries(self, netns: Namespace, path: Path) -> bytes:
        """All of struct fuse_dirent; the offset of each is where the next begins."""
        out = b""
        for name in (".", "..", *self.tree.names(netns, path)):
            below = path if name in (".", "..") else (*path, name)
            raw = os.fsencode(name)
            padding = -len(raw) % 8
            end = len(out) + 24 + len(raw) + padding
            out += struct.pack("<QQII", self._number(below), end, len(raw), (self.tree.mode(netns, below) or 0) >> 12) + raw + bytes(padding)
        return out

    def _opened(self, content: bytes) -> bytes:
        """struct fuse_open_out."""
        self._handles += 1
        self._open[self._handles] = content
        return struct.pack("<QII", self._handles, DIRECT_IO, 0)


def _whole_entries(entries: bytes, size: int) -> bytes:
    """As many of them as fit."""
    end = 0
    while end < len(entries):
        length = 24 + struct.unpack_from("<I", entries, end + 16)[0]
        length += -length % 8
        if end + length > size:
            break
        end += length
    return entries[:end]
