"""VXLAN (RFC 7348, drivers/net/vxlan/vxlan_core.c): Ethernet frames inside UDP, from one tunnel endpoint to another.

What is sent on the device is looked up in its own FDB, wrapped and sent by IP as a packet of this host: OUTPUT, routing, fragments and
neighbours as for any other. What arrives at its UDP port is unwrapped before it reaches a socket, and received by the device. The frame keeps its
id and the packet its mark; the connection it belonged to is another one inside and outside.
"""

from __future__ import annotations

import zlib
from struct import Struct
from typing import Any

from emu.net import ip_output, notifier, pmtu, tunnel_pmtu, vxlan_proxy
from emu.net.device import ETH_P_ARP, ETH_P_IP, NetDevice
from emu.net.fib import RTN_LOCAL, RTN_UNICAST
from emu.net.ip_header import header
from emu.net.ip_ident import select_ident
from emu.net.netns import Namespace, NetError
from emu.net.route import lookup_output
from emu.net.skb import PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST, Skb
from emu.net.sock import table
from emu.net.sock.udp import UdpSocket
from emu.net.vxlan_fdb import Remote, VxlanFdb
from emu.trace.points import COPIED
from emu.wire.addr import BROADCAST_MAC, ZERO_MAC, ip_text, mac_text
from emu.wire.frame import Frame

IPPROTO_UDP, IP_DF = 17, 0x4000
DEFAULT_PORT = 8472  # Linux's, older than the 4789 of RFC 7348
HEADROOM = 50  # IP 20, UDP 8, VXLAN 8, the inner Ethernet header 14
FLAG_VNI = 0x08000000
# What was unwrapped waits until its outer device has handed on the packets it has (gro_cells, the backlog of netif_rx): of two frames that come
# together, both are seen outside before the first is inside.
DELAY_NS = 1_000
EADDRINUSE = 98
_UDP = Struct("!HHHH")
_VXLAN = Struct("!II")
_FLOW = Struct("!HBIIHH")
ECN, ECT_1, ECT_0, CE = 3, 1, 2, 3


