"""One port of a bridge: its flags, its state, and the first look at a frame that comes in by it (net/bridge/br_input.c, br_handle_frame)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net import br_netfilter
from emu.net.bridge_loop import LoopGuard
from emu.net.skb import PACKET_HOST, Skb
from emu.wire.addr import ZERO_MAC, mac_text

if TYPE_CHECKING:
    from emu.net.bridge import Bridge
    from emu.net.device import NetDevice

DISABLED, LISTENING, LEARNING, FORWARDING, BLOCKING = 0, 1, 2, 3, 4
STATE_NAMES = ("disabled", "listening", "learning", "forwarding", "blocking")
_LINK_LOCAL = b"\x01\x80\xc2\x00\x00"


class BridgePort:
    """`hairpin`: frames may leave by the port they came in by. `learning`: sources are learned. `flood`, `mcast_flood`, `bcast_flood`: unknown
    unicast, multicast and broadcast are flooded to it. `isolated`: no frames between isolated ports. `number`, `priority`, `cost`: what it is in STP."""

    __slots__ = (
        "bcast_flood", "bridge", "cost", "dev", "flood", "guard", "hairpin", "isolated", "learning", "mcast_flood", "newest", "number", "priority", "state",
    )  # fmt: skip

    def __init__(self, bridge: Bridge, dev: NetDevice, number: int) -> None:
        self.bridge = bridge
        self.dev = dev
        self.number = number
        self.state = DISABLED
        self.priority, self.cost = 32, 2
        self.hairpin = False
        self.learning = True
        self.flood = True
        self.mcast_flood = True
        self.bcast_flood = True
        self.isolated = False
        self.newest = 0  # highest lineage id that came in: only a frame that is not newer can be going round
        self.guard: LoopGuard | None = None

    def __repr__(self) -> str:
        return f"<port {self.dev.name} of {self.bridge.name} {STATE_NAMES[self.state]}>"

    def handle_frame(self, skb: Skb) -> None:
        """A frame came in by this port (br_handle_frame)."""
        frame_id = skb.id
        if frame_id > self.newest:
            self.newest = frame_id
        else:
            if self.guard is None:
                self.guard = LoopGuard()
            self.guard.seen(self.dev, skb.frame or skb.to_frame())
        eth = skb.eth
        ns = self.dev.netns
        if eth[6] & 1 or eth[6:12] == ZERO_MAC:
            ns.drop(skb, "MAC_INVALID_SOURCE", f"{mac_text(eth[6:12])} cannot be a source", self.dev)
            return
        if eth[0] == 1 and eth[:5] == _LINK_LOCAL and eth[5] < 16 and not self._link_local(skb, eth[5]):
            return
        bridge = self.bridge
        if self.state != FORWARDING:
            if self.state == LEARNING and self.learning:
                bridge.learn(self, skb)
            ns.drop(skb, "BRIDGE_INGRESS_STP_STATE", f"port {self.dev.name} of {bridge.name} is {STATE_NAMES[self.state]}", self.dev)
            return
        if eth[:6] == bridge.mac:
            skb.pkt_type = PACKET_HOST
        if skb.protocol == 0x0800 and ns.sysctl.bridge_nf_call_iptables and not (
            br_netfilter.pre_routing(ns, bridge, self, skb) if ns.nf is not None else br_netfilter.validate(ns, self, skb)
        ):
            return
        bridge.handle_frame_finish(self, skb)

    def _link_local(self, skb: Skb, last: int) -> bool:
        """A reserved group address, 01:80:c2:00:00:0X. True: bridge it. Without STP the bridge forwards BPDUs; it never forwards
        pause frames; the others go to the port's own stack, unless group_fwd_mask lets them pass."""
        if last == 0 or self.bridge.group_fwd_mask >> last & 1:
            return True
        ns = self.dev.netns
        if last == 1:
            ns.drop(skb, "MAC_IEEE_MAC_CONTROL", "a pause frame is not bridged", self.dev)
            return False
        if self.learning and self.state in (LEARNING, FORWARDING):
            self.bridge.learn(self, skb)
        ns.netif_receive(skb)
        return False
