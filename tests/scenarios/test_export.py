"""A story's script does under `emu sh` what the story did: the same frames at the same devices."""

from __future__ import annotations

import difflib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from emu.pcap.reader import CaptureReader
from emu.scenarios.catalog import STORIES, VARIANTS
from emu.scenarios.export import export
from emu.scenarios.story import Story
from tests.kernel.normalise import Normaliser

ROOT = Path(__file__).parents[2]
QUICK = ("container-to-container",)  # the others are compared with the kernel, frame by frame, by tests.parity
# Programs that ran side by side in the story run one after the other in the script (and a frame on lo goes out before the one before it is in):
SIDE_BY_SIDE = ("pod-to-service", "internet-to-service", "container-to-container")
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in [*STORIES, *VARIANTS] if name not in QUICK]


def frames(folder: Path, ordered: bool) -> dict[str, list[str]]:
    """What was captured, by device, as lines. Ports and ids that were drawn are all called the same."""
    normaliser = Normaliser({}, lambda port: port < 1024 or port in (8080, 8472) or 30000 <= port <= 32767)
    seen: dict[str, list[str]] = {}
    for record in CaptureReader(folder / "all.pcapng"):
        if record.interface != "switch.br0":  # the switch of the story has no such device
            seen.setdefault(str(record.interface), []).append(normaliser.line(record.data))
    for lines in seen.values():
        if not ordered:
            lines[:] = sorted(without_names(line) for line in lines)
    return seen


def without_names(line: str) -> str:
    """A line without what numbers things by their order."""
    words = [("p" if part[:1] == "p" and part[1:].isdigit() else "i" if part[:1] == "i" and part[1:].isdigit() else part) for part in line.split(" ")]
    return " ".join(">".join("p" if end[:1] == "p" and end[1:].isdigit() else end for end in word.split(">")) for word in words)


@pytest.mark.parametrize("name", [*QUICK, *SLOW])
def test_the_script_does_what_the_story_did(name: str, tmp_path: Path) -> None:
    assert Story(name, 0, tmp_path / "story").run()
    path = tmp_path / f"{name}.sh"
    path.write_text(export(name))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "emu", "sh", "--captures", str(tmp_path / "script"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    ordered = name not in SIDE_BY_SIDE
    story, script = frames(tmp_path / "story", ordered), frames(tmp_path / "script", ordered)
    for device in [*story, *script]:
        difference = difflib.unified_diff(story.get(device, []), script.get(device, []), "the story", "its script", lineterm="", n=1)
        assert not (lines := list(difference)), "\n".join([device, *lines[:60]])
