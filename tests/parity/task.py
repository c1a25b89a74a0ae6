"""Run a function in a child process and have what it returns."""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.parity.observed import RunError

PR_SET_PDEATHSIG = 1


class Task:
    """Started when it is made."""

    def __init__(self, job: Callable[[], Any]) -> None:
        handle, name = tempfile.mkstemp(prefix="parity-")
        os.close(handle)
        self.answer = Path(name)
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid:
            return
        status = 1
        try:
            die_with_parent()
            result: tuple[bool, Any]
            try:
                result = True, job()
            except RunError as error:
                result = False, str(error)
            except BaseException:
                result = False, traceback.format_exc()
            self.answer.write_bytes(pickle.dumps(result))
            status = 0
        finally:
            os._exit(status)

    def wait(self) -> Any:
        """What it returned. Raises RunError with the reason why there is nothing."""
        os.waitpid(self.pid, 0)
        return self.result()

    def result(self) -> Any:
        """As `wait`, when the child has been waited for."""
        data = self.answer.read_bytes()
        self.answer.unlink()
        if not data:
            raise RunError("the run ended without a result")
        fine, result = pickle.loads(data)
        if not fine:
            raise RunError(result)
        return result


def die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
