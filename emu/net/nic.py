"""A network card with a cable in it. The cable itself, with both ends, is `emu.fabric.cable`; the card knows only what it needs to send."""

from __future__ import annotations

from collections.abc import Callable

from emu.net.device import NetDevice
from emu.net.skb import Skb
from emu.wire.frame import Frame

_SLACK = 18  # Ethernet header and room for a VLAN tag


class Nic(NetDevice):
    """`peer`: the card at the other end of the cable, None without one. `delay_ns`: how long a frame takes there. `loss`: says of each frame
    sent whether the cable loses it. `linked_at`: ns, when the carrier last came. The carrier is there while both ends are up, as
    with two cards back to back."""

    kind = "nic"
    has_wire = True
    __slots__ = ("delay_ns", "linked_at", "loss", "peer")

    def __init__(self, name: str, mac: bytes, mtu: int = 1500) -> None:
        super().__init__(name, mac, mtu)
        self.peer: Nic | None = None
        self.delay_ns = 0
        self.linked_at = 0
        self.loss: Callable[[Frame], bool] | None = None
        self.carrier = False
        self.operstate = "DOWN"

    def _xmit(self, skb: Skb, frame: Frame) -> None:
        self.put_on_wire(frame)

    def put_on_wire(self, frame: Frame) -> None:
        """The frame left the card: it arrives, or it is lost on the way."""
        peer = self.peer
        if peer is None:
            self._lose(frame, "EMU_LINK_DOWN", f"no cable in {self.name}")
        elif self.loss is not None and self.loss(frame):
            self._lose(frame, "EMU_WIRE_LOSS", f"lost on the cable from {self.name} to {peer.netns.name}.{peer.name}")
        elif len(frame.wire) > peer.mtu + _SLACK:
            peer.rx_dropped += 1
            self._lose(frame, "NOT_SPECIFIED", f"{len(frame.wire)} bytes do not fit the MTU {peer.mtu} of {peer.netns.name}.{peer.name}")
        else:
            self.netns.sim.post(self.delay_ns, peer.receive, frame)

    def _lose(self, frame: Frame, reason: str, text: str) -> None:
        self.netns.drop_frame(frame, reason, text, self)

    def receive(self, frame: Frame) -> None:
        """A frame comes out of the cable, unless the link went down meanwhile."""
        peer = self.peer
        if peer is not None and self.carrier and self.netns.sim.now - peer.delay_ns >= self.linked_at:
            super().receive(frame)
            return
        self.netns.sim.cause = frame.id
        self.rx_dropped += 1
        if self.dead or self.netns.gone or not self.up:
            self._refuse(frame)
        else:
            self._lose(frame, "EMU_LINK_DOWN", f"the link to {self.name} went down while the frame was under way")

    # -- carrier ------------------------------------------------------------------------------------------------------------------

    def check_carrier(self) -> None:
        """Set the carrier of both ends after a change of cable or of either end."""
        peer = self.peer
        both = peer is not None and self.up and peer.up
        if peer is not None and both and not self.carrier:
            self.linked_at = peer.linked_at = self.netns.sim.now
        self.set_carrier(both)
        if peer is not None:
            peer.set_carrier(both)

    def _opened(self) -> None:
        self.check_carrier()

    def _closed(self) -> None:
        self.check_carrier()
