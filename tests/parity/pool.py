"""Scripts judged in the background, several at a time, while the tests of everything else go on."""

from __future__ import annotations

import argparse
import fcntl
import os
import pickle
import sys
from functools import partial
from pathlib import Path
from typing import BinaryIO

from tests.parity.__main__ import judged, run_all
from tests.parity.judge import Verdict
from tests.parity.task import die_with_parent, processors

F_SETPIPE_SZ = 1031
NICE = 5


class Pool:
    """Started when it is made. Verdicts come in the order of the paths. `fresh`: the kernel is asked, else what was recorded."""

    def __init__(self, paths: list[Path], fresh: bool = False) -> None:
        self.here: dict[str, Verdict] = {}
        reader, writer = os.pipe()
        if sys.platform == "linux":  # nobody waits because nobody reads yet
            fcntl.fcntl(writer, F_SETPIPE_SZ, 1 << 20)
        self.pid = os.fork()
        if self.pid:
            os.close(writer)
            self.coming: BinaryIO = os.fdopen(reader, "rb")
            return
        try:
            os.close(reader)
            die_with_parent()
            os.nice(0 if fresh else NICE)
            options = argparse.Namespace(record=False, fresh=fresh)
            cpus = processors()
            with os.fdopen(writer, "wb") as file:
                jobs = len(cpus) * (2 if fresh else 1)  # on the kernel they mostly sleep
                for verdict in run_all(((path.stem, partial(judged, path, options)) for path in paths), cpus, jobs):
                    if not verdict.complaints:
                        verdict.outputs.clear()
                    pickle.dump(verdict, file)
                    file.flush()
        finally:
            os._exit(0)

    def verdict(self, name: str) -> Verdict:
        """Waits for it."""
        while name not in self.here:
            try:
                verdict: Verdict = pickle.load(self.coming)
            except EOFError:
                return Verdict(name, complaints=["the pool ended before it was judged"])
            self.here[verdict.name] = verdict
        return self.here.pop(name)

    def close(self) -> None:
        self.coming.close()
        os.waitpid(self.pid, 0)