class Vxlan(NetDevice):
    """`vni`: 24 bits. `local`: source address, 0 = the route's. `lower`: the device given at creation, else None. `df`: unset, set, inherit. `ttl`:
    0 = the host's default, -1 = the inner packet's. `tos`: 1 = the inner packet's. `underlay`: the namespace it was made in: its outer packets stay
    there when the device moves. `proxy`: it answers ARP itself; `l2miss`, `l3miss`: it would tell a listener what it lacks. `csum`: whether outer
    packets have a UDP checksum (Linux 6.18: yes unless asked otherwise)."""

    kind = "vxlan"
    __slots__ = (
        "csum", "df", "fdb", "hash_key", "l2miss", "l3miss", "learning", "local", "lower", "ports", "proxy", "remote", "sock", "tos", "ttl", "udp_port",
        "underlay", "vni",
    )  # fmt: skip

    def __init__(self, name: str, mac: bytes, underlay: Namespace, vni: int, mtu: int = 1500, ageing_s: int = 300) -> None:
        super().__init__(name, mac, mtu)
        self.underlay = underlay
        self.vni = vni
        self.local = 0
        self.remote = 0
        self.lower: NetDevice | None = None
        self.udp_port = DEFAULT_PORT
        self.ports = (0, 0)  # of outer sources, the end not included; (0, 0): the local port range
        self.learning = True
        self.proxy = self.l2miss = self.l3miss = False
        self.ttl = self.tos = 0
        self.df = "unset"
        self.csum = True
        self.sock: VxlanSocket | None = None
        self.hash_key = zlib.crc32(f"{underlay.sim.seed}/{underlay.kernel.name}/flow".encode())  # the machine's secret (hashrnd)
        self.fdb = VxlanFdb(underlay.sim, ageing_s, self._changed)

    def _changed(self) -> None:
        if self.netns is not None:
            self.netns.generation += 1

    # -- state --------------------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Bring it up: from now on its UDP port is taken (vxlan_open). Raises NetError EADDRINUSE."""
        if not self.up and not self.dead:
            self.sock = _bind(self)
            self.fdb.start()
        super().open()

    def _closed(self) -> None:
        sock, self.sock = self.sock, None
        if sock is not None:
            sock.devices.remove(self)
            if not sock.devices:
                sock.close()
        self.fdb.flush()

    def _uninit(self) -> None:
        self.fdb.entries.clear()

    # -- out ----------------------------------------------------------------------------------------------------------------------

    def _xmit(self, skb: Skb, frame: Frame) -> None:
        """vxlan_xmit: to every endpoint of the entry; the first one gets the packet itself, last."""
        ns = self.netns
        ns.trail = None  # it changes size: no flow to keep
        self.tx_packets -= 1  # counted once it is on its way, by its length without the Ethernet header
        self.tx_bytes -= len(frame.wire)
        if self.proxy and skb.protocol == ETH_P_ARP:
            reply = vxlan_proxy.answer(self, skb)
            if reply is not None:
                ns.sim.post(DELAY_NS, self.receive_skb, reply)
            return
        mac = frame.wire[:6]
        entry = self.fdb.find(mac)
        if entry is None:
            self.tx_dropped += 1
            ns.drop(skb, "NO_TX_TARGET", f"{self.name} knows no tunnel endpoint for {mac_text(mac)} and has no default one", self)
            return
        remotes = entry.remotes
        tp = ns.tp
        if tp.step:
            said = "FDB hit" if entry.mac != ZERO_MAC else "FDB: default entry"
            tp.on_step(ns, skb.id, "fdb", f"{said}: {mac_text(mac)} behind {', '.join(ip_text(remote.ip) for remote in remotes)}")
        if len(remotes) > 1 and tp.life:
            tp.on_life(COPIED, skb.id, len(remotes) - 1)
        for remote in remotes[1:]:
            self._xmit_one(skb.clone(), frame, remote)
        self._xmit_one(skb, frame, remotes[0])

    def _xmit_one(self, skb: Skb, frame: Frame, remote: Remote) -> None:
        """vxlan_xmit_one."""
        net = self.underlay
        inner = skb.l3 if skb.protocol == ETH_P_IP and len(skb.l3) >= 20 else b""
        tos = self.tos
        if tos == 1:
            tos = inner[1] if inner else 0
        port = remote.port or self.udp_port
        mark = skb.mark if net is self.netns else 0
        dst = lookup_output(net, remote.ip, self.local, remote.dev, tos & ~ECN, mark)
        if isinstance(dst, int) or dst.dev is self:
            self.tx_dropped += 1
            why = "no route to" if isinstance(dst, int) else "the route goes into the tunnel itself for"
            self.netns.drop(skb, "IP_OUTNOROUTES", f"{why} tunnel endpoint {ip_text(remote.ip)}", self)
            return
        if dst.type == RTN_LOCAL:
            self._bypass(skb, frame, port, remote.vni or self.vni)
            return
        mtu = dst.mtu - HEADROOM
        if len(skb.l3) > mtu and inner and self._too_big(skb, mtu):
            return
        ecn = inner[1] & ECN if inner else 0
        tos = tos & ~ECN | (ECT_0 if ecn == CE else ecn)
        frag = IP_DF if self.df == "set" or (self.df == "inherit" and inner and inner[6] & 0x40) else 0
        inner_ttl = inner[8] if inner else 0
        ttl = (inner_ttl if self.ttl == -1 else self.ttl) or net.sysctl.ip_default_ttl
        self.tx_packets += 1
        self.tx_bytes += len(skb.l3)
        outer = self._encapsulate(skb, frame, (self.local or dst.prefsrc, remote.ip, port, remote.vni or self.vni), tos, ttl, frag)
        outer.dst = dst
        outer.dev = dst.dev
        outer.mark = mark
        outer.sk = skb.sk
        if net is self.netns:
            ip_output.ip_local_out(net, outer)
        else:
            net.sim.post_soon(_send_in, (net, outer))

    def _too_big(self, skb: Skb, mtu: int) -> bool:
        """The frame does not fit (skb_tunnel_check_pmtu): who sent it here learns it, and a host beyond a bridge is told. False: it goes, in pieces."""
        ns = self.netns
        if skb.dst is not None and skb.dst.type == RTN_UNICAST:
            pmtu.learn_mtu(ns, skb.daddr, skb.dst, mtu)
        answer = tunnel_pmtu.too_big(skb, mtu) if self.port is not None else None
        if answer is None:
            return False
        eth, l3 = answer
        back = ns.born(ETH_P_IP, l3, eth)
        ns.drop(skb, "PKT_TOO_BIG", f"{len(skb.l3)} bytes do not fit the tunnel's {mtu} uncut: {self.name} answers for the destination", self)
        self.tx_packets += 1
        self.tx_bytes += len(l3)
        self._loop_back(self, back, back.to_frame(), len(l3))
        return True

    def _encapsulate(self, skb: Skb, frame: Frame, to: tuple[int, int, int, int], tos: int, ttl: int, frag: int) -> Skb:
        """The outer packet. `to`: source, destination, port, VNI."""
        saddr, daddr, port, vni = to
        net = self.underlay
        sport = self._source_port(skb)
        payload = _VXLAN.pack(FLAG_VNI, vni << 8) + frame.wire
        length = len(payload) + 8
        check = 0
        if self.csum:
            total = saddr + daddr + IPPROTO_UDP + length + sport + port + length
            total += int.from_bytes(payload if not length & 1 else payload + b"\0", "big")
            check = 0xFFFF - total % 0xFFFF
        ip_id = select_ident(net, saddr, daddr, IPPROTO_UDP)
        l3 = header(IPPROTO_UDP, length + 20, saddr, daddr, ttl, tos, ip_id, frag) + _UDP.pack(sport, port, length & 0xFFFF, check) + payload
        outer = Skb(skb.id, ETH_P_IP, l3)
        outer.saddr, outer.daddr, outer.sport, outer.dport = saddr, daddr, sport, port
        outer.proto, outer.tos, outer.ttl, outer.ip_id, outer.frag = IPPROTO_UDP, tos, ttl, ip_id, frag
        if net.tp.step:
            text = f"VXLAN: into UDP {ip_text(saddr)}:{sport} → {ip_text(daddr)}:{port}, VNI {vni}"
            net.tp.on_step(self.netns, skb.id, "vxlan", text)
        return outer

    def _source_port(self, skb: Skb) -> int:
        """By a hash of the inner packet's flow, so that the underlay can spread flows and keeps each in order (udp_flow_src_port)."""
        low, high = self.ports
        if low >= high:
            low, high = self.underlay.sysctl.ip_local_port_range
        l3 = skb.l3
        if skb.protocol == ETH_P_IP and len(l3) >= 20:
            proto = l3[9]
            a, b = int.from_bytes(l3[12:16], "big"), int.from_bytes(l3[16:20], "big")
            at = (l3[0] & 15) * 4
            c = d = 0
            if proto in (6, 17) and not (l3[6] & 0x3F or l3[7]) and len(l3) >= at + 4:
                c, d = l3[at] << 8 | l3[at + 1], l3[at + 2] << 8 | l3[at + 3]
            if proto != 6 and (b, d) < (a, c):
                # Both directions hash alike (__flow_hash_consistentify). Not TCP's: each end's socket has a hash of its own (sk_txhash), which stays with
                # the packet on its way through the machine.
                a, b, c, d = b, a, d, c
            packed = _FLOW.pack(ETH_P_IP, proto, a, b, c, d)
        elif skb.protocol == ETH_P_ARP:
            packed = _FLOW.pack(ETH_P_ARP, 0, 0, 0, 0, 0)
        else:
            packed = skb.eth[:12]
        value = zlib.crc32(packed, self.hash_key) * 0x9E3779B1 & 0xFFFFFFFF
        return ((value ^ value >> 15) * (high - low) >> 32) + low

    def _bypass(self, skb: Skb, frame: Frame, port: int, vni: int) -> None:
        """The endpoint is this host: straight to its device (encap_bypass_if_local)."""
        target = _find(self.underlay, port, vni)
        if target is None:
            self.tx_dropped += 1
            self.netns.drop(skb, "VXLAN_VNI_NOT_FOUND", f"the tunnel endpoint is this host, which has no VXLAN device up with VNI {vni} on port {port}", self)
            return
        self.tx_packets += 1
        self.tx_bytes += len(frame.wire)
        if target.learning:
            target.fdb.learn(frame.wire[6:12], 0x7F000001)
        self._loop_back(target, skb, frame, len(frame.wire))

    def _loop_back(self, target: Vxlan, skb: Skb, frame: Frame, length: int) -> None:
        """Into a device of this host, without a packet outside (vxlan_encap_bypass)."""
        target.rx_packets += 1
        target.rx_bytes += length
        inner = Skb(skb.id, skb.protocol, skb.l3, skb.eth, frame)
        inner.dev = target
        inner.mark = skb.mark
        self.netns.sim.post(DELAY_NS, target.receive_skb, inner)

    # -- in -----------------------------------------------------------------------------------------------------------------------

    def decapsulate(self, skb: Skb, inner: bytes) -> None:
        """A frame for this VNI arrived in the packet `skb` (vxlan_rcv from its second half on)."""
        net, ns = self.underlay, self.netns
        tp = net.tp
        source = inner[6:12]
        if source == self.mac:
            net.drop(skb, "LOCAL_MAC", f"our own frame came back: its source is {self.name}'s MAC")
            return
        if self.learning and not self._learn(skb, source):
            return
        ecn = skb.tos & ECN
        if inner[12:14] == b"\x08\x00" and len(inner) >= 34:
            own = inner[15] & ECN
            if not own and ecn == CE:
                net.drop(skb, "IP_TUNNEL_ECN", "congestion was marked outside, and inside no ECN is spoken")
                return
            if (own and ecn == CE != own) or (own == ECT_0 and ecn == ECT_1):
                inner = _with_ecn(inner, ecn)
        if tp.step:
            tp.on_step(net, skb.id, "vxlan", f"VXLAN: out of UDP from {ip_text(skb.saddr)}, VNI {self.vni}, to {self.name}")
        self.rx_packets += 1
        self.rx_bytes += len(inner) - 14
        up = Skb(skb.id, inner[12] << 8 | inner[13], inner[14:], inner[:14], Frame.make(inner, skb.id))
        up.dev = self
        up.mark = skb.mark if net is ns else 0
        dst = inner[:6]
        if dst == self.mac:
            up.pkt_type = PACKET_HOST
        elif dst[0] & 1:
            up.pkt_type = PACKET_BROADCAST if dst == BROADCAST_MAC else PACKET_MULTICAST
        else:
            up.pkt_type = PACKET_OTHERHOST
        net.sim.post(DELAY_NS, self.receive_skb, up)

    def _learn(self, skb: Skb, source: bytes) -> bool:
        """vxlan_snoop. False: the frame was dropped."""
        net = self.underlay
        if source[0] & 1 or source == ZERO_MAC:
            net.drop(skb, "MAC_INVALID_SOURCE", f"{mac_text(source)} cannot be a source")
            return False
        news = self.fdb.learn(source, skb.saddr)
        if news is None:
            net.drop(skb, "VXLAN_ENTRY_EXISTS", f"{mac_text(source)} came from {ip_text(skb.saddr)}, but {self.name} has a fixed entry for it elsewhere")
            return False
        if news and net.tp.step:
            net.tp.on_step(self.netns, skb.id, "learn", f"FDB {news}: {mac_text(source)} behind {ip_text(skb.saddr)}")
        return True

    def receive_skb(self, skb: Skb) -> None:
        """The unwrapped frame arrives at the device; called by the event loop only (gro_cells_receive)."""
        ns = self.netns
        ns.sim.cause = skb.id
        frame = skb.frame or skb.to_frame()
        if not self.up:
            self.rx_dropped += 1
            self._refuse(frame)
            return
        if ns.tp.frame:
            ns.tp.on_frame(self, "rx", frame)
        self._hand_up(skb, self.port)


