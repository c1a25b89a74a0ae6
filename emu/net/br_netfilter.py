"""br_netfilter: bridged IPv4 packets pass the hooks of IP (net/bridge/br_netfilter_hooks.c), while net.bridge.bridge-nf-call-iptables is 1.

    port rx -> PREROUTING (in: the bridge) -> where did it go?
                 destination unchanged  -> the bridge goes on: FDB
                 to another device      -> up to the bridge device and IP, with its MAC as destination; PREROUTING is not repeated there
                 to the same bridge     -> the new destination's MAC, by the neighbour table, then the bridge goes on
    out by a port -> FORWARD and POSTROUTING (in and out: the bridge; the ports are physindev and physoutdev), once for every copy

A destination whose neighbour entry is connected gets its MAC patched in. Otherwise the packet leaves by the neighbour's output like one of
our own: through the bridge device, where a capture shows it with the bridge's MAC, perhaps after waiting for ARP. The bridge device gives it
back here (`dev_xmit`), and with the sender's MAC restored it goes on as if it had just come in.

The bridge calls these functions only with netfilter in the namespace and the sysctl on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.net.fib import RTN_UNICAST, RTN_UNSPEC
from emu.net.ip_fragment import pieces
from emu.net.ip_header import IP_DF, parse
from emu.net.route import Dst, lookup_input
from emu.net.skb import PACKET_HOST, PACKET_OTHERHOST

if TYPE_CHECKING:
    from emu.net.bridge import Bridge
    from emu.net.bridge_port import BridgePort
    from emu.net.device import NetDevice
    from emu.net.netns import Namespace
    from emu.net.skb import Skb

PREROUTING, FORWARD, POSTROUTING = 0, 2, 4


class NfBridge:
    """What br_netfilter keeps with a packet (struct nf_bridge_info). `physindev`, `physoutdev`: the ports. `otherhost`: it was addressed to another
    MAC, which the IP hooks must not see. `source`: bytes 6 to 14 of its Ethernet header while a neighbour's output has put our own there.
    """

    __slots__ = ("bridged_dnat", "frag_max", "otherhost", "physindev", "physoutdev", "source")

    def __init__(self, physindev: NetDevice) -> None:
        self.physindev: NetDevice | None = physindev
        self.physoutdev: NetDevice | None = None
        self.otherhost = False
        self.bridged_dnat = False
        self.source = b""
        self.frag_max = 0

    def unshared(self) -> NfBridge:
        """A copy for one clone of the packet: each goes out by another port (nf_bridge_unshare)."""
        other = NfBridge.__new__(NfBridge)
        other.physindev = self.physindev
        other.physoutdev = self.physoutdev
        other.otherhost = self.otherhost
        other.bridged_dnat = self.bridged_dnat
        other.source = self.source
        other.frag_max = self.frag_max
        return other


def validate(ns: Namespace, port: BridgePort, skb: Skb) -> bool:
    """Drop what is no sound IPv4 packet, cut off padding (br_validate_ipv4): with bridge-nf-call-iptables=1 this is done even where no rule is loaded."""
    length = len(skb.l3)
    reason = parse(skb)
    if reason is not None:
        ns.drop(skb, "IP_INHDR", f"br_netfilter: {reason}", port.dev)
        return False
    if len(skb.l3) != length:
        skb.frame = None  # also for packets that are only bridged
    return True


def pre_routing(ns: Namespace, bridge: Bridge, port: BridgePort, skb: Skb) -> bool:
    """A packet came in by `port` (br_nf_pre_routing and its finish). True: the bridge goes on with it, perhaps under another destination MAC;
    False: it was dropped, kept for reassembly, or goes on by itself.
    """
    if not validate(ns, port, skb):
        return False
    dev = port.dev
    skb.nf_bridge = nf_bridge = NfBridge(dev)
    if skb.pkt_type == PACKET_OTHERHOST:
        skb.pkt_type = PACKET_HOST
        nf_bridge.otherhost = True
    daddr = skb.daddr
    skb.dev = skb.iif = bridge
    if not ns.nf.hook(PREROUTING, skb, bridge, None):
        return False
    nf_bridge = skb.nf_bridge  # put together from fragments, it is the first one's
    nf_bridge.frag_max = skb.frag_max
    if nf_bridge.otherhost:
        skb.pkt_type = PACKET_OTHERHOST
        nf_bridge.otherhost = False
    skb.nf_done = True  # ip_sabotage_in: IP does not run PREROUTING again
    if skb.daddr != daddr:
        dst = lookup_input(ns, skb)
        tp = ns.tp
        if dst.type == RTN_UNSPEC:
            ns.drop(skb, dst.reason, dst.text, dev)
            return False
        skb.dst = dst
        if dst.type == RTN_UNICAST and dst.dev is bridge:
            if tp.step:
                tp.on_step(ns, skb.id, "route", f"{dst.text}: the same bridge, so bridged on")
            return _bridge_on(ns, bridge, dev, skb, nf_bridge)
        if tp.step:
            tp.on_step(ns, skb.id, "route", f"{dst.text}: not this bridge, so up to {bridge.name}")
        skb.set_eth(bridge.mac + skb.eth[6:])
        skb.pkt_type = PACKET_HOST
    else:
        skb.dst = None
    skb.dev = dev
    return True


def _bridge_on(ns: Namespace, bridge: Bridge, dev: NetDevice, skb: Skb, nf_bridge: NfBridge) -> bool:
    """Give the packet its new destination MAC (br_nf_pre_routing_finish_bridge)."""
    nexthop = skb.dst.gateway or skb.daddr
    neigh = ns.neigh.lookup(bridge, nexthop)
    if neigh is not None and neigh.header is not None:
        skb.set_eth(neigh.mac + skb.eth[6:])
        skb.dev = dev
        return True
    nf_bridge.source = skb.eth[6:]
    nf_bridge.bridged_dnat = True
    ns.neigh.output(skb, bridge, nexthop)
    return False


def dev_xmit(ns: Namespace, bridge: Bridge, skb: Skb) -> bool:
    """The bridge device is to send a packet: one that a neighbour's output sent on its way for us comes back (br_nf_dev_xmit). True: taken."""
    nf_bridge: NfBridge = skb.nf_bridge
    if not nf_bridge.bridged_dnat:
        return False
    nf_bridge.bridged_dnat = False
    nf_bridge.physoutdev = None
    dev = nf_bridge.physindev
    port = dev.port if dev is not None else None
    if port is None:
        ns.drop(skb, "DEV_READY", "the port it came in by has left the bridge", dev)
        return True
    skb.set_eth(skb.eth[:6] + nf_bridge.source)
    skb.dev = dev
    bridge.handle_frame_finish(port, skb)
    return True


