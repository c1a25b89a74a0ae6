"""What a call returns: its hops, how it ended, and the table that tells it."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from emu.observe.describe import describe
from emu.observe.recorder import Drop, Hop, Recording
from emu.observe.table import HopTable


class Trace:
    """One exchange. `delivered`: it did what was asked. `ttl`: of the reply, as ping prints it. `rtt_ns`: until the reply.

    `hops` and `drops` are in order of time; `error` says why it failed, in the words of the program that asked.
    """

    def __init__(self, title: str, source: str, destination: str, recording: Recording) -> None:
        self.title, self.source, self.destination = title, source, destination
        self.recording = recording
        self.delivered = False
        self.ttl: int | None = None
        self.rtt_ns: int | None = None
        self.error = ""
        self.result: Any = None

    @property
    def hops(self) -> list[Hop]:
        """Every visit of a frame to a device."""
        return self.recording.hops

    @property
    def drops(self) -> list[Drop]:
        """Every frame that ended otherwise than delivered."""
        return self.recording.drops

    def steps(self, kind: str) -> list[str]:
        """The texts of all decisions of one kind (`nat`, `route`, `arp`, `fdb`, `flood`, `rule`, ...)."""
        return [text for hop in self.hops for step_kind, text in hop.steps if step_kind == kind]

    def show(self, console: Console | None = None) -> None:
        """Print the hop table; on a terminal in its width and in colour, else at 100 columns without."""
        (console or default_console()).print(HopTable(self.title, self.recording))

    def to_dict(self) -> dict[str, Any]:
        """The exchange as data, for `--json`."""
        return {
            "title": self.title,
            "from": self.source,
            "to": self.destination,
            "delivered": self.delivered,
            "hops": [_hop_dict(number, hop) for number, hop in enumerate(self.hops, 1) if hop.direction != "-"],
        }


def _hop_dict(number: int, hop: Hop) -> dict[str, Any]:
    frame = {"id": hop.frame_id, **describe(hop.wire)._asdict()}
    steps = [{"kind": kind, "text": text} for kind, text in hop.steps]
    return {"n": number, "t_ns": hop.t_ns, "netns": hop.netns, "dev": hop.dev, "dir": hop.direction, "frame": frame, "steps": steps}


def default_console(make: type[Console] = Console) -> Console:
    """stdout; 100 columns and no colour where it is no terminal."""
    console = make(highlight=False)
    return console if console.is_terminal else make(highlight=False, width=100, color_system=None)
