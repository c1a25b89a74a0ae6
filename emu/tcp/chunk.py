"""A piece of the outgoing stream, as the write queue and the retransmission queue hold it (the kernel's sk_buff and its tcp_skb_cb)."""
from __future__ import annotations

SACKED = 1        # the peer has it, out of order
LOST = 2          # believed lost, to be sent again
RETRANS = 4       # sent again, and that copy may be on its way
EVER_RETRANS = 8  # its round trip says nothing (Karn)


class Chunk:
    """`seq` to `end` of the stream (end counts SYN and FIN). In the retransmission queue a chunk is one segment; unsent it may be many.

    `sent_ns` is when it was last sent; `cost` what it takes of the send buffer beside its bytes.
    """

    __slots__ = ("cost", "data", "end", "flags", "sacked", "sent_ns", "seq")

    def __init__(self, seq: int, end: int, data: bytes, flags: int) -> None:
        self.seq = seq
        self.end = end
        self.data = data
        self.flags = flags
        self.sacked = 0
        self.sent_ns = 0
        self.cost = 0
