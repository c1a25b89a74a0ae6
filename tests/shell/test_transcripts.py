"""Programs print what the real ones print, character by character, with the same exit statuses."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.shell.conftest import EMU, ENVIRONMENT
from tests.shell.transcripts import FOLDER, normalise


@pytest.mark.parametrize("script", sorted(FOLDER.glob("*.sh")), ids=lambda path: path.stem)
def test_as_the_real_one(script: Path, tmp_path: Path) -> None:
    command = [*EMU, "--captures", str(tmp_path / "captures"), str(script)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT, cwd=tmp_path, timeout=120)
    assert normalise(done.stdout).splitlines() == script.with_suffix(".txt").read_text().splitlines()
