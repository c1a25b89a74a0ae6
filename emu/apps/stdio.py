"""Standard input, output and error of a program that is more than lines: bytes in, bytes out."""

from __future__ import annotations

from typing import Protocol


class Stdio(Protocol):
    """What a program started from a shell has."""

    cwd: str

    def path(self, name: str) -> str:
        """A file named on the command line, as it can be opened here."""

    async def read(self) -> bytes:
        """What comes next on standard input, b"" at its end."""

    def write(self, data: bytes) -> None:
        """To standard output."""

    def error(self, data: bytes) -> None:
        """To standard error."""
