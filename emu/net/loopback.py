"""lo: what is sent there is received there (drivers/net/loopback.c)."""

from __future__ import annotations

from emu.net.device import NetDevice
from emu.net.skb import PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, Skb
from emu.wire.addr import BROADCAST_MAC, ZERO_MAC
from emu.wire.frame import Frame

DELAY_NS = 1_000


class Loopback(NetDevice):
    """The loopback device. A packet keeps its mark, its conntrack entry and its route from sending to receiving: it never leaves the namespace."""

    kind = "loopback"
    needs_neighbour = False
    min_mtu, max_mtu = 0, 0x7FFFFFFF
    uncounted_rx = uncounted_tx = 14
    __slots__ = ()

    def __init__(self, name: str = "lo") -> None:
        super().__init__(name, ZERO_MAC, 65536)

    def _xmit(self, skb: Skb, frame: Frame) -> None:
        skb.sk = None  # skb_orphan
        self.netns.sim.post(DELAY_NS, self.receive_skb, skb)

    def receive_skb(self, skb: Skb) -> None:
        """The packet comes back in; called by the event loop only."""
        ns = self.netns
        ns.sim.cause = skb.id
        frame = skb.frame or skb.to_frame()
        if not self.up:
            self.rx_dropped += 1
            self._refuse(frame)
            return
        self.rx_packets += 1
        self.rx_bytes += len(frame.wire)
        if ns.tp.frame:
            ns.tp.on_frame(self, "rx", frame)
        skb.dev = self
        dst = skb.eth[:6]
        if dst == self.mac:
            skb.pkt_type = PACKET_HOST
        else:
            skb.pkt_type = PACKET_BROADCAST if dst == BROADCAST_MAC else PACKET_MULTICAST if dst[0] & 1 else PACKET_HOST
        ns.netif_receive(skb)
