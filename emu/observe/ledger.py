"""The ledger: each frame id balances on its own, born 1 + copied = delivered + dropped + merged + held (DESIGN.md rule 2)."""

from __future__ import annotations

from emu.trace import Tracepoints
from emu.trace.points import BORN, COPIED, DELIVERED, DROPPED, HELD, MERGED, RELEASED

_SIGN = {BORN: 1, COPIED: 1, DELIVERED: -1, DROPPED: -1, MERGED: -1}


class Ledger:
    """Counts from the moment it is attached; frames born before are not judged."""

    def __init__(self, tp: Tracepoints) -> None:
        self.totals: dict[str, int] = {}
        self._open: dict[int, int] = {}  # frame id -> copies that have not ended
        self._held: dict[int, int] = {}
        self._first: int | None = None  # the first frame born since; ids go up, so what is smaller was there before
        self.errors: list[str] = []
        self.detach = tp.attach("life", self._on_life)

    def _on_life(self, event: str, frame_id: int, n: int, cause: int) -> None:
        totals = self.totals
        totals[event] = totals.get(event, 0) + n
        if event == BORN:
            if self._first is None:
                self._first = frame_id
            if frame_id in self._open:
                self.errors.append(f"frame {frame_id} was born twice")
            self._open[frame_id] = self._open.get(frame_id, 0) + n
            return
        if self._first is None or frame_id < self._first:
            return
        if frame_id not in self._open:
            self.errors.append(f"frame {frame_id} was {event} but is not under way")
            return
        if event in (HELD, RELEASED):
            held = self._held.get(frame_id, 0) + (n if event == HELD else -n)
            if held < 0:
                self.errors.append(f"frame {frame_id} was released more often than held")
            if held > 0:
                self._held[frame_id] = held
            else:
                self._held.pop(frame_id, None)
            return
        left = self._open[frame_id] + _SIGN[event] * n
        if left < self._held.get(frame_id, 0):
            self.errors.append(f"frame {frame_id} was {event} while it was held, or more often than it was there")
        if left > 0:
            self._open[frame_id] = left
        else:
            del self._open[frame_id]
            self._held.pop(frame_id, None)

    def under_way(self) -> dict[int, int]:
        """Frame id -> copies neither ended nor held: what must still be on a wire."""
        return {frame_id: left - self._held.get(frame_id, 0) for frame_id, left in self._open.items() if left != self._held.get(frame_id, 0)}

    def check(self, on_wires: dict[int, int] | None = None) -> None:
        """Raise AssertionError naming the first frames that do not balance. `on_wires`: frame id -> copies that are events still to come."""
        wrong = list(self.errors)
        expected = on_wires or {}
        for frame_id, left in self.under_way().items():
            if left != expected.get(frame_id, 0):
                wrong.append(f"frame {frame_id}: {left} copies neither ended nor held, {expected.get(frame_id, 0)} on a wire")
        if wrong:
            raise AssertionError(f"the ledger does not balance ({len(wrong)}): " + "; ".join(wrong[:5]))
