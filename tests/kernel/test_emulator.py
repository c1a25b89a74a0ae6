"""The emulator does what the kernel did: it plays every recorded story, and every frame, counter and table entry is equal."""

from __future__ import annotations

import difflib

import pytest

from tests.kernel.emulated import EmulatedLab
from tests.kernel.record import GOLDEN, RECORDINGS, record


@pytest.mark.parametrize("name", RECORDINGS)
def test_the_emulator_does_what_the_kernel_did(name: str) -> None:
    kernel = (GOLDEN / f"{name}.txt").read_text().splitlines()[1:]  # the first line has the versions
    emulator = record(name, EmulatedLab()).splitlines()[1:]
    if emulator != kernel:
        pytest.fail("\n".join(difflib.unified_diff(kernel, emulator, "kernel", "emulator", lineterm="", n=2)), pytrace=False)
