"""How stories are told, by stories that are only told here."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from emu.scenarios import story as module
from emu.scenarios.story import Story

NAME = "node-to-pod"
Teller = Callable[[Story], None]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Story, str]]:
    """Tell a story of one's own: run(tell, captures=..., terminal=...)."""

    def tell(teller: Teller, captures: Path | None = None, terminal: bool = False) -> tuple[Story, str]:
        monkeypatch.setattr(module, "module_of", lambda name: SimpleNamespace(tell=teller))
        out = StringIO()
        told = Story(NAME, 0, captures, Console(file=out, width=60, color_system=None, force_terminal=terminal, highlight=False))
        told.run()
        return told, out.getvalue()

    return tell


def test_text_is_filled_to_the_width(run: Callable[..., tuple[Story, str]]) -> None:
    _, text = run(lambda story: story.tell("word " * 40 + "[not markup]\n\n   indented   in the source"))
    lines = text.splitlines()
    assert max(map(len, lines)) <= 60
    assert "[not markup] indented in the source" in " ".join(lines)


def test_it_went_well_if_every_claim_holds_and_there_is_one(run: Callable[..., tuple[Story, str]]) -> None:
    def half(story: Story) -> None:
        assert story.claim("two and two are 4", 2 + 2 == 4)
        assert not story.claim("two and two are 5", 2 + 2 == 5)
        story.verdict("of two\n   claims one")

    told, text = run(half)
    assert (told.went_well, told.broken_claims) == (False, ["two and two are 5"])
    assert text.splitlines()[-4:-1] == ["  ok  two and two are 4", "  NOT two and two are 5", "verdict: of two claims one (1 of 2 claims hold)"]
    assert not run(lambda story: None)[0].went_well
    _, text = run(lambda story: story.claim("long " * 12, True))
    assert text.splitlines()[2:4] == ["  ok  " + ("long " * 11).rstrip(), "      long"]
    assert run(lambda story: story.claim("one", True))[0].went_well


def test_every_cluster_of_a_story_is_captured_and_counted(run: Callable[..., tuple[Story, str]], tmp_path: Path) -> None:
    def one_cluster(story: Story) -> None:
        cluster = story.cluster(nodes=1)
        story.show(cluster.run_pod("a").ping(cluster.run_pod("b").ip))

    def two_clusters(story: Story) -> None:
        one_cluster(story)
        one_cluster(story)

    told, text = run(two_clusters, tmp_path)
    assert "all.pcapng" in os.listdir(tmp_path)
    assert "all.pcapng" in os.listdir(tmp_path / "cluster-2")
    assert text.count("a: ping 10.244.1.3") == 2
    assert told.digest != run(one_cluster)[0].digest
    first, second = told.to_dict()["exchanges"]
    assert first == second


def test_drops_are_kept_with_their_place(run: Callable[..., tuple[Story, str]]) -> None:
    def closed_port(story: Story) -> None:
        cluster = story.cluster(nodes=1)
        story.show(cluster.run_pod("a").udp(cluster.run_pod("b").ip, 9).trace, table=False)

    told, text = run(closed_port)
    [drop] = [drop for drop in told.drops if drop["reason"] == "NO_SOCKET"]
    assert (drop["netns"], drop["dev"]) == ("b", "eth0")
    assert "frame, and what was decided" not in text
    assert told.to_dict()["exchanges"][0]["delivered"] is False


def test_progress_is_for_terminals(run: Callable[..., tuple[Story, str]]) -> None:
    def long(story: Story) -> None:
        assert list(story.progress(range(3), 3, "counting")) == [0, 1, 2]

    assert "counting" not in run(long)[1]
    assert "counting" in run(long, terminal=True)[1]


def test_what_a_story_raises_comes_out_and_its_captures_are_closed(run: Callable[..., tuple[Story, str]], tmp_path: Path) -> None:
    def broken(story: Story) -> None:
        story.cluster(nodes=1).run_pod("a")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(broken, tmp_path)
    assert (tmp_path / "all.pcapng").stat().st_size > 0
