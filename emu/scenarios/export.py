"""A story as a shell script: its cluster built by the commands that built it, then everything that is done in it."""

from __future__ import annotations

from emu.lab.script import script
from emu.observe.journal import Journal
from emu.scenarios.catalog import TITLES
from emu.scenarios.story import Story

ABOUT = """\
Written by `emu export {name}`. There are two ways to run it:
emu sh FILE: on the emulated network. No root is needed, waiting takes no time, and every interface is captured.
bash FILE: on Linux, as root (or as a user who may make namespaces), in namespaces of its own. It takes iproute2, iptables, ping, and a python3 that \
has emu: `pip install` it, or set PYTHONPATH to its folder."""


def export(name: str, seed: int = 0) -> str:
    """The script of the story called `name` in `catalog`."""
    story = Story(name, seed)
    journal = story.journal = Journal()
    story.run()
    return script(journal, f"{name}: {TITLES[name]}.", ABOUT.format(name=name + (f" --seed {seed}" if seed else "")))
