"""The stories' scripts in this folder are what `emu export` prints."""

from __future__ import annotations

import pytest

from emu.scenarios.catalog import STORIES, VARIANTS
from tests.parity import stories
from tests.parity.script import FOLDER, load

# Story 1 stays on lo, where the kernel delivers before the program that sent runs on, the emulator a microsecond later.
LEFT_OUT = "container-to-container"


def test_every_story_but_the_first_is_compared() -> None:
    assert sorted([*stories.STORIES, LEFT_OUT]) == sorted([*STORIES, *VARIANTS])


@pytest.mark.parametrize("name", stories.STORIES)
def test_the_script_is_what_is_exported(name: str) -> None:
    path = FOLDER / f"story-{name}.sh"
    assert path.read_text(encoding="utf-8") == stories.script(name), "write it again: python -m tests.parity.stories"
    assert load(path).expectations
