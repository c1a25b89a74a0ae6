"""A story told on 100 columns without colour, as the recorded ones are."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from rich.console import Console

from emu.scenarios.story import Story

GOLDEN = Path(__file__).parent / "golden"
COLUMNS = 100


def told(name: str, seed: int = 0) -> tuple[Story, str]:
    """The story, and everything it said; no captures are written."""
    out = StringIO()
    story = Story(name, seed, None, Console(file=out, width=COLUMNS, color_system=None, highlight=False))
    story.run()
    return story, "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())
