"""A capture file that is valid whenever the process stops: whole records are gathered in memory and go to disk in one write() each time.

No descriptor stays open between writes, so any number of interfaces can be captured. The first record is written at once (the file is created by
it), then whenever as much is waiting as is on disk already, at most 64 KiB (less where thousands of files share the memory), and at flush().

What a killed process loses: at most the later half of a small file, 64 KiB of a big one; everything flushed is there. A process that ends by itself
loses nothing. The kernel looks for a fatal signal between the pages of a write(), so a SIGKILL in those microseconds can cut the last record;
the readers of the format show all records before it.
"""

from __future__ import annotations

import os
from contextlib import suppress

# 2025-01-01T00:00:00Z in nanoseconds since 1970: where virtual time 0 stands in captures.
EPOCH_NS = 1_735_689_600_000_000_000
LINKTYPE_ETHERNET = 1
SNAPLEN = 262_144  # bytes kept of a frame; Wireshark refuses records that are longer

FLUSH_BYTES = 65_536
MEMORY_BYTES = 64 << 20  # of records waiting, in all files of one folder


class CaptureError(ValueError):
    """A capture that cannot be written or read. The text names the file and what is wrong, in one line."""


class CaptureFile:
    """One file that grows by whole records. Writers append to `buf` in one step, then call flush() if it has reached `limit`.

    `start` stands before the first record. `siblings` are the files that share the memory with this one, itself among them.
    """

    __slots__ = ("path", "start", "buf", "limit", "size", "siblings")

    def __init__(self, path: str, start: bytes, siblings: list[CaptureFile] | None = None) -> None:
        self.path = path
        self.start = start
        self.buf = bytearray()
        self.limit = 0
        self.size = 0  # bytes on disk
        self.siblings = [] if siblings is None else siblings

    def flush(self) -> None:
        """Write what is waiting. Raises CaptureError if that fails: what is on disk is valid then, and what is waiting goes on waiting."""
        if not self.buf:
            return
        try:
            if self.size:
                fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
            else:
                # A file of its own, not an old one made empty: who has an earlier run open goes on reading that, and a link is not followed.
                with suppress(FileNotFoundError):
                    os.unlink(self.path)
                fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                self._append(fd)
            finally:
                os.close(fd)
        except OSError as error:
            raise CaptureError(f"cannot write {self.path}: {error.strerror}") from None
        self.limit = min(self.size, FLUSH_BYTES, MEMORY_BYTES // (len(self.siblings) or 1))

    def _append(self, fd: int) -> None:
        there = os.fstat(fd).st_size
        if there > self.size:  # Ctrl-C came between the last write() and the lines after it
            del self.buf[: there - self.size]
        data = bytes(self.buf) if self.size else self.start + self.buf
        done = 0
        try:
            while done < len(data):  # one turn, unless the disk is full
                done += os.write(fd, data[done:])
        except OSError:
            os.ftruncate(fd, there)
            raise
        self.size = there + done
        self.buf.clear()
