"""Runs scripts as a user does: `emu sh` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EMU = [sys.executable, "-P", "-m", "emu", "sh"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}

PAIR = """
ip netns add a
ip netns add b
ip link add veth0 netns a type veth peer name eth0 netns b
ip -n a addr add 10.0.0.1/24 dev veth0
ip -n b addr add 10.0.0.2/24 dev eth0
ip -n a link set veth0 up
ip -n b link set eth0 up
ip -n a link set lo up
"""

Sh = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sh(tmp_path: Path) -> Sh:
    """Runs a script: `sh(text, ARGS..., options=[...])`; captures in `tmp_path/captures`. `without`: what it shall do without, see emu/shell/sh.py."""

    def run(
        script: str, *arguments: str, options: tuple[str, ...] = (), captures: str = "captures", without: str = "", **more: object
    ) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "script.sh"
        path.write_text(script)
        command = [*EMU, "--captures", str(tmp_path / captures), *options, str(path), *arguments]
        environment = {**ENVIRONMENT, "EMU_SH_WITHOUT": without}
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=60, **more)  # type: ignore[call-overload, no-any-return]

    return run


def left_of(mark: str, patience_s: float = 5) -> list[str]:
    """Processes that still have `mark` in their environment, after some patience."""
    deadline = time.monotonic() + patience_s
    while True:
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark.encode() in path.read_bytes():
                    found.append((path.parent / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)