class VxlanSocket(UdpSocket):
    """The kernel's UDP socket of all VXLAN devices of one port (struct vxlan_sock)."""

    kind = "VXLAN socket"
    __slots__ = ("devices",)

    def __init__(self, ns: Namespace) -> None:
        super().__init__(ns)
        self.devices: list[Vxlan] = []

    def enqueue(self, skb: Skb, data: bytes) -> None:
        """encap_rcv: never to a program (vxlan_rcv)."""
        ns = self.ns
        ns.trail = None
        if len(data) < 8 + 14:
            ns.drop(skb, "PKT_TOO_SMALL", "no room for a VXLAN header and a frame")
            return
        flags, field = _VXLAN.unpack_from(data)
        if not flags & FLAG_VNI:
            ns.drop(skb, "VXLAN_INVALID_HDR", "a VXLAN header without a VNI")
            return
        vni = field >> 8
        for device in self.devices:
            if device.vni == vni:
                break
        else:
            ns.drop(skb, "VXLAN_VNI_NOT_FOUND", f"no VXLAN device with VNI {vni} on UDP port {self.sport}")
            return
        if flags != FLAG_VNI or field & 0xFF:
            ns.drop(skb, "VXLAN_INVALID_HDR", "reserved bits of the VXLAN header are set")
            return
        device.decapsulate(skb, data[8:])

    def kill(self) -> None:
        """The namespace goes, and with it the devices whose packets it sent (vxlan_exit_net)."""
        for device in list(self.devices):
            if device.netns is not self.ns:
                device.unregister()
        super().kill()


