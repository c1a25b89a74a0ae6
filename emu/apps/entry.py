"""`python3 -m emu.apps.NAME`: one program, the same coroutine on a real machine and, under `emu sh`, on the emulated network.

Such a module has `async def main(words, stdio) -> int` (the exit status) and ends with `if __name__ == "__main__": run(main)`. On a real machine
nothing of the emulator's stack is imported, only asyncio and what the program itself needs.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import NoReturn

from emu.apps.stdio import Stdio

Main = Callable[[list[str], Stdio], Awaitable[int]]
USAGE = 2
MOMENT = 0.0001  # seconds from what comes to what a program sends: a packet has gone all its way before the program is given the CPU


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that prints to the program's own standard output and error."""

    def __init__(self, name: str, about: str, stdio: Stdio) -> None:
        super().__init__(prog=f"python3 -m emu.apps.{name}", description=about, allow_abbrev=False)
        self.stdio = stdio

    def _print_message(self, message: str, file: object = None) -> None:
        (self.stdio.error if file is sys.stderr else self.stdio.write)(message.encode())

    def error(self, message: str) -> NoReturn:
        """One line, and the end with status 2."""
        self.stdio.error(f"{self.prog}: {message}\n".encode())
        raise SystemExit(USAGE)


class RealStdio:
    """Standard output and error of this process."""

    cwd = "."

    def path(self, name: str) -> str:
        """As it is."""
        return name

    async def read(self) -> bytes:
        """Nothing is read."""
        return b""

    def write(self, data: bytes) -> None:
        """At once, so that who started the program sees it."""
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def error(self, data: bytes) -> None:
        """At once."""
        sys.stderr.buffer.write(data)
        sys.stderr.buffer.flush()


def run(main: Main) -> NoReturn:
    """On this machine, in the network namespace of this process."""

    async def whole() -> int:
        return await main(sys.argv[1:], RealStdio())

    try:
        sys.exit(asyncio.run(whole()))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