def forward(ns: Namespace, skb: Skb, indev: NetDevice | None, outdev: NetDevice) -> bool:
    """A packet goes from port to port (br_nf_forward_ip). False: it was dropped or kept."""
    if skb.nf_bridge is None:
        return True
    skb.nf_bridge = nf_bridge = skb.nf_bridge.unshared()
    parent: Any = outdev.master
    if skb.pkt_type == PACKET_OTHERHOST:
        skb.pkt_type = PACKET_HOST
        nf_bridge.otherhost = True
    nf_bridge.physoutdev = outdev
    if skb.dst is None:
        skb.dst = _fake_dst(parent)
    if not ns.nf.hook(FORWARD, skb, parent, parent):
        return False
    nf_bridge.frag_max = skb.frag_max
    if nf_bridge.otherhost:
        skb.pkt_type = PACKET_OTHERHOST
        nf_bridge.otherhost = False
    return True


def post_routing(ns: Namespace, skb: Skb, outdev: NetDevice) -> bool:
    """A packet is about to leave by a port (br_nf_post_routing, br_nf_dev_queue_xmit). False: it was dropped, kept, or sent in fragments.
    What IP routed has passed POSTROUTING there.
    """
    nf_bridge: NfBridge | None = skb.nf_bridge
    if nf_bridge is None or nf_bridge.physoutdev is None:
        return True
    if skb.pkt_type == PACKET_OTHERHOST:
        skb.pkt_type = PACKET_HOST
        nf_bridge.otherhost = True
    if not ns.nf.hook(POSTROUTING, skb, None, outdev.master):
        return False
    if nf_bridge.otherhost:
        skb.pkt_type = PACKET_OTHERHOST
        nf_bridge.otherhost = False
    size = len(skb.l3)
    mtu = outdev.mtu
    if nf_bridge.frag_max and nf_bridge.frag_max < mtu:
        mtu = nf_bridge.frag_max
    if size <= mtu:
        skb.nf_bridge = None
        return True
    _refragment(ns, skb, outdev, nf_bridge)
    return False


def _refragment(ns: Namespace, skb: Skb, outdev: NetDevice, nf_bridge: NfBridge) -> None:
    """What conntrack put together goes on in pieces no larger than they came (br_nf_ip_fragment). Nobody is told if it may not."""
    mtu = skb.dst.mtu
    if (skb.frag & IP_DF and not skb.ignore_df) or nf_bridge.frag_max > mtu:
        ns.drop(skb, "NOT_SPECIFIED", f"br_netfilter: {len(skb.l3)} bytes may not be fragmented for {outdev.name}", outdev)
        return
    if nf_bridge.frag_max:
        mtu = min(mtu, nf_bridge.frag_max)
    port = outdev.port
    skb.nf_bridge = None
    for piece in pieces(ns, skb, mtu) if len(skb.l3) > mtu else [skb]:
        port.bridge._push(port, piece)


def _fake_dst(bridge: NetDevice) -> Dst:
    """The route of packets that are only bridged: none, but it has the bridge's MTU, and ICMP errors need one (br_nf_core.c)."""
    dst = Dst(RTN_UNICAST, bridge)
    dst.mtu = bridge.mtu
    return dst
