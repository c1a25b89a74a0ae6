"""The script in the README runs as it stands there, and prints what stands below it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.shell.conftest import Sh
from tests.shell.test_proc_sys import needs_fuse

README = Path(__file__).parents[2] / "README.md"


@needs_fuse
def test_the_script_in_the_readme(sh: Sh) -> None:
    section = README.read_text(encoding="utf-8").partition("## Shell scripts")[2]
    found = re.search(r"```bash\n(.*?)```\n\n```console\n(.*?)```", section, re.DOTALL)
    assert found is not None
    done = sh(found[1])
    assert (re.sub(r"id \d+", "id 1", done.stdout), done.stderr, done.returncode) == (found[2], "", 0)
