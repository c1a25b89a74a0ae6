"""Records what one call caused: every device visit and every decision, of every frame in its tree of causes.

A call (a ping, an HTTP request, a hand-made frame) opens a trace under a fresh id and makes it the present cause. Every frame born while that
cause, or a frame caused by it, is processed belongs to the trace: the ARP it triggered, the copies of a flood, the replies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emu.sim import Sim
from emu.trace import Tracepoints
from emu.trace.points import BORN, COPIED
from emu.wire.frame import Frame


class Hop:
    """One visit of a frame to one device. `direction` is `rx`, `tx`, or `-` for a decision made away from any device."""

    __slots__ = ("dev", "direction", "frame_id", "netns", "steps", "t_ns", "wire")

    def __init__(self, t_ns: int, netns: str, dev: str, direction: str, frame_id: int, wire: bytes) -> None:
        self.t_ns, self.netns, self.dev, self.direction, self.frame_id, self.wire = t_ns, netns, dev, direction, frame_id, wire
        self.steps: list[tuple[str, str]] = []


class Drop:
    """A frame's end that was no delivery."""

    __slots__ = ("dev", "frame_id", "netns", "reason", "t_ns", "text")

    def __init__(self, t_ns: int, netns: str, dev: str, frame_id: int, reason: str, text: str) -> None:
        self.t_ns, self.netns, self.dev, self.frame_id, self.reason, self.text = t_ns, netns, dev, frame_id, reason, text


class Recording:
    """One call's trace while it is recorded and after. `in_flight`: frames of it that have not ended yet."""

    __slots__ = ("drops", "hops", "in_flight", "root", "start_ns")

    def __init__(self, root: int, start_ns: int) -> None:
        self.root = root
        self.start_ns = start_ns
        self.hops: list[Hop] = []
        self.drops: list[Drop] = []
        self.in_flight = 0


class Recorder:
    """Attaches to the tracepoints while at least one recording is open, so that nothing is paid otherwise."""

    def __init__(self, sim: Sim, tp: Tracepoints) -> None:
        self.sim, self.tp = sim, tp
        self._open: dict[int, Recording] = {}
        self._owner: dict[int, Recording] = {}  # frame id or root -> recording
        self._last: dict[int, Hop] = {}  # frame id -> its latest hop
        self._pending: dict[int, list[tuple[str, str]]] = {}  # decisions made before the frame's first device
        self._detach: list[Any] = []

    def begin(self) -> Recording:
        """Open a recording and make it the present cause."""
        if not self._open:
            callbacks: dict[str, Callable[..., object]] = {"frame": self._on_frame, "step": self._on_step, "drop": self._on_drop, "life": self._on_life}
            self._detach = [self.tp.attach(kind, callback) for kind, callback in callbacks.items()]
        recording = Recording(self.sim.new_id(), self.sim.now)
        self._open[recording.root] = self._owner[recording.root] = recording
        self.sim.cause = recording.root
        return recording

    def end(self, recording: Recording) -> None:
        """Record no more for it."""
        self._open.pop(recording.root, None)
        for frame_id in [frame_id for frame_id, owner in self._owner.items() if owner is recording]:
            del self._owner[frame_id]
            self._last.pop(frame_id, None)
            self._pending.pop(frame_id, None)
        if not self._open:
            for detach in self._detach:
                detach()
            self._detach = []

    # -- tracepoints --------------------------------------------------------------------------------------------------------------

    def _on_life(self, event: str, frame_id: int, n: int, cause: int) -> None:
        if event == BORN:
            owner = self._owner.get(cause)
            if owner is not None:
                self._owner[frame_id] = owner
                owner.in_flight += n
            return
        owner = self._owner.get(frame_id)
        if owner is not None:
            if event == COPIED:
                owner.in_flight += n
            elif event in ("delivered", "dropped", "merged"):
                owner.in_flight -= n

    def _on_frame(self, t_ns: int, device: Any, direction: str, frame: Frame) -> None:
        owner = self._owner.get(frame.id)
        if owner is None:
            return
        where = device.netns.name if device.netns is not None else ""
        hop = Hop(t_ns, where, device.name, direction, frame.id, frame.wire)
        if direction == "tx":
            hop.steps = self._pending.pop(frame.id, [])
        owner.hops.append(hop)
        self._last[frame.id] = hop

    def _on_step(self, t_ns: int, netns: Any, frame_id: int, kind: str, text: str) -> None:
        owner = self._owner.get(frame_id)
        if owner is None:
            return
        hop = self._last.get(frame_id)
        if hop is not None and hop.t_ns == t_ns and hop.netns == netns.name:
            hop.steps.append((kind, text))
        else:
            self._pending.setdefault(frame_id, []).append((kind, text))

    def _on_drop(self, t_ns: int, netns: Any, device: Any, frame_id: int, reason: str, text: str, wire: bytes | None) -> None:
        owner = self._owner.get(frame_id)
        if owner is None:
            return
        where, dev = netns.name if netns is not None else "", device.name if device is not None else "-"
        owner.drops.append(Drop(t_ns, where, dev, frame_id, reason, text))
        hop = self._last.get(frame_id)
        if hop is None or hop.t_ns != t_ns or hop.netns != where:
            hop = Hop(t_ns, where, dev, "-", frame_id, wire or b"")
            hop.steps = self._pending.pop(frame_id, [])
            owner.hops.append(hop)
        hop.steps.append(("dropped", f"dropped: {reason}" + (f", {text}" if text else "")))
