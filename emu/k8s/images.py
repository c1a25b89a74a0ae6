"""What a container's image does when it runs here: the emulated program behind an image's name."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emu.k8s.container import RunningContainer


def program_of(container: RunningContainer) -> Coroutine[Any, Any, object] | None:
    """The program to run, None for a container that sleeps. A program given by a script comes before what the image would do."""
    if container.spec.program is not None:
        program: Coroutine[Any, Any, object] = container.spec.program(container)
        return program
    if container.init and not container.spec.sidecar:
        return _done()
    return None


async def _done() -> int:
    """An init container that has nothing to wait for."""
    return 0
