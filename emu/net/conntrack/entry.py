"""One tracked connection (struct nf_conn)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.net.conntrack import tuples

if TYPE_CHECKING:
    from emu.net.conntrack.tcp_track import TcpTrack
    from emu.net.conntrack.tuples import Tuple

ORIGINAL, REPLY = 0, 1  # enum ip_conntrack_dir

# enum ip_conntrack_status (include/uapi/linux/netfilter/nf_conntrack_common.h)
EXPECTED = 1 << 0
SEEN_REPLY = 1 << 1
ASSURED = 1 << 2
CONFIRMED = 1 << 3
SRC_NAT = 1 << 4
DST_NAT = 1 << 5
NAT_MASK = SRC_NAT | DST_NAT
SRC_NAT_DONE = 1 << 7
DST_NAT_DONE = 1 << 8
NAT_DONE_MASK = SRC_NAT_DONE | DST_NAT_DONE
DYING = 1 << 9
FIXED_TIMEOUT = 1 << 10
NAT_CLASH = 1 << 12

STATUS_NAMES = {
    EXPECTED: "EXPECTED", SEEN_REPLY: "SEEN_REPLY", ASSURED: "ASSURED", CONFIRMED: "CONFIRMED", SRC_NAT: "SRC_NAT", DST_NAT: "DST_NAT",
    SRC_NAT_DONE: "SRC_NAT_DONE", DST_NAT_DONE: "DST_NAT_DONE", DYING: "DYING", FIXED_TIMEOUT: "FIXED_TIMEOUT", NAT_CLASH: "NAT_CLASH",
}  # fmt: skip


class Entry:
    """`orig`, `reply`: the tuples that packets of either direction have when they come in. `status`: the bits above. `mark`: the connection's
    mark. `timeout`: when it expires, absolute in ns; before it is confirmed, how long it will live. `packets`, `bytes`: per direction,
    counted only while nf_conntrack_acct was on at its birth (`acct`).
    """

    __slots__ = (
        "acct", "bytes", "hits", "mark", "masq_index", "nat", "orig", "packets", "reply", "status", "stream_at", "tcp", "timeout",
    )  # fmt: skip

    def __init__(self, orig: Tuple, reply: Tuple, acct: bool) -> None:
        self.orig = orig
        self.reply = reply
        self.hits: tuple[tuple[Entry, int], tuple[Entry, int]] = ((self, ORIGINAL), (self, REPLY))  # what the table holds under either tuple
        self.status = 0
        self.mark = 0
        self.timeout = 0
        self.acct = acct
        self.packets: list[int] | None = [0, 0] if acct else None
        self.bytes: list[int] | None = [0, 0] if acct else None
        self.masq_index = 0  # ifindex that MASQUERADE took the address of
        self.nat: list[Any] | None = None  # rewrites per direction and side, see nat_packet.py
        self.stream_at = 0  # UDP: from when on traffic both ways makes it a stream
        self.tcp: TcpTrack | None = None

    @property
    def proto(self) -> int:
        """The IP protocol."""
        return self.orig[0]

    @property
    def flags(self) -> list[str]:
        """The names of the status bits that are set, in their order."""
        return [name for bit, name in STATUS_NAMES.items() if self.status & bit]

    def __repr__(self) -> str:
        return f"<conntrack {tuples.text(self.orig)} [{' '.join(self.flags)}]>"

    def account(self, ctinfo: int, length: int) -> None:
        """Count a packet of `length` bytes of layer 3 (nf_ct_acct_update)."""
        if self.packets is not None and self.bytes is not None:
            direction = REPLY if ctinfo >= 3 else ORIGINAL
            self.packets[direction] += 1
            self.bytes[direction] += length
