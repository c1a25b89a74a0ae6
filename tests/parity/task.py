"""Run a function in a child process and have what it returns."""

from __future__ import annotations

import ctypes
import os
import pickle
import select
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

from tests.parity.observed import RunError

PR_SET_PDEATHSIG = 1


class Task:
    """Started when it is made; `fileno` is readable when it is over."""

    def __init__(self, job: Callable[[], Any]) -> None:
        self.reader, writer = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid:
            os.close(writer)
            return
        status = 1
        try:
            os.close(self.reader)
            die_with_parent()
            result: tuple[bool, Any]
            try:
                result = True, job()
            except RunError as error:
                result = False, str(error)
            except BaseException:
                result = False, traceback.format_exc()
            with os.fdopen(writer, "wb") as file:
                pickle.dump(result, file)
            status = 0
        finally:
            os._exit(status)

    def fileno(self) -> int:
        return self.reader

    def wait(self, seconds: float | None = None) -> Any:
        """What it returned, within so many seconds. Raises RunError with the reason why there is nothing."""
        stuck = not select.select([self], [], [], seconds)[0]
        if stuck:
            os.kill(self.pid, signal.SIGKILL)
        with os.fdopen(self.reader, "rb") as file:
            data = file.read()
        os.waitpid(self.pid, 0)
        if stuck:
            raise RunError(f"still running after {seconds:.0f} s")
        if not data:
            raise RunError("the run ended without a result")
        fine, result = pickle.loads(data)
        if not fine:
            raise RunError(result)
        return result


def processors() -> list[int]:
    """Those this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def die_with_parent() -> None:
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
