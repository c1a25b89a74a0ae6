"""A network device (struct net_device): what every kind has in common.

`transmit` is the way out (dev_queue_xmit), called by IP, ARP and bridges in the same namespace. `receive` is the way in, called only by the
event loop. Between two devices there is always an event (DESIGN.md rule 1); a kind of device says in `_xmit` where its frames go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.net.skb import PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST, Skb
from emu.wire.addr import BROADCAST_MAC

if TYPE_CHECKING:
    from emu.net.netns import Namespace
    from emu.wire.frame import Frame

ETH_P_IP, ETH_P_ARP = 0x0800, 0x0806


class NetDevice:
    """One device in one namespace. `mac`: six bytes. `mtu`: bytes of layer 3. `up`: administratively up. `carrier`: the other end is up too."""

    kind = "generic"
    arp = True  # IFF_NOARP unset
    needs_neighbour = True  # loopback does not resolve

    __slots__ = (
        "addresses", "carrier", "ifindex", "mac", "master", "mtu", "name", "netns", "port", "promiscuity", "rx_bytes", "rx_dropped", "rx_packets",
        "tx_bytes", "tx_dropped", "tx_packets", "up",
    )  # fmt: skip

    def __init__(self, name: str, mac: bytes, mtu: int = 1500) -> None:
        self.name = name
        self.mac = mac
        self.mtu = mtu
        self.ifindex = 0
        self.netns: Namespace = None  # type: ignore[assignment]  # set by Namespace.add_device
        self.up = False
        self.carrier = True
        self.promiscuity = 0
        self.master: NetDevice | None = None  # the bridge it is enslaved to
        self.port: Any = None  # its bridge port, when enslaved
        self.addresses: tuple[Any, ...] = ()  # IPv4 addresses, replaced as a whole (see net/addr.py)
        self.rx_packets = self.rx_bytes = self.rx_dropped = 0
        self.tx_packets = self.tx_bytes = self.tx_dropped = 0

    def __repr__(self) -> str:
        return f"<{self.kind} {self.netns.name if self.netns else '-'}.{self.name}>"

    @property
    def running(self) -> bool:
        """IFF_UP and carrier."""
        return self.up and self.carrier

    # -- out ----------------------------------------------------------------------------------------------------------------------

    def transmit(self, skb: Skb) -> None:
        """Send a packet that has its Ethernet header (dev_queue_xmit)."""
        ns = self.netns
        if not self.up or not self.carrier:
            self.tx_dropped += 1
            ns.drop(skb, "QDISC_DROP" if self.up else "DEV_READY", f"{self.name} has no carrier" if self.up else f"{self.name} is down", self)
            return
        frame = skb.frame or skb.to_frame()
        self.tx_packets += 1
        self.tx_bytes += len(frame.wire)
        tp = ns.tp
        if tp.frame:
            tp.on_frame(self, "tx", frame)
        self._xmit(skb, frame)

    def _xmit(self, skb: Skb, frame: Frame) -> None:
        """Hand the frame to the medium. Each kind of device has its own."""
        raise NotImplementedError(self.kind)

    # -- in -----------------------------------------------------------------------------------------------------------------------

    def receive(self, frame: Frame) -> None:
        """A frame arrived from the medium; called by the event loop only (netif_receive_skb)."""
        ns = self.netns
        sim = ns.sim
        sim.cause = frame.id
        wire = frame.wire
        if not self.up or ns.gone:
            self.rx_dropped += 1
            ns.drop_frame(frame, "EMU_NETNS_GONE" if ns.gone else "DEV_READY", f"{self.name} is {'gone' if ns.gone else 'down'}", self)
            return
        self.rx_packets += 1
        self.rx_bytes += len(wire)
        tp = ns.tp
        if tp.frame:
            tp.on_frame(self, "rx", frame)
        if len(wire) < 14:
            ns.drop_frame(frame, "HDR_TRUNC", "shorter than an Ethernet header", self)
            return
        skb = Skb(frame.id, wire[12] << 8 | wire[13], wire[14:], wire[:14], frame)
        skb.dev = self
        dst = wire[:6]
        if dst == self.mac:
            skb.pkt_type = PACKET_HOST
        elif dst[0] & 1:
            skb.pkt_type = PACKET_BROADCAST if dst == BROADCAST_MAC else PACKET_MULTICAST
        else:
            skb.pkt_type = PACKET_OTHERHOST
        port = self.port
        if port is not None:
            port.handle_frame(skb)
        else:
            ns.netif_receive(skb)
