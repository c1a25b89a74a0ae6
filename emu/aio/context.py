"""Where a program runs: the namespace and the process of the present context. Tasks inherit both, as a child process would."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emu.aio.process import Process
    from emu.net.netns import Namespace

current_netns: ContextVar[Namespace] = ContextVar("current_netns")
current_process: ContextVar[Process | None] = ContextVar("current_process", default=None)


def netns() -> Namespace:
    """The namespace of the program that asks. Raises RuntimeError outside of every program."""
    try:
        return current_netns.get()
    except LookupError:
        raise RuntimeError("not inside a network namespace: start the program with emu.aio.process.spawn(loop, netns, coroutine)") from None
