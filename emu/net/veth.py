"""veth: two devices, each the other's medium (drivers/net/veth.c)."""

from __future__ import annotations

from emu.net.device import NetDevice
from emu.net.skb import Skb
from emu.wire.frame import Frame

DEFAULT_DELAY_NS = 1_000


class Veth(NetDevice):
    """One end of a veth pair. `delay_ns`: how long a frame takes to the other end."""

    kind = "veth"
    __slots__ = ("delay_ns", "peer")

    def __init__(self, name: str, mac: bytes, mtu: int = 1500) -> None:
        super().__init__(name, mac, mtu)
        self.peer: Veth | None = None
        self.delay_ns = DEFAULT_DELAY_NS
        self.carrier = False

    def _xmit(self, skb: Skb, frame: Frame) -> None:
        peer = self.peer
        if peer is None:
            self.netns.drop(skb, "EMU_LINK_DOWN", f"{self.name} has no peer", self)
            return
        self.netns.sim.post(self.delay_ns, peer.receive, frame)


def veth_pair(a: Veth, b: Veth) -> None:
    """Make two ends each other's peer."""
    a.peer, b.peer = b, a


