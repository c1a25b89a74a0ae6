"""A digest over every frame at every device, in order: two runs are the same if and only if their digests are."""

from __future__ import annotations

from hashlib import sha256
from struct import pack
from typing import Any

from emu.trace import Tracepoints
from emu.wire.frame import Frame


class Digest:
    """Attached from its making on."""

    def __init__(self, tp: Tracepoints) -> None:
        self._hash = sha256()
        self.frames = 0
        self.detach = tp.attach("frame", self._on_frame)

    def _on_frame(self, t_ns: int, device: Any, direction: str, frame: Frame) -> None:
        self.frames += 1
        where = device.netns.name if device.netns is not None else ""
        self._hash.update(pack("!QI", t_ns, len(frame.wire)) + f"{where}.{device.name}.{direction}".encode() + frame.wire)

    def hex(self) -> str:
        """The digest so far."""
        return self._hash.hexdigest()
