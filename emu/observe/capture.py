"""Captures every interface: a pcap each, and one `all.pcapng` in order of time whose packets carry the decisions as comments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emu.pcap.folder import CaptureFolder
from emu.pcap.pcapng import INBOUND, OUTBOUND
from emu.trace import Tracepoints
from emu.wire.frame import Frame


class Capture:
    """Attached from its making on, until `close`. `comments=False` leaves the decisions out of `all.pcapng` and costs far less."""

    def __init__(self, tp: Tracepoints, folder: str | Path, comments: bool = True) -> None:
        self.folder = CaptureFolder(folder)
        self.path = self.folder.path
        self._all = self.folder.pcapng()
        self._writers: dict[Any, tuple[Any, int]] = {}
        self._instant = -1
        # Records of the present instant: a decision about a frame is taken in the instant in which a device saw it.
        self._waiting: list[tuple[int, int, bytes, int, list[str]]] = []
        self._latest: dict[int, tuple[str, list[str]]] = {}  # frame id -> namespace and comments of its latest record, this instant
        self._early: dict[int, list[str]] = {}  # decisions about frames that no device has seen yet
        if comments:
            self._detach = [tp.attach("frame", self._on_frame), tp.attach("step", self._on_step), tp.attach("drop", self._on_drop)]
        else:
            self._detach = [tp.attach("frame", self._on_frame_only)]

    def _writer(self, device: Any) -> tuple[Any, int]:
        namespace = device.netns.name
        interface = self._all.add_interface(f"{namespace}.{device.name}")
        entry = self._writers[device] = (self.folder.pcap(namespace, device.name).write, interface)
        return entry

    def _on_frame_only(self, t_ns: int, device: Any, direction: str, frame: Frame) -> None:
        write, interface = self._writers.get(device) or self._writer(device)
        wire = frame.wire
        write(t_ns, wire)
        self._all.write(t_ns, interface, wire, "", OUTBOUND if direction == "tx" else INBOUND)

    def _on_frame(self, t_ns: int, device: Any, direction: str, frame: Frame) -> None:
        if t_ns != self._instant:
            self._settle()
            self._instant = t_ns
        write, interface = self._writers.get(device) or self._writer(device)
        write(t_ns, frame.wire)
        comments = self._early.pop(frame.id, []) if direction == "tx" else []
        self._waiting.append((t_ns, interface, frame.wire, OUTBOUND if direction == "tx" else INBOUND, comments))
        self._latest[frame.id] = (device.netns.name, comments)

    def _on_step(self, t_ns: int, netns: Any, frame_id: int, kind: str, text: str) -> None:
        latest = self._latest.get(frame_id) if t_ns == self._instant else None
        if latest is not None and latest[0] == netns.name:
            if text not in latest[1]:
                latest[1].append(text)
        else:
            self._early.setdefault(frame_id, []).append(text)

    def _on_drop(self, t_ns: int, netns: Any, device: Any, frame_id: int, reason: str, text: str, wire: bytes | None) -> None:
        self._on_step(t_ns, netns, frame_id, "dropped", f"dropped: {reason}, {text}" if text else f"dropped: {reason}")
        self._early.pop(frame_id, None)  # no device will see it any more

    def _settle(self) -> None:
        write = self._all.write
        for t_ns, interface, wire, direction, comments in self._waiting:
            write(t_ns, interface, wire, "\n".join(comments), direction)
        self._waiting.clear()
        self._latest.clear()

    def flush(self) -> None:
        """Put everything that is complete on disk."""
        self._settle()
        self.folder.flush()

    def close(self) -> None:
        """Detach and write what is left."""
        for detach in self._detach:
            detach()
        self.flush()
