"""Records what one call caused: every device visit and every decision, of every frame in its tree of causes.

A call (a ping, an HTTP request, a hand-made frame) opens a trace under a fresh id and makes it the present cause. Every frame born while that
cause, or a frame caused by it, is processed belongs to the trace: the ARP it triggered, the copies of a flood, the replies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emu.sim import Sim
from emu.trace import Tracepoints
from emu.trace.points import BORN, COPIED, DELIVERED, DROPPED, MERGED
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
    """One call's trace while it is recorded and after. `in_flight`: frames of it that have not ended yet; `delivered`: ids of which a copy was."""

    __slots__ = ("delivered", "drops", "hops", "in_flight", "root", "start_ns")

    def __init__(self, root: int, start_ns: int) -> None:
        self.root = root
        self.start_ns = start_ns
        self.hops: list[Hop] = []
        self.drops: list[Drop] = []
        self.delivered: dict[int, None] = {}
        self.in_flight = 0


class Recorder:
    """Attaches to the tracepoints while at least one recording is open, so that nothing is paid otherwise."""

    def __init__(self, sim: Sim, tp: Tracepoints) -> None:
        self.sim, self.tp = sim, tp
        self._open: dict[int, Recording] = {}
        self._owner: dict[int, Recording] = {}  # frame id or root -> recording
        self._last: dict[tuple[int, str], Hop] = {}  # frame id and namespace -> its latest hop there
        # Decisions taken at no device's visit: before the frame's first device, or later than its last (it was held). The next device shows them.
        self._pending: dict[tuple[int, str], Hop] = {}
        self._left: dict[int, int] = {}  # frame id -> copies that have not ended
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
        mine = [frame_id for frame_id, owner in self._owner.items() if owner is recording]
        for frame_id in mine:
            del self._owner[frame_id]
            self._left.pop(frame_id, None)
        # What no device showed any more still belongs to the story.
        wires = {hop.frame_id: hop.wire for hop in recording.hops}
        for key in [key for key in self._pending if key[0] not in self._owner]:
            hop = self._pending.pop(key)
            hop.wire = wires.get(hop.frame_id, b"")
            if hop.wire:
                recording.hops.append(hop)
        recording.hops.sort(key=lambda hop: hop.t_ns)
        for key in [key for key in self._last if key[0] not in self._owner]:
            del self._last[key]
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
                self._left[frame_id] = n
            return
        owner = self._owner.get(frame_id)
        if owner is not None:
            if event == DELIVERED:
                owner.delivered[frame_id] = None
            change = n if event == COPIED else -n if event in (DELIVERED, DROPPED, MERGED) else 0
            owner.in_flight += change
            self._left[frame_id] = self._left.get(frame_id, 0) + change

    def _on_frame(self, t_ns: int, device: Any, direction: str, frame: Frame) -> None:
        owner = self._owner.get(frame.id)
        if owner is None:
            return
        where = device.netns.name if device.netns is not None else ""
        hop = Hop(t_ns, where, device.name, direction, frame.id, frame.wire)
        key = frame.id, where
        if direction == "tx" and key in self._pending:
            hop.steps = self._pending.pop(key).steps
        owner.hops.append(hop)
        self._last[key] = hop

    def _at(self, t_ns: int, where: str, frame_id: int) -> Hop | None:
        """The hop at which something happens to a frame now."""
        hop = self._last.get((frame_id, where))
        return hop if hop is not None and hop.t_ns == t_ns else None

    def _on_step(self, t_ns: int, netns: Any, frame_id: int, kind: str, text: str) -> None:
        owner = self._owner.get(frame_id)
        if owner is None:
            return
        where = netns.name
        hop = self._at(t_ns, where, frame_id)
        if hop is None and self._left.get(frame_id, 0) <= 0:
            # A late consequence of a frame that has ended, or of the call itself (a neighbour entry's timer, say): a row of its own.
            hop = self._last[frame_id, where] = Hop(t_ns, where, "-", "-", frame_id, b"")
            owner.hops.append(hop)
        if hop is None:
            hop = self._pending.get((frame_id, where))
        if hop is None:
            hop = self._pending[frame_id, where] = Hop(t_ns, where, "-", "-", frame_id, b"")
        hop.steps.append((kind, text))

    def _on_drop(self, t_ns: int, netns: Any, device: Any, frame_id: int, reason: str, text: str, wire: bytes | None) -> None:
        owner = self._owner.get(frame_id)
        if owner is None:
            return
        where, dev = netns.name if netns is not None else "", device.name if device is not None else "-"
        owner.drops.append(Drop(t_ns, where, dev, frame_id, reason, text))
        hop = self._at(t_ns, where, frame_id)
        if hop is None:
            hop = self._pending.pop((frame_id, where), None) or Hop(t_ns, where, dev, "-", frame_id, b"")
            hop.t_ns, hop.dev, hop.wire = t_ns, dev, wire or b""
            owner.hops.append(hop)
        hop.steps.append(("dropped", f"dropped: {reason}" + (f", {text}" if text else "")))
