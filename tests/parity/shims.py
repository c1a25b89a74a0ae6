"""Stand-ins for the tools on the kernel's side: each tells the runner what is run where, and then is the real tool.

A shim tells its command line and its process number through a FIFO and waits for the answer in one of many. Then it becomes the tool, so that
signals, standard input and job control are the tool's own. `ip` and `brctl` are run below it instead: when they have ended, the runner looks at what
they made (a namespace gets its capture, a link loses its offloads) before the script goes on.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tests.parity.observed import RECORDED

ANSWERS = 512  # FIFOs; a shim reads the one of its process number
AWAITED = ("ip", "brctl")
SHIM = r"""#!/bin/sh
printf '%s\0' {name} "$@" >{home}/calls/$$
echo "run $$" >{home}/requests
read -r answer <{home}/answers/$(($$ % {answers}))
[ "$answer" = exec ] && exec {real} "$@"
{real} "$@"
status=$?
echo "done $$ $status" >{home}/requests
read -r answer <{home}/answers/$(($$ % {answers}))
exit $status
"""


class Shims:
    """Made in the private mount namespace: `home` is a folder that only the script's processes see. `bin` goes first on PATH."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.bin = home / "bin"
        for folder in ("bin", "calls", "answers"):
            (home / folder).mkdir(parents=True)
        os.mkfifo(home / "requests")
        self.requests = os.open(home / "requests", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self.answers: dict[int, int] = {}
        for number in range(ANSWERS):
            os.mkfifo(home / "answers" / str(number))
        for name in RECORDED:
            real = sys.executable if name == "python3" else shutil.which(name)  # the one that has emu
            if real is not None:
                shim = self.bin / name
                shim.write_text(SHIM.format(name=name, home=home, answers=ANSWERS, real=real))
                shim.chmod(0o755)
        self.rest = b""

    def read(self) -> list[list[str]]:
        """Requests that have come: ["run", pid] or ["done", pid, status]."""
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
