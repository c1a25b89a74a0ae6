"""Captures every interface: a pcap each, and one `all.pcapng` in order of time whose packets carry the decisions as comments."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from emu.pcap.file import CaptureError
from emu.pcap.folder import CaptureFolder
from emu.pcap.pcapng import INBOUND, OUTBOUND
from emu.trace import Tracepoints
from emu.wire.frame import Frame

Waiting = tuple[int, int, bytes, int, list[str]]  # time, interface, bytes, direction, comments
MAX_EARLY = 10_000  # frames whose decisions wait for a device; of those that never come to one the oldest are forgotten


class Capture:
    """Attached from its making on, until `close`. `comments=False` leaves the decisions out of `all.pcapng` and costs far less."""

    def __init__(self, tp: Tracepoints, folder: str | Path, comments: bool = True) -> None:
        self.folder = CaptureFolder(folder)
        self.path = self.folder.path
        self._all = self.folder.pcapng()
        self._writers: dict[Any, tuple[Any, int, Any, str]] = {}  # device -> writer, interface; and namespace and name, which may change
        self._interfaces: dict[tuple[str, str], int] = {}
        self._instant = -1
        # Records of the present instant: a decision about a frame is taken in the instant in which a device saw it.
        self._waiting: list[Waiting] = []
        self._latest: dict[int, tuple[Any, list[str]]] = {}  # frame id -> namespace and comments of its latest record, this instant
        self._early: dict[int, list[str]] = {}  # decisions about frames that the next device to send them will show
        # A program that ends without close() loses nothing either. (The folder does the same for what is written to it; this runs before.)
        self._at_exit = weakref.finalize(self, _settle_quietly, self._waiting, self._all.write)
        if comments:
            self._detach = [tp.attach("frame", self._on_frame), tp.attach("step", self._on_step), tp.attach("drop", self._on_drop)]
        else:
            self._detach = [tp.attach("frame", self._on_frame_only)]

    def _writer(self, device: Any) -> tuple[Any, int, Any, str]:
        """The writer of a device seen for the first time, or under another name or in another namespace than before."""
        netns, name = device.netns, device.name
        interface = self._interfaces.get((netns.name, name))
        if interface is None:
            interface = self._interfaces[netns.name, name] = self._all.add_interface(f"{netns.name}.{name}")
        entry = self._writers[device] = (self.folder.pcap(netns.name, name).write, interface, netns, name)
        return entry

    def _on_frame_only(self, t_ns: int, device: Any, direction: str, frame: Frame) -> None:
        entry = self._writers.get(device)
        if entry is None or entry[2] is not device.netns or entry[3] != device.name:
            entry = self._writer(device)
        wire = frame.wire
        entry[0](t_ns, wire)
        self._all.write(t_ns, entry[1], wire, "", OUTBOUND if direction == "tx" else INBOUND)

    def _on_frame(self, t_ns: int, device: Any, direction: str, frame: Frame) -> None:
        if t_ns != self._instant:
            self._settle()
            self._instant = t_ns
        entry = self._writers.get(device)
        if entry is None or entry[2] is not device.netns or entry[3] != device.name:
            entry = self._writer(device)
        wire, frame_id = frame.wire, frame.id
        entry[0](t_ns, wire)
        if direction == "tx":
            comments = self._early.pop(frame_id, None) or []
            self._waiting.append((t_ns, entry[1], wire, OUTBOUND, comments))
        else:
            comments = []
            self._waiting.append((t_ns, entry[1], wire, INBOUND, comments))
        self._latest[frame_id] = (entry[2], comments)

    def _on_step(self, t_ns: int, netns: Any, frame_id: int, kind: str, text: str) -> None:
        latest = self._latest.get(frame_id) if t_ns == self._instant else None
        if latest is not None and latest[0] is netns:
            if text not in latest[1]:
                latest[1].append(text)
        else:
            early = self._early
            early.setdefault(frame_id, []).append(text)
            if len(early) > MAX_EARLY:
                del early[next(iter(early))]

    def _on_drop(self, t_ns: int, netns: Any, device: Any, frame_id: int, reason: str, text: str, wire: bytes | None) -> None:
        self._on_step(t_ns, netns, frame_id, "dropped", f"dropped: {reason}, {text}" if text else f"dropped: {reason}")
        self._early.pop(frame_id, None)  # no device will see it any more

    def _settle(self) -> None:
        settle(self._waiting, self._all.write)
        self._latest.clear()

    def flush(self) -> None:
        """Put everything that is complete on disk."""
        self._settle()
        self.folder.flush()

    def close(self) -> None:
        """Detach and write what is left."""
        for detach in self._detach:
            detach()
        self._detach = []
        self.flush()


def settle(waiting: list[Waiting], write: Callable[..., None]) -> None:
    """Write the records of an instant that is over."""
    for t_ns, interface, wire, direction, comments in waiting:
        write(t_ns, interface, wire, "\n".join(comments), direction)
    waiting.clear()


def _settle_quietly(waiting: list[Waiting], write: Callable[..., None]) -> None:
    with suppress(CaptureError):
        settle(waiting, write)
