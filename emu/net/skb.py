"""A frame inside one namespace, with what the kernel keeps beside it (struct sk_buff)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.wire.frame import Frame

if TYPE_CHECKING:
    from emu.net.device import NetDevice

PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST, PACKET_OTHERHOST, PACKET_OUTGOING, PACKET_LOOPBACK = 0, 1, 2, 3, 4, 5

# ctinfo (enum ip_conntrack_info). REPLY is added for the reply direction.
CT_ESTABLISHED, CT_RELATED, CT_NEW, CT_IS_REPLY = 0, 1, 2, 3
CT_UNTRACKED, CT_INVALID = 7, 8


class Skb:
    """`frame`: the frame as received, None once anything of it changed or before it has an Ethernet header. `eth`: 14 bytes or empty.
    `l3`: the bytes after the Ethernet header, trimmed to the IP total length once parsed; bytes are never changed in place.

    IPv4 fields (`saddr` int ... `l4` offset of the transport header in `l3`) are valid after `ip_header.parse`, and whoever rewrites `l3`
    keeps them true. `sport`/`dport` are TCP/UDP ports, for ICMP `sport` is the identifier and `dport` type << 8 | code; 0 for later fragments.
    `ignore_df`: the sender lets IP fragment it although DF is set. `frag_max`: largest fragment it was put together from, 0 if it was
    whole; `frag_sizes`: bytes of data in each of them where they are to leave again as they came.
    """

    __slots__ = (
        "ct", "ctinfo", "daddr", "dev", "dport", "dst", "eth", "frag", "frag_max", "frag_sizes", "frame", "id", "ignore_df", "ihl", "iif", "ip_id", "l3", "l4",
        "mark", "nf_bridge", "nf_done", "options", "pkt_type", "proto", "protocol", "saddr", "sk", "sport", "tos", "ttl",
    )  # fmt: skip

    def __init__(self, frame_id: int, protocol: int, l3: bytes, eth: bytes = b"", frame: Frame | None = None) -> None:
        self.id = frame_id
        self.protocol = protocol  # ethertype
        self.l3 = l3
        self.eth = eth
        self.frame = frame
        self.dev: NetDevice | None = None  # the device it is at now (input device on the way in, output device on the way out)
        self.iif: NetDevice | None = None  # the device it entered this namespace's IP layer by; None for local output
        self.pkt_type = PACKET_HOST
        self.mark = 0
        self.ct: Any = None
        self.ctinfo = -1
        self.dst: Any = None  # the route chosen for it
        self.sk: Any = None  # the socket that sent it
        self.nf_bridge: Any = None  # (physindev, physoutdev, ...) while br_netfilter holds it
        self.nf_done = False  # br_netfilter has run PREROUTING already
        self.frag = 0  # flags and offset, as on the wire
        self.frag_max = 0
        self.frag_sizes: tuple[int, ...] | None = None
        self.options: Any = None  # what ip_options found in the header
        self.ignore_df = False
        self.ihl = 20
        self.l4 = 20
        self.tos = self.ttl = self.proto = self.ip_id = 0
        self.saddr = self.daddr = self.sport = self.dport = 0

    def clone(self) -> Skb:
        """Another reference to the same packet (skb_clone); the caller tells the ledger that there is one copy more."""
        other = Skb(self.id, self.protocol, self.l3, self.eth, self.frame)
        other.dev, other.iif, other.pkt_type, other.mark = self.dev, self.iif, self.pkt_type, self.mark
        other.ct, other.ctinfo, other.dst, other.sk = self.ct, self.ctinfo, self.dst, self.sk
        other.nf_bridge, other.nf_done = self.nf_bridge, self.nf_done
        other.frag, other.frag_max, other.ignore_df, other.ihl, other.l4 = self.frag, self.frag_max, self.ignore_df, self.ihl, self.l4
        other.frag_sizes, other.options = self.frag_sizes, self.options
        other.tos, other.ttl, other.proto, other.ip_id = self.tos, self.ttl, self.proto, self.ip_id
        other.saddr, other.daddr, other.sport, other.dport = self.saddr, self.daddr, self.sport, self.dport
        return other

    def to_frame(self) -> Frame:
        """The frame to transmit: the received one if nothing changed, else a new one of the same lineage."""
        frame = self.frame
        if frame is None:
            frame = self.frame = Frame.make(self.eth + self.l3, self.id)
        return frame

    def set_eth(self, eth: bytes) -> None:
        """Put another Ethernet header (14 bytes) on."""
        if eth != self.eth:
            self.eth = eth
            self.frame = None

    def set_l3(self, l3: bytes) -> None:
        """Replace the packet; the parsed fields are the caller's to keep true."""
        self.l3 = l3
        self.frame = None
