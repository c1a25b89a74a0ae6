"""dummy: a device that takes everything and gives nothing (drivers/net/dummy.c); it holds addresses that belong to no wire."""

from __future__ import annotations

from emu.net.device import NetDevice
from emu.net.skb import Skb
from emu.wire.frame import Frame


class Dummy(NetDevice):
    """A dummy device."""

    kind = "dummy"
    min_mtu, max_mtu = 0, 0x7FFFFFFF
    __slots__ = ()

    def __init__(self, name: str, mac: bytes, mtu: int = 1500) -> None:
        super().__init__(name, mac, mtu)
        self.arp = False

    def _xmit(self, skb: Skb, frame: Frame) -> None:
        self.netns.delivered(skb, f"{self.name} is a dummy: taken, and gone")
