"""What happened in the worlds of a test, for the report of its failure: the last hops of every frame, as hop tables."""

from __future__ import annotations

from collections import deque
from io import StringIO
from typing import Any

from emu.observe.recorder import Hop, Recorder, Recording
from emu.trace import Tracepoints

LAST = 150  # hops shown of each world


class _Everything(dict[int, Any]):
    """Every frame belongs to the one recording."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording

    def get(self, key: int, default: Any = None) -> Any:
        return self.recording

    def __contains__(self, key: object) -> bool:
        return True


class Watch(Recorder):
    """Records the latest hops of a world from its beginning on. It calls nothing that could change the world."""

    def __init__(self, tp: Tracepoints) -> None:
        super().__init__(tp.sim, tp)
        self.recording = Recording(0, 0)
        self.recording.hops = deque(maxlen=LAST)  # type: ignore[assignment]
        self.recording.drops = deque(maxlen=LAST)  # type: ignore[assignment]
        self._owner = _Everything(self.recording)
        callbacks = (("frame", self._on_frame), ("step", self._on_step), ("drop", self._on_drop), ("life", self._on_life))
        self._detach = [tp.attach(kind, callback) for kind, callback in callbacks]  # type: ignore[arg-type]

    def _on_frame(self, t_ns: int, device: Any, direction: str, frame: Any) -> None:
        if len(self._last) > 10 * LAST:
            self._last.clear()
        super()._on_frame(t_ns, device, direction, frame)


def tables(watches: list[Watch]) -> str:
    """One hop table for each world in which something happened."""
    from rich.console import Console

    from emu.observe.table import HopTable

    out = StringIO()
    console = Console(file=out, width=120, color_system=None, highlight=False)
    for number, watch in enumerate(watches, 1):
        hops: deque[Hop] = watch.recording.hops  # type: ignore[assignment]
        if hops:
            console.print(HopTable(f"world {number}: the last {len(hops)} hops until {watch.sim.now} ns", watch.recording))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())
