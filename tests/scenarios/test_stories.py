"""Every story goes as told, and tells what was recorded."""

from __future__ import annotations

from difflib import unified_diff
from itertools import islice

import pytest

from emu.scenarios.catalog import STORIES, TITLES, TOUR, VARIANTS, UnknownScenario, expand
from tests.scenarios.tell import GOLDEN, told


@pytest.mark.parametrize("name", [*STORIES, *VARIANTS])
def test_a_story_tells_what_was_recorded(name: str) -> None:
    story, text = told(name)
    assert story.broken_claims == []
    recorded = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    difference = unified_diff(recorded.splitlines(), text.splitlines(), "recorded", "now", lineterm="", n=2)
    head = list(islice(difference, 80))
    assert not head, "if that is as it should be: python -m tests.scenarios.record\n" + "\n".join(head)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", [*STORIES, *VARIANTS])
def test_a_story_goes_as_told_with_other_choices_too(name: str, seed: int) -> None:
    story, _ = told(name, seed)
    assert story.broken_claims == []
    assert story.went_well


def test_every_recording_is_of_a_story() -> None:
    assert sorted(path.stem for path in GOLDEN.iterdir()) == sorted([*STORIES, *VARIANTS])


def test_the_tour_is_all_of_them_once() -> None:
    assert list(TITLES) == [*STORIES, *VARIANTS]
    assert list(STORIES) == expand([TOUR]) == expand([TOUR, "pod-restart", TOUR])
    assert expand(["pod-restart", "node-to-pod", "pod-restart"]) == ["pod-restart", "node-to-pod"]
    with pytest.raises(UnknownScenario, match=r"no scenario is called 'x'; there are: container-to-container, .*, tour"):
        expand(["x"])