def _send_in(what: tuple[Namespace, Skb]) -> None:
    net, outer = what
    net.sim.cause = outer.id
    if net.gone:
        net.drop(outer, "EMU_NETNS_GONE", f"{net.name} is gone")
    else:
        ip_output.ip_local_out(net, outer)


def _bind(device: Vxlan) -> VxlanSocket:
    """The socket of the device's port, a new one for the first (vxlan_sock_add)."""
    ns, port = device.underlay, device.udp_port
    for sock in table.get(ns).udp.get(port, ()):
        if isinstance(sock, VxlanSocket):
            sock.devices.insert(0, device)
            return sock
    sock = VxlanSocket(ns)
    try:
        sock.bind(0, port)
    except OSError:
        raise NetError(EADDRINUSE, f"Address already in use: UDP port {port} of {device.name} in {ns.name}") from None
    sock.devices.append(device)
    return sock


def _find(ns: Namespace, port: int, vni: int) -> Vxlan | None:
    """vxlan_find_vni."""
    sockets: list[Any] = ns.sockets.udp.get(port, []) if ns.sockets is not None else []
    return next((device for sock in sockets if isinstance(sock, VxlanSocket) for device in sock.devices if device.vni == vni), None)


def _with_ecn(frame: bytes, ecn: int) -> bytes:
    """The frame with other ECN bits in its IPv4 header, the checksum patched (IP_ECN_set_ce, IP_ECN_set_ect1)."""
    tos = frame[15] & ~ECN | ecn
    check = (frame[24] << 8 | frame[25]) + frame[15] - tos
    return b"%b%c%b%b%b" % (frame[:15], tos, frame[16:24], (check % 0xFFFF).to_bytes(2, "big"), frame[26:])


def _on_device(device: NetDevice, event: str) -> None:
    """A tunnel goes with the device it was put on (vxlan_handle_lowerdev_unregister)."""
    if event == notifier.UNREGISTER:
        for other in [other for other in device.netns.devices.values() if isinstance(other, Vxlan) and other.lower is device]:
            other.unregister()


notifier.register(notifier.BRIDGE, _on_device)
