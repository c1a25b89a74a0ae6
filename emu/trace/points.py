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
JournalTap = Callable[[int, str, str, str, str], object]

# Life events and what they count (DESIGN.md rule 2): born + copied = delivered + dropped + merged + held, per frame id.
BORN, COPIED, DELIVERED, DROPPED, MERGED, HELD, RELEASED = "born", "copied", "delivered", "dropped", "merged", "held", "released"

# What is done to the world, as command lines (`Tracepoints.journal`): kind, and what `text` and `more` are then.
STEP = "step"  # somebody begins something: what, and who
COMMAND = "command"  # in namespace `where`: the command line, its standard input
INSTEAD = "instead"  # another command line for the one before, which a real kernel would not repeat; why
MACHINE, GONE = "machine", "gone"  # a machine called `where` appears with nothing in it, disappears with all in it
SWITCH = "switch"  # a plain switch called `where`
CABLE = "cable"  # from namespace `where`: "DEV MAC", "NETNS DEV MAC" of the other end
WAIT = "wait"  # in namespace `where`: until the bridge port called `text` forwards
RUN, RAN = "run", "ran"  # a program in namespace `where` from its beginning to its end: command line, key; what it failed with, key
START, STOP = "start", "stop"  # a program that stays: command line, key; nothing, key
FILE = "file"  # a file a program looks at: its name, whether it is there ("yes", "")
OMITTED = "omitted"  # something that has no command line
TELL = "tell"  # a paragraph of explanation


class Tracepoints:
    """`frame`: (t_ns, device, "rx"|"tx", frame) at every device. `step`: (t_ns, netns, frame_id, kind, text) at every decision.
    `drop`: (t_ns, netns, device | None, frame_id, reason, text, wire | None). `life`: (event, frame_id, n, cause) for the ledger.
    `journal`: (t_ns, kind, where, text, more) at everything that configures the world or runs in it, as a command line would.
    """

    __slots__ = ("drop", "frame", "journal", "life", "sim", "step")

    def __init__(self, sim: Any) -> None:
        self.sim = sim
        self.frame: tuple[FrameTap, ...] = ()
        self.step: tuple[StepTap, ...] = ()
        self.drop: tuple[DropTap, ...] = ()
        self.life: tuple[LifeTap, ...] = ()
        self.journal: tuple[JournalTap, ...] = ()

    def attach(self, kind: str, callback: Callable[..., object]) -> Callable[[], None]:
        """Call `callback` at every tracepoint of `kind` (`frame`, `step`, `drop`, `life`, `journal`). Returns the function that detaches it."""
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

    def on_journal(self, kind: str, where: str, text: str = "", more: str = "") -> None:
        """Something was done; call only when `journal` is not empty."""
        now = self.sim.now
        for callback in self.journal:
            callback(now, kind, where, text, more)
