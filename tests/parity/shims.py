"""Stand-ins for the tools on the kernel's side: each tells the runner what is run where, and then is the real tool.

A shim tells its command line and its process number through a FIFO and waits for the answer in one of many. Then it becomes the tool, so that
signals, standard input and job control are the tool's own. `ip` and `brctl` are run below it instead: when they have ended, the runner looks at what
they made (a namespace gets its capture, a link loses its offloads) before the script goes on.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from itertools import pairwise
from pathlib import Path

from tests.parity.observed import RECORDED

ANSWERS = 512  # FIFOs; a shim reads the one of its process number
AWAITED = ("ip", "brctl")
SHIM = r"""#!/bin/sh
printf '%s\0' {name} "$@" >{home}/calls/$$
ask() {{ echo "$@" >{home}/requests; read -r answer file <{home}/answers/$(($$ % {answers})); }}
ask run $$
case $answer in
exec) exec {real} "$@" ;;
batch) cat -- "$file" >{home}/batch/$$; ask split $$; . {home}/batch/$$.sh ;;
*) {real} "$@"; status=$? ;;
esac
ask done $$ $status
exit $status
"""


class Shims:
    """Made in the private mount namespace: `home` is a folder that only the script's processes see. `bin` goes first on PATH."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.bin = home / "bin"
        for folder in ("bin", "calls", "answers", "batch"):
            (home / folder).mkdir(parents=True)
        os.mkfifo(home / "requests")
        self.requests = os.open(home / "requests", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self.answers: dict[int, int] = {}
        self.real: dict[str, str] = {}
        for number in range(ANSWERS):
            os.mkfifo(home / "answers" / str(number))
        for name in RECORDED:
            real = sys.executable if name == "python3" else shutil.which(name)  # the one that has emu
            if real is not None:
                self.real[name] = real
                shim = self.bin / name
                shim.write_text(SHIM.format(name=name, home=home, answers=ANSWERS, real=real))
                shim.chmod(0o755)
        self.rest = b""

    def read(self) -> list[list[str]]:
        """Requests that have come: a word and a process number; `done` has a status too."""
        try:
            self.rest += os.read(self.requests, 1 << 16)
        except BlockingIOError:
            return []
        *lines, self.rest = self.rest.split(b"\n")
        return [line.decode().split() for line in lines]

    def argv(self, pid: int) -> list[str]:
        raw = (self.home / "calls" / str(pid)).read_bytes()
        return [os.fsdecode(word) for word in raw.split(b"\0")[:-1]]

    def answer(self, pid: int, word: str) -> None:
        number = pid % ANSWERS
        fifo = self.answers.get(number)
        if fifo is None:
            fifo = self.answers[number] = os.open(self.home / "answers" / str(number), os.O_RDWR | os.O_CLOEXEC)
        os.write(fifo, f"{word}\n".encode())

    def split(self, pid: int, argv: list[str]) -> None:
        """Have a batch of `ip` run in parts, the runner looking at what is there after each `netns add`: the links of a new namespace come into one
        that is captured. Every part keeps its line numbers.
        """
        lines = (self.home / "batch" / str(pid)).read_text(errors="surrogateescape").splitlines()
        at = next(number for number, word in enumerate(argv) if is_batch(word)) + 1
        forced = any(word in ("-force", "-f", "-fo", "-for", "-forc") for word in argv)
        ends = [number for number, line in enumerate(lines, 1) if re.match(r"\s*netns\s+add\b", line)]
        code, begin = ["status=0"], 0
        for part, end in enumerate([*(end for end in ends if end < len(lines)), len(lines)]):
            name = str(self.home / "batch" / f"{pid}.{part}")
            Path(name).write_text("\n" * begin + "\n".join(lines[begin:end]) + "\n", errors="surrogateescape")
            command = shlex.join([self.real["ip"], *argv[1:at], name, *argv[at + 1 :]])
            code.append(f"{'' if forced else '[ $status = 0 ] && '}{{ {command} || status=$?; ask look $$; }}")
            begin = end
        (self.home / "batch" / f"{pid}.sh").write_text("\n".join(code) + "\n")


def is_batch(word: str) -> bool:
    return len(word) > 1 and "-batch".startswith(word)


def batch_file(argv: list[str]) -> str | None:
    """The file of `ip -batch FILE`, None when it is something else."""
    for word, following in pairwise(argv[1:]):
        if not word.startswith("-"):
            return None
        if is_batch(word):
            return following
    return None
