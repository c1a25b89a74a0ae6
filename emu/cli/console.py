"""The console a story is told on."""

from __future__ import annotations

from rich.console import Console

from emu.lab.trace import default_console


class PipeConsole(Console):
    """rich ends the program by itself when nobody reads on; here that is decided in one place, `emu.cli.main`."""

    def on_broken_pipe(self) -> None:
        """Called while BrokenPipeError is handled; let it go on."""
        self.quiet = True
        raise BrokenPipeError


def make_console() -> Console:
    """stdout: on a terminal its width and colours, else 100 columns and none."""
    return default_console(PipeConsole)
