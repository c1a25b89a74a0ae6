"""A Linux bridge: learning, forwarding, flooding, local delivery (net/bridge/br_input.c, br_forward.c, br_device.c).

    port rx -> br_netfilter PREROUTING -> learn the source -> FDB: known port -> forward -> br_netfilter FORWARD, POSTROUTING -> port tx
                                                                local      -> up: the bridge's own rx, IP
                                                                unknown    -> flood to every other port
    bridge tx (IP, ARP of this namespace) -> FDB: known -> port tx, else flood

There is no STP and no IGMP snooping, as on a bridge made with `stp_state 0` and `mcast_snooping 0`. Ports and MAC are managed in `bridge_if`.
"""

from __future__ import annotations

from emu.net import br_netfilter
from emu.net.bridge_port import FORWARDING, BridgePort
from emu.net.device import ETH_P_IP, NetDevice
from emu.net.fdb import Fdb
from emu.net.skb import PACKET_HOST, Skb
from emu.trace.points import COPIED
from emu.wire.addr import BROADCAST_MAC, mac_text
from emu.wire.frame import Frame

UNICAST, MULTICAST, BROADCAST = 0, 1, 2
_KINDS = ("unknown unicast", "multicast", "broadcast")


class Bridge(NetDevice):
    """`ports`: newest first, the order of flooding. `group_fwd_mask`: bit X lets frames for 01:80:c2:00:00:0X be bridged. `mtu_set`: a user
    chose the MTU, so it does not follow the ports. `options`: numbers of STP and IGMP snooping that were set; both are off, so that they only are shown."""

    kind = "bridge"
    uncounted_rx = 14
    __slots__ = ("fdb", "group_fwd_mask", "mtu_set", "options", "ports")

    def __init__(self, name: str, mac: bytes) -> None:
        super().__init__(name, mac)
        self.fdb: Fdb[BridgePort] = None  # type: ignore[assignment]  # made with the namespace's clock, see bridge_if
        self.ports: list[BridgePort] = []
        self.group_fwd_mask = 0
        self.mtu_set = False
        self.options: dict[str, int] = {}

    # -- in by a port -------------------------------------------------------------------------------------------------------------

    def learn(self, port: BridgePort, skb: Skb) -> None:
        """The source is behind this port (br_fdb_update)."""
        fdb = self.fdb
        mac = skb.eth[6:12]
        entry = fdb.entries.get(mac)
        ns = self.netns
        if entry is None:
            if fdb.learn(mac, port) is not None and ns.tp.step:
                ns.tp.on_step(ns, skb.id, "learn", f"{self.name} learned {mac_text(mac)} on {port.dev.name}")
            return
        if entry.local:
            # "received packet on X with own address as source address": never learned, but bridged.
            if ns.tp.step:
                ns.tp.on_step(ns, skb.id, "learn", f"{self.name} received on {port.dev.name} a packet with own address {mac_text(mac)} as source address")
            return
        entry.updated = ns.sim.now
        if entry.port is not port and not entry.sticky:
            old = entry.port
            fdb.move(entry, port)
            if ns.tp.step:
                was = f" (was on {old.dev.name})" if old is not None else ""
                ns.tp.on_step(ns, skb.id, "learn", f"{self.name} learned {mac_text(mac)} on {port.dev.name}{was}")

    def handle_frame_finish(self, port: BridgePort, skb: Skb) -> None:
        """Learn, then forward, flood or take it (br_handle_frame_finish)."""
        ns = self.netns
        if port.state != FORWARDING:
            ns.drop(skb, "BRIDGE_INGRESS_STP_STATE", f"port {port.dev.name} of {self.name} does not forward", port.dev)
            return
        entries = self.fdb.entries
        eth = skb.eth
        if port.learning:
            entry = entries.get(eth[6:12])
            if entry is not None and entry.port is port and not entry.local:
                entry.updated = ns.sim.now
            else:
                self.learn(port, skb)
        promisc = self.promiscuity > 0
        if eth[0] & 1:
            self.flood(skb, BROADCAST if eth[:6] == BROADCAST_MAC else MULTICAST, port, True)
            self.pass_frame_up(skb, promisc)
            return
        entry = entries.get(eth[:6])
        if entry is None:
            self.flood(skb, UNICAST, port, promisc)
        elif entry.local:
            self.pass_frame_up(skb)
            return
        else:
            tp = ns.tp
            if tp.step:
                tp.on_step(ns, skb.id, "fdb", f"FDB hit: {mac_text(eth[:6])} on {entry.port.dev.name if entry.port else '-'}")
            out = entry.port
            if out is not None and out.state == FORWARDING and (out is not port or port.hairpin) and not (port.isolated and out.isolated):
                if promisc:
                    self.forward(out, self._clone(skb))
                else:
                    self.forward(out, skb)
            elif not promisc:
                self._refused(skb, port, out)
        if promisc:
            self.pass_frame_up(skb, True)

    def _refused(self, skb: Skb, port: BridgePort | None, out: BridgePort | None) -> None:
        """should_deliver said no: say which of its conditions."""
        if out is None:
            why = "the bridge's own address, sent out by the bridge"
        elif out is port and not out.hairpin:
            why = f"{out.dev.name} is the port it came in by, and hairpin mode is off"
        elif out.state != FORWARDING:
            why = f"port {out.dev.name} does not forward"
        else:
            why = f"{port.dev.name if port else self.name} and {out.dev.name} are isolated ports"
        self.netns.drop(skb, "NOT_SPECIFIED", f"{self.name}: {why}", skb.dev)

    def _clone(self, skb: Skb) -> Skb:
        tp = self.netns.tp
        if tp.life:
            tp.on_life(COPIED, skb.id, 1)
        return skb.clone()

    # -- out by a port ------------------------------------------------------------------------------------------------------------

    def flood(self, skb: Skb, kind: int, source: BridgePort | None, keep: bool) -> None:
        """Send to every port that takes it (br_flood). `source`: the port it came in by, None from the bridge itself. `keep`: the caller
        still needs the packet; otherwise this is its end."""
        targets: list[BridgePort] = []
        for port in self.ports:
            if port.state != FORWARDING or (port is source and not port.hairpin):
                continue
            if kind == UNICAST:
                if not port.flood:
                    continue
            elif source is not None and not (port.bcast_flood if kind == BROADCAST else port.mcast_flood):
                continue  # what the bridge itself sends goes to every port
            if source is not None and source.isolated and port.isolated:
                continue
            targets.append(port)
        ns = self.netns
        tp = ns.tp
        if tp.step:
            names = ", ".join(port.dev.name for port in targets)
            miss = f"FDB miss: {mac_text(skb.eth[:6])}" if kind == UNICAST else _KINDS[kind]
            tp.on_step(ns, skb.id, "flood", f"{miss} flooded to {names}" if names else f"{miss}, no port to flood to")
        if not targets:
            if not keep:
                ns.drop(skb, "NO_TX_TARGET", f"{self.name}: {_KINDS[kind]} and no port to flood to", skb.dev)
            return
        copies = len(targets) if keep else len(targets) - 1
        if copies and tp.life:
            tp.on_life(COPIED, skb.id, copies)
        send = self.forward if source is not None else self._push
        last = len(targets) - 1
        for i, port in enumerate(targets):
            send(port, skb.clone() if keep or i < last else skb)

    def forward(self, out: BridgePort, skb: Skb) -> None:
        """A packet that came in by a port goes out by another (__br_forward)."""
        ns = self.netns
        if ns.nf is not None and skb.protocol == ETH_P_IP and ns.sysctl.bridge_nf_call_iptables:
            indev = skb.dev
            skb.dev = out.dev
            if not br_netfilter.forward(ns, skb, indev, out.dev) or not br_netfilter.post_routing(ns, skb, out.dev):
                return
        self._push(out, skb)

    def _push(self, out: BridgePort, skb: Skb) -> None:
        """Hand it to the port's device (br_dev_queue_push_xmit)."""
        dev = out.dev
        skb.dev = dev
        if len(skb.l3) > dev.mtu + 4:
            self.netns.drop(skb, "NOT_SPECIFIED", f"{self.name}: {len(skb.l3)} bytes do not fit the MTU {dev.mtu} of {dev.name}", dev)
            return
        dev.transmit(skb)

    # -- the bridge's own stack ---------------------------------------------------------------------------------------------------

    def pass_frame_up(self, skb: Skb, promisc: bool = False) -> None:
        """To the IP stack of this namespace, as received by the bridge device (br_pass_frame_up)."""
        ns = self.netns
        if promisc:
            # br_nf_local_in: a copy that only listens does not hold the connection of the packet that was forwarded.
            skb.ct, skb.ctinfo = None, -1
        elif skb.ct is not None and skb.pkt_type != PACKET_HOST and not ns.ct.confirm(skb):
            return  # br_nf_local_in again: of a broadcast, whoever comes after the hooks finds a connection that is known
        skb.dev = self
        self.rx_packets += 1
        self.rx_bytes += len(skb.l3) + 14
        tp = ns.tp
        if tp.frame:
            tp.on_frame(self, "rx", skb.frame or skb.to_frame())
        if ns.trail is not None:
            ns.trail.visits.append((self, "rx", skb.frame or skb.to_frame()))
        ns.netif_receive(skb)

    def _xmit(self, skb: Skb, frame: Frame) -> None:
        """What this namespace sends by the bridge (br_dev_xmit)."""
        ns = self.netns
        if skb.nf_bridge is not None and br_netfilter.dev_xmit(ns, self, skb):
            return
        skb.dev = self
        dst = frame.wire[:6]
        if dst[0] & 1:
            self.flood(skb, BROADCAST if dst == BROADCAST_MAC else MULTICAST, None, False)
            return
        entry = self.fdb.entries.get(dst)
        if entry is None:
            self.flood(skb, UNICAST, None, False)
            return
        out = entry.port
        tp = ns.tp
        if tp.step and out is not None:
            tp.on_step(ns, skb.id, "fdb", f"FDB hit: {mac_text(dst)} on {out.dev.name}")
        if out is not None and out.state == FORWARDING:
            self._push(out, skb)
        else:
            self._refused(skb, None, out)
