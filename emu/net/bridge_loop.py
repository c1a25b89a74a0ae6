"""Layer-2 loops: a bridge without STP sends a frame round and round for ever, and virtual time would not go on.

A frame keeps its lineage id through every bridge, so one that goes round comes to a port a second time with an id that is not new. Only such
frames are looked at; the same bytes of the same lineage coming in by one port too often end the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.wire.addr import mac_text

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.wire.frame import Frame

ROUNDS = 64  # times the same frame may come in by the same port
_REMEMBERED = 4096  # frames a port keeps count of


class BridgeLoop(RuntimeError):
    """The same frame keeps going round: the text names the bridges and ports it passes."""


class LoopGuard:
    """Counts, for one port, the frames that came again: (lineage id, hash of the bytes) -> times."""

    __slots__ = ("rounds",)

    def __init__(self) -> None:
        self.rounds: dict[tuple[int, int], int] = {}

    def seen(self, dev: NetDevice, frame: Frame) -> None:
        """A frame came in that is not newer than one before. Raises BridgeLoop, and drops it, when it has come too often."""
        rounds = self.rounds
        key = (frame.id, hash(frame.wire))
        count = rounds.get(key, 0) + 1
        rounds[key] = count
        if count >= ROUNDS:
            text = _describe(dev, key, frame.wire)
            dev.netns.drop_frame(frame, "EMU_LAYER2_LOOP", text, dev)
            raise BridgeLoop(text)
        if len(rounds) > _REMEMBERED:  # most were only overtaken on a wire; what goes round has the higher counts
            often = sorted(rounds, key=rounds.__getitem__, reverse=True)[: _REMEMBERED // 2]
            self.rounds = {key: rounds[key] for key in often}


def _describe(dev: NetDevice, key: tuple[int, int], wire: bytes) -> str:
    """Follow the links from the port where it was noticed and name every port that the frame passed as often."""
    found: list[str] = []
    todo: list[Any] = [dev.port]
    known = {id(dev.port)}
    while todo:
        port = todo.pop(0)
        if port.guard is not None and port.guard.rounds.get(key, 0) * 2 >= ROUNDS:
            found.append(f"{port.dev.netns.name}.{port.dev.name} (port of {port.bridge.name})")
            del port.guard.rounds[key]  # counted anew, so that the run can go on once the loop is cut
        neighbours = [other for other in port.bridge.ports if other is not port]
        peer = getattr(port.dev, "peer", None)
        if peer is not None and peer.port is not None:
            neighbours.append(peer.port)
        for other in neighbours:
            if id(other) not in known:
                known.add(id(other))
                todo.append(other)
    what = f"frame {mac_text(wire[6:12])} > {mac_text(wire[:6])} ethertype 0x{wire[12]:02x}{wire[13]:02x}"
    return f"layer-2 loop: the same {what} keeps coming in by {', '.join(found)}; a bridge without STP needs a topology without loops"
