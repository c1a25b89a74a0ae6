"""A network namespace (struct net): its devices and tables, and the two places every packet passes, delivery by protocol and drop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emu.net.device import ETH_P_ARP, ETH_P_IP, NetDevice
from emu.net.skb import Skb
from emu.trace.points import BORN, DELIVERED, DROPPED, HELD, RELEASED

if TYPE_CHECKING:
    from emu.net.fib import Fib
    from emu.net.icmp_send import Rates
    from emu.net.ip_fragment import Reassembly
    from emu.net.ip_ident import Idents
    from emu.net.neigh import NeighTable
    from emu.net.sysctl import Sysctl
    from emu.sim import Sim
    from emu.trace import Tracepoints
    from emu.wire.frame import Frame


class NetError(OSError):
    """A configuration request that Linux refuses too. `errno` as Linux gives it, `strerror` names the thing and the place."""


class Kernel:
    """What belongs to the machine, not to a namespace: the clock, the tracepoints, limits of tables that all namespaces share."""

    __slots__ = ("arp_tbl", "conntrack_max", "gc_thresh1", "gc_thresh2", "gc_thresh3", "init_net", "name", "neigh_entries", "sim", "tp")

    def __init__(self, name: str, sim: Sim, tp: Tracepoints) -> None:
        self.name = name
        self.sim = sim
        self.tp = tp
        self.conntrack_max = 262144
        self.gc_thresh1, self.gc_thresh2, self.gc_thresh3 = 128, 512, 1024
        self.neigh_entries = 0
        self.arp_tbl: Any = None  # the neighbours of all namespaces together, see net/neigh_gc.py
        self.init_net: Namespace | None = None  # the first namespace; later ones inherit some sysctls from it


class Namespace:
    """One namespace of a machine. `name` is unique in the world; captures and hop tables show it."""

    __slots__ = (
        "by_index", "ct", "devices", "drops", "err_handlers", "fib", "generation", "gone", "handlers", "icmp", "ip_id", "kernel", "lo", "name",
        "neigh", "next_ifindex", "nf", "nsids", "protocols", "reasm", "sim", "sockets", "sysctl", "tp", "trail",
    )  # fmt: skip

    def __init__(self, name: str, kernel: Kernel) -> None:
        self.name = name
        self.kernel = kernel
        self.sim = kernel.sim
        self.tp = kernel.tp
        self.gone = False
        self.generation = 0  # goes up when any table that a forwarding decision depends on changes
        self.drops: dict[str, int] = {}
        self.devices: dict[str, NetDevice] = {}
        self.by_index: dict[int, NetDevice] = {}
        self.next_ifindex = 1
        # The tables; `emu.net.stack.new_namespace` fills them, so that this file needs no knowledge of their kinds.
        self.sysctl: Sysctl = None  # type: ignore[assignment]
        self.fib: Fib = None  # type: ignore[assignment]
        self.neigh: NeighTable = None  # type: ignore[assignment]
        self.reasm: Reassembly | None = None  # from the first fragment on
        self.icmp: Rates | None = None  # from the first ICMP sent on
        self.ip_id: Idents | None = None  # from the first packet that needs one on
        self.sockets: Any = None
        self.nf: Any = None  # Netfilter, from the first rule on
        self.ct: Any = None  # Conntrack, from the first rule that needs it on
        self.trail: Any = None  # what a packet that may become a cached flow touches, see flow.py
        self.nsids: dict[Namespace, int] | None = None  # numbers of other namespaces, as `ip link` shows them (net->netns_ids)
        self.lo: NetDevice = None  # type: ignore[assignment]
        # ethertype -> receive function (ptype_base)
        self.handlers: dict[int, Callable[[Namespace, Skb], None]] = {}
        self.protocols: dict[int, Callable[[Namespace, Skb], None]] = {}  # IP protocol -> receive function (inet_protos)
        # IP protocol -> what to do about an ICMP error that quotes it: (ns, skb of the ICMP, type, code, info, quoted packet bytes)
        self.err_handlers: dict[int, Callable[[Namespace, Skb, int, int, int, bytes], None]] = {}

    def __repr__(self) -> str:
        return f"<netns {self.name}>"

    # -- devices ------------------------------------------------------------------------------------------------------------------

    def add_device(self, device: NetDevice) -> None:
        """Register a device under its name (register_netdevice), with the ifindex it brings if that is free, else with the next one.
        Raises NetError EEXIST."""
        if device.name in self.devices:
            raise NetError(17, f"File exists: {device.name} in {self.name}")
        if not device.ifindex or device.ifindex in self.by_index:
            while self.next_ifindex in self.by_index:
                self.next_ifindex += 1
            device.ifindex = self.next_ifindex
            self.next_ifindex += 1
        device.netns = self
        self.devices[device.name] = device
        self.by_index[device.ifindex] = device
        self.generation += 1

    def device(self, name: str) -> NetDevice:
        """The device of that name. Raises NetError ENODEV."""
        try:
            return self.devices[name]
        except KeyError:
            raise NetError(19, f'Cannot find device "{name}" in {self.name}') from None

    # -- packets ------------------------------------------------------------------------------------------------------------------

    def netif_receive(self, skb: Skb) -> None:
        """Hand a received packet to its protocol (__netif_receive_skb_core after the rx_handler)."""
        handler = self.handlers.get(skb.protocol)
        if handler is not None:
            handler(self, skb)
        else:
            self.drop(skb, "UNHANDLED_PROTO", f"no handler for ethertype 0x{skb.protocol:04x}", skb.dev)

    def born(self, protocol: int, l3: bytes, eth: bytes = b"") -> Skb:
        """A packet made here: a fresh lineage id, caused by what is being processed."""
        sim = self.sim
        skb = Skb(sim.new_id(), protocol, l3, eth)
        if self.tp.life:
            self.tp.on_life(BORN, skb.id)
        return skb

    def drop(self, skb: Skb, reason: str, text: str = "", device: NetDevice | None = None) -> None:
        """The one way to drop (kfree_skb_reason). `reason`: a key of trace.reasons.REASONS; `text`: what exactly, for a person."""
        self.trail = None
        drops = self.drops
        drops[reason] = drops.get(reason, 0) + 1
        tp = self.tp
        if tp.drop:
            eth = skb.eth or bytes(12) + skb.protocol.to_bytes(2, "big")  # without MACs: it has not come to a device yet
            tp.on_drop(self, device or skb.dev, skb.id, reason, text, skb.frame.wire if skb.frame is not None else eth + skb.l3)
        if tp.life:
            tp.on_life(DROPPED, skb.id)

    def drop_frame(self, frame: Frame, reason: str, text: str, device: NetDevice) -> None:
        """Drop a frame that has no Skb yet."""
        self.trail = None
        drops = self.drops
        drops[reason] = drops.get(reason, 0) + 1
        tp = self.tp
        if tp.drop:
            tp.on_drop(self, device, frame.id, reason, text, frame.wire)
        if tp.life:
            tp.on_life(DROPPED, frame.id)

    def delivered(self, skb: Skb, text: str = "") -> None:
        """The packet reached its end here as it should: a socket, ARP, bridge control (consume_skb)."""
        self.trail = None
        tp = self.tp
        if text and tp.step:
            tp.on_step(self, skb.id, "delivered", text)
        if tp.life:
            tp.on_life(DELIVERED, skb.id)

    def held(self, skb: Skb) -> None:
        """The packet waits here (neighbour queue, reassembly, a socket's queue that may still drop it)."""
        self.trail = None
        if self.tp.life:
            self.tp.on_life(HELD, skb.id)

    def released(self, skb: Skb) -> None:
        """The packet waits no more and goes on."""
        if self.tp.life:
            self.tp.on_life(RELEASED, skb.id)


__all__ = ["ETH_P_ARP", "ETH_P_IP", "Kernel", "Namespace", "NetError"]
