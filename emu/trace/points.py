"""The tracepoints of one emulated world.

Each is a tuple of callbacks, empty when nobody listens, so that a call site costs one truth test:

    if tp.step:
        tp.on_step(ns, skb.id, "route", f"default via {gateway}")

Observers are called in the order they were attached and must not change anything in the world.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emu.wire.frame import Frame

FrameTap = Callable[[int, Any, str, "Frame"], object]
StepTap = Callable[[int, Any, int, str, str], object]
DropTap = Callable[[int, Any, Any, int, str, str, "bytes | None"], object]
LifeTap = Callable[[str, int, int, int], object]

# Life events and what they count (DESIGN.md rule 2): born + copied = delivered + dropped + merged + held, per frame id.
BORN, COPIED, DELIVERED, DROPPED, MERGED, HELD, RELEASED = "born", "copied", "delivered", "dropped", "merged", "held", "released"


class Tracepoints:
    """`frame`: (t_ns, device, "rx"|"tx", frame) at every device. `step`: (t_ns, netns, frame_id, kind, text) at every decision.
    `drop`: (t_ns, netns, device | None, frame_id, reason, text, wire | None). `life`: (event, frame_id, n, cause) for the ledger.
    """

    __slots__ = ("drop", "frame", "life", "sim", "step")

    def __init__(self, sim: Any) -> None:
        self.sim = sim
        self.frame: tuple[FrameTap, ...] = ()
        self.step: tuple[StepTap, ...] = ()
        self.drop: tuple[DropTap, ...] = ()
        self.life: tuple[LifeTap, ...] = ()

    def attach(self, kind: str, callback: Callable[..., object]) -> Callable[[], None]:
        """Call `callback` at every tracepoint of `kind` (`frame`, `step`, `drop`, `life`). Returns the function that detaches it."""
        setattr(self, kind, (*getattr(self, kind), callback))

        def detach() -> None:
            setattr(self, kind, tuple(other for other in getattr(self, kind) if other is not callback))

        return detach

    def on_frame(self, device: Any, direction: str, frame: Frame) -> None:
        """A device saw a frame; call only when `frame` is not empty."""
        now = self.sim.now
        for callback in self.frame:
            callback(now, device, direction, frame)

    def on_step(self, netns: Any, frame_id: int, kind: str, text: str) -> None:
        """A decision was made about a frame; call only when `step` is not empty."""
        now = self.sim.now
        for callback in self.step:
            callback(now, netns, frame_id, kind, text)

    def on_drop(self, netns: Any, device: Any, frame_id: int, reason: str, text: str, wire: bytes | None) -> None:
        """A frame ended; called through `Namespace.drop`, the one way to drop."""
        now = self.sim.now
        for callback in self.drop:
            callback(now, netns, device, frame_id, reason, text, wire)

    def on_life(self, event: str, frame_id: int, n: int = 1) -> None:
        """The ledger's bookkeeping; call only when `life` is not empty. `cause` is taken from the simulation."""
        cause = self.sim.cause
        for callback in self.life:
            callback(event, frame_id, n, cause)
