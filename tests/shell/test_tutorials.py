"""Scripts as tutorials have them, typed in: each runs, and says what its `# expect:` lines tell. Lines on standard error have to be expected too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.shell.conftest import Sh
from tests.shell.test_proc_sys import needs_fuse

SCRIPTS = sorted((Path(__file__).parent / "tutorials").glob("*.sh"))


@needs_fuse
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_it_just_runs(sh: Sh, path: Path) -> None:
    text = path.read_text()
    expected = re.findall(r"^# expect: (status|output|no output|error) (.*)$", text, re.MULTILINE)
    assert len(expected) > 2
    done = sh(text)
    assert f"status {done.returncode}" in [" ".join(pair) for pair in expected], done.stderr
    for kind, wanted in expected:
        if kind in ("output", "no output"):
            assert bool(re.search(wanted, done.stdout, re.MULTILINE)) is (kind == "output"), (kind, wanted, done.stdout)
        elif kind == "error":
            assert re.search(wanted, done.stderr, re.MULTILINE), (wanted, done.stderr)
    allowed = [wanted for kind, wanted in expected if kind == "error"]
    assert [line for line in done.stderr.splitlines() if not any(re.search(wanted, line) for wanted in allowed)] == []
