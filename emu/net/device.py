"""A network device (struct net_device): what every kind has in common.

`transmit` is the way out (dev_queue_xmit), called by IP, ARP and bridges in the same namespace. `receive` is the way in, called only by the
event loop. Between two devices there is always an event (DESIGN.md rule 1); a kind of device says in `_xmit` where its frames go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.net import flow, notifier
from emu.net.link_attributes import ORDINARY
from emu.net.skb import PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST, Skb
from emu.sim import NS_PER_US
from emu.wire.addr import BROADCAST_MAC

if TYPE_CHECKING:
    from emu.net.bridge_port import BridgePort
    from emu.net.netns import Namespace
    from emu.sim import Sim
    from emu.wire.frame import Frame

ETH_P_IP, ETH_P_ARP = 0x0800, 0x0806
ETH_HLEN, VLAN_HLEN = 14, 4
# Carrier changes are told to bridge and IP by a work queue (net/core/link_watch.c), later than a frame sent at once takes to cross a veth:
# measured on Linux 6.18, a new pod's gratuitous ARP finds the bridge port not forwarding yet.
LINKWATCH_NS = 100 * NS_PER_US


class NetDevice:
    """One device in one namespace. `mac`: six bytes. `mtu`: bytes of layer 3. `up`: administratively up. `carrier`: the other end is up too."""

    kind = "generic"
    has_wire = False  # what it sends leaves the namespace, by put_on_wire
    needs_neighbour = True  # loopback does not resolve
    min_mtu, max_mtu = 68, 65535
    uncounted_rx = uncounted_tx = 0  # bytes of each frame that its statistics leave out

    __slots__ = (
        "addresses", "arp", "attributes", "carrier", "carrier_changes", "dead", "flows", "ifindex", "linkwatch_pending", "mac", "mac_set", "master", "mtu",
        "name", "neigh_parms", "netns", "operstate", "port", "promisc", "promiscuity", "rx_bytes", "rx_dropped", "rx_packets", "tx_bytes", "tx_dropped",
        "tx_packets", "up", "was_up",
    )  # fmt: skip

    def __init__(self, name: str, mac: bytes, mtu: int = 1500) -> None:
        self.name = name
        self.mac = mac
        self.mac_set = False  # somebody chose the MAC (NET_ADDR_SET): a bridge keeps it
        self.mtu = mtu
        self.arp = True  # IFF_NOARP unset
        self.attributes = ORDINARY
        self.ifindex = 0
        self.netns: Namespace = None  # type: ignore[assignment]  # set by Namespace.add_device
        self.up = self.was_up = False
        self.carrier = True
        self.carrier_changes = 0
        self.dead = False  # unregistered
        self.linkwatch_pending = False
        self.operstate = "UNKNOWN"  # RFC 2863, as `ip link` shows it; known once the carrier changed
        self.promisc = False  # a user asked for it; others who want every frame only count in `promiscuity`
        self.promiscuity = 0
        self.master: NetDevice | None = None  # the bridge it is enslaved to
        self.port: BridgePort | Any = None  # its bridge port (or a switch's), when enslaved
        self.addresses: tuple[Any, ...] = ()  # IPv4 addresses, replaced as a whole (see net/addr.py)
        self.neigh_parms: Any = None  # see net/neigh.py
        self.flows: dict[bytes, flow.Flow] | None = None  # see net/flow.py
        self.rx_packets = self.rx_bytes = self.rx_dropped = 0
        self.tx_packets = self.tx_bytes = self.tx_dropped = 0

    def __repr__(self) -> str:
        return f"<{self.kind} {self.netns.name if self.netns else '-'}.{self.name}>"

    @property
    def running(self) -> bool:
        """IFF_UP and carrier."""
        return self.up and self.carrier

    def statistics(self) -> dict[str, int]:
        """What it counted, by the names of /sys/class/net/NAME/statistics."""
        return {
            "rx_bytes": self.rx_bytes - self.uncounted_rx * self.rx_packets, "rx_packets": self.rx_packets, "rx_dropped": self.rx_dropped,
            "tx_bytes": self.tx_bytes - self.uncounted_tx * self.tx_packets, "tx_packets": self.tx_packets, "tx_dropped": self.tx_dropped,
        }  # fmt: skip

    # -- out ----------------------------------------------------------------------------------------------------------------------

    def transmit(self, skb: Skb) -> None:
        """Send a packet that has its Ethernet header (dev_queue_xmit). Without carrier the noop qdisc drops, before any tap."""
        ns = self.netns
        if not self.up or not self.carrier:
            self.tx_dropped += 1
            ns.drop(skb, "QDISC_DROP", f"{self.name} has no carrier" if self.up else f"{self.name} is down", self)
            return
        frame = skb.frame or skb.to_frame()
        self.tx_packets += 1
        self.tx_bytes += len(frame.wire)
        tp = ns.tp
        if tp.frame:
            tp.on_frame(self, "tx", frame)
        if ns.trail is not None:
            ns.trail.visits.append((self, "tx", frame))
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
        if not self.up:
            self.rx_dropped += 1
            self._refuse(frame)
            return
        self.rx_packets += 1
        self.rx_bytes += len(wire)
        tp = ns.tp
        if tp.frame:
            tp.on_frame(self, "rx", frame)
        if len(wire) < 14:
            ns.drop_frame(frame, "HDR_TRUNC", "shorter than an Ethernet header", self)
            return
        flows = self.flows
        if flows is not None:
            cached = flows.get(flow.key(wire))
            if cached is not None and cached.replay(ns, frame):
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
        if skb.protocol == ETH_P_IP and (port is not None or ns.sysctl.ip_forward) and not tp.step and flow.worth_a_trail(skb):
            generation = ns.generation
            trail = flow.begin(ns, skb)
            self._hand_up(skb, port)
            flow.end(ns, self, frame, trail, generation)
        else:
            self._hand_up(skb, port)

    def _hand_up(self, skb: Skb, port: Any) -> None:
        """To the bridge that the device is a port of, or to this namespace's protocols."""
        if port is not None:
            port.handle_frame(skb)
        else:
            self.netns.netif_receive(skb)

    def _refuse(self, frame: Frame) -> None:
        """Drop a frame that arrived at a device that takes none."""
        ns = self.netns
        if ns.gone:
            ns.drop_frame(frame, "EMU_NETNS_GONE", f"{ns.name} is gone", self)
        elif self.dead:
            ns.drop_frame(frame, "EMU_DEVICE_GONE", f"{self.name} is gone", self)
        else:
            ns.drop_frame(frame, "DEV_READY", f"{self.name} is down", self)

    # -- state --------------------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Bring it up (dev_open)."""
        if self.up or self.dead:
            return
        self.up = self.was_up = True
        self._opened()
        notifier.call(self, notifier.UP)

    def close(self) -> None:
        """Take it down (dev_close)."""
        if not self.up:
            return
        notifier.call(self, notifier.GOING_DOWN)
        self.up = False
        self._closed()
        notifier.call(self, notifier.DOWN)

    def _opened(self) -> None:
        """ndo_open."""

    def _closed(self) -> None:
        """ndo_stop."""

    def set_carrier(self, carrier: bool) -> None:
        """The medium came or went (netif_carrier_on, netif_carrier_off). Bridge and IP hear of it a moment later."""
        if self.carrier == carrier:
            return
        self.carrier = carrier
        self.carrier_changes += 1
        if self.up:
            self.netns.generation += 1
        if not self.linkwatch_pending:
            self.linkwatch_pending = True
            sim = self.netns.sim
            sim.call_later(LINKWATCH_NS, self._linkwatch)

    def _linkwatch(self) -> None:
        self.linkwatch_pending = False
        self.operstate = "UP" if self.carrier else self._operstate_without_carrier()
        if not self.dead and self.up:
            notifier.call(self, notifier.CHANGE)

    def _operstate_without_carrier(self) -> str:
        """default_operstate."""
        return "DOWN"

    def set_promiscuity(self, change: int) -> None:
        """One more, or one less, wants every frame (dev_set_promiscuity)."""
        self.promiscuity += change
        self.netns.generation += 1

    def set_mac(self, mac: bytes, chosen: bool = True) -> None:
        """Change the MAC (dev_set_mac_address). `chosen`: by a user, not by the kernel itself; then everybody hears of it even if it is the same
        (measured: setting the MAC a device has sends the gratuitous ARP of arp_notify and forgets all neighbours)."""
        self.mac_set = self.mac_set or chosen
        if chosen or mac != self.mac:
            self.mac = mac
            notifier.call(self, notifier.CHANGEADDR)

    def set_mtu(self, mtu: int) -> None:
        """Change the MTU (dev_set_mtu); the caller checked the range."""
        if mtu != self.mtu:
            self.mtu = mtu
            notifier.call(self, notifier.CHANGEMTU)

    def unregister(self) -> None:
        """Leave the namespace for good (unregister_netdevice): closed, everybody told, its name free."""
        if self.dead:
            return
        self.leave()
        self.dead = True
        self._uninit()

    def leave(self) -> None:
        """Go out of the namespace, down, without addresses and without a master; `join` puts it into another (dev_change_net_namespace)."""
        ns = self.netns
        self.close()
        notifier.call(self, notifier.UNREGISTER)
        self.was_up = False
        del ns.devices[self.name], ns.by_index[self.ifindex]
        ns.generation += 1

    def join(self, ns: Namespace) -> None:
        """Come into a namespace after `leave`; under the name dev0, dev1... where its own is taken."""
        name, number = self.name, 0
        while name in ns.devices:
            name, number = f"dev{number}", number + 1
        self.name = name
        ns.add_device(self)
        notifier.call(self, notifier.REGISTER)

    def _uninit(self) -> None:
        """ndo_uninit."""


def random_mac(sim: Sim) -> bytes:
    """A locally administered unicast MAC, from the world's stream of MACs (eth_random_addr)."""
    bits = sim.stream("mac").getrandbits(48)
    return (bits & ~(1 << 40) | 2 << 40).to_bytes(6, "big")
