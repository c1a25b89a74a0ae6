"""veth: two devices, each the other's medium (drivers/net/veth.c)."""

from __future__ import annotations

from emu.net.device import NetDevice
from emu.net.skb import Skb
from emu.wire.frame import Frame

DEFAULT_DELAY_NS = 1_000
_SLACK = 18  # Ethernet header and room for a VLAN tag: is_skb_forwardable lets a frame of MTU + 18 bytes pass


class Veth(NetDevice):
    """One end of a veth pair. `delay_ns`: how long a frame takes to the other end."""

    kind = "veth"
    has_wire = True
    __slots__ = ("delay_ns", "peer")

    def __init__(self, name: str, mac: bytes, mtu: int = 1500) -> None:
        super().__init__(name, mac, mtu)
        self.peer: Veth | None = None
        self.delay_ns = DEFAULT_DELAY_NS
        self.carrier = False
        self.carrier_changes = 1
        self.operstate = "DOWN"

    def _xmit(self, skb: Skb, frame: Frame) -> None:
        self.put_on_wire(frame)

    def put_on_wire(self, frame: Frame) -> None:
        """The frame left this end: it arrives at the other one, if it fits there."""
        peer = self.peer
        if peer is None or len(frame.wire) > peer.mtu + _SLACK:
            self._lose(frame)
            return
        self.netns.sim.post(self.delay_ns, peer.receive, frame)

    def _lose(self, frame: Frame) -> None:
        self.tx_dropped += 1
        peer = self.peer
        if peer is None:
            self.netns.drop_frame(frame, "EMU_LINK_DOWN", f"{self.name} has no peer", self)
            return
        peer.rx_dropped += 1
        # veth_forward_skb frees it without a reason of its own.
        self.netns.drop_frame(frame, "NOT_SPECIFIED", f"{len(frame.wire)} bytes do not fit the MTU {peer.mtu} of the other end, {peer.name}", self)

    def _opened(self) -> None:
        # veth_open: the second end to come up gives both their carrier.
        peer = self.peer
        if peer is not None and peer.up:
            self.set_carrier(True)
            peer.set_carrier(True)

    def _closed(self) -> None:
        self.set_carrier(False)
        if self.peer is not None:
            self.peer.set_carrier(False)

    def carrier_gone(self) -> None:
        """Nobody at the other end yet."""
        self.operstate = self._operstate_without_carrier()

    def _operstate_without_carrier(self) -> str:
        # default_operstate looks the other end's index up in this namespace, also when the other end is elsewhere.
        lower = self.netns.by_index.get(self.peer.ifindex) if self.peer is not None else None
        return "DOWN" if lower is None or lower is self or lower.carrier else "LOWERLAYERDOWN"

    def _uninit(self) -> None:
        # veth_dellink: both ends go together.
        peer, self.peer = self.peer, None
        if peer is not None:
            peer.peer = None
            peer.unregister()


def veth_pair(a: Veth, b: Veth) -> None:
    """Make two ends each other's peer."""
    a.peer, b.peer = b, a
    a.carrier_gone()
    b.carrier_gone()
