"""The sample captures are what today's code makes of the lines in captures/README.md, byte for byte."""

import re
from pathlib import Path

import pytest

CAPTURES = Path(__file__).parents[1] / "captures"


def sample_code():
    """The code block of captures/README.md."""
    return re.search(r"```python\n(.*?)```", (CAPTURES / "README.md").read_text(), re.DOTALL).group(1)


def test_the_sample_is_what_the_code_makes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(sample_code(), {})
    assert "client: GET http://" in capsys.readouterr().out
    made = {path.name: path.read_bytes() for path in (tmp_path / "captures/sample").iterdir()}
    kept = {path.name: path.read_bytes() for path in (CAPTURES / "sample").iterdir()}
    assert sorted(made) == sorted(kept)
    changed = [name for name in made if made[name] != kept[name]]
    if changed:
        pytest.fail(f"the sample is out of date, run the lines of captures/README.md again: {', '.join(changed)}", pytrace=False)
