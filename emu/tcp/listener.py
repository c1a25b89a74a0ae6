"""The passive side of handshakes: request socks, SYN-ACKs and their timer, the accept queue (tcp_conn_request, tcp_check_req)."""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable

from emu.tcp import window
from emu.tcp.connection import Connection
from emu.tcp.passive import open_child
from emu.tcp.segment import ACK, FIN, RST, SYN, Segment, reset_for
from emu.tcp.seq import MASK, after, before
from emu.tcp.settings import Settings

MS = 1_000_000
SECOND = 1_000_000_000


class Request:
    """A half-open connection (the kernel's request_sock): what the SYN said and what we answered."""

    __slots__ = (
        "acked", "advmss", "dport", "due", "isn", "key", "last_oow_ns", "mss", "mss_limit", "peer", "peer_isn", "rcv_wnd", "rcv_wscale", "sack_ok", "sent_ns",
        "snd_wscale", "sport", "timeouts", "retransmits", "ts_offset", "ts_recent", "tstamp_ok", "window_clamp", "wscale_ok",
    )

    def __init__(self, segment: Segment, peer: Hashable, now: int, isn: int, ts_offset: int, mss_limit: int, settings: Settings, advmss: int = 0) -> None:
        self.peer = peer
        self.sport = segment.dport
        self.dport = segment.sport
        self.key = (peer, segment.sport, segment.dport)
        self.peer_isn = segment.seq
        self.isn = isn & MASK
        self.ts_offset = ts_offset
        self.mss_limit = mss_limit
        self.advmss = advmss = advmss or mss_limit
        self.mss = segment.mss or 536
        self.tstamp_ok = bool(settings.tcp_timestamps) and segment.ts_val is not None
        self.ts_recent = segment.ts_val or 0 if self.tstamp_ok else 0
        self.sack_ok = bool(settings.tcp_sack) and segment.sack_permitted
        self.wscale_ok = bool(settings.tcp_window_scaling) and segment.wscale is not None
        self.snd_wscale = segment.wscale or 0 if self.wscale_ok else 0
        self.rcv_wnd, self.window_clamp, self.rcv_wscale = window.initial(settings, advmss - (12 if self.tstamp_ok else 0), self.wscale_ok)
        self.timeouts = 0
        self.retransmits = 0
        self.sent_ns = now
        self.due = now + SECOND
        self.acked = False
        self.last_oow_ns: int | None = None

    def syn_ack(self, now: int) -> Segment:
        """The answer to the SYN (tcp_make_synack)."""
        stamp = (now // MS + self.ts_offset) & MASK if self.tstamp_ok else None
        return Segment(
            self.sport, self.dport, self.isn, (self.peer_isn + 1) & MASK, SYN | ACK, min(self.rcv_wnd, 65535), b"", stamp, self.ts_recent, (),
            self.advmss, self.rcv_wscale if self.wscale_ok else None, self.sack_ok,
        )


class Listener:
    """A listening socket for many peers. `peer` is whatever the caller knows the two addresses by; it comes back with every segment.

    `isn(peer, sport, dport)` and `ts_offset(peer, sport, dport)` are asked once for each new request, ports as the segment has them.
    `receive` returns a Connection the moment a handshake ends, so that the caller can hand it the following segments; `accept` gives the same
    Connection to the program later. After every call ask `segments_to_send`; `next_timeout`/`handle_timer` as for a Connection.
    """

    __slots__ = ("_accept", "_out", "_requests", "backlog", "isn", "settings", "ts_offset")

    def __init__(
        self, backlog: int, settings: Settings, isn: Callable[[Hashable, int, int], int], ts_offset: Callable[[Hashable, int, int], int],
    ) -> None:
        self.backlog = backlog
        self.settings = settings
        self.isn = isn
        self.ts_offset = ts_offset
        self._requests: dict[tuple[Hashable, int, int], Request] = {}
        self._accept: deque[tuple[Hashable, Connection]] = deque()
        self._out: list[tuple[Hashable, Segment]] = []

    def accept(self) -> tuple[Hashable, Connection] | None:
        """The connection that waited longest, or None."""
        return self._accept.popleft() if self._accept else None

    def pending(self) -> int:
        """How many connections wait for accept()."""
        return len(self._accept)

    def half_open(self) -> list[tuple[Hashable, int, int]]:
        """(peer, its port, our port) of each handshake that waits for its last ACK."""
        return list(self._requests)

    def full(self) -> bool:
        """More than `backlog` wait (sk_acceptq_is_full)."""
        return len(self._accept) > self.backlog

    def receive(self, segment: Segment, now: int, peer: Hashable, mss_limit: int, isn: int | None = None, advmss: int = 0) -> Connection | None:
        """A segment for this port that belongs to no connection. `mss_limit`: MTU of the route back less 40; `isn`: from time_wait_isn();
        `advmss`: what to announce, 0 = `mss_limit`.
        """
        request = self._requests.get((peer, segment.sport, segment.dport))
        if request is not None:
            return self._check_request(request, segment, now)
        self._listen(segment, now, peer, mss_limit, isn, advmss)
        return None

    def close(self) -> list[tuple[Hashable, Connection]]:
        """Stop: half-open requests are forgotten, the connections nobody accepted are returned so that the caller abort()s them."""
        self._requests.clear()
        orphans = list(self._accept)
        self._accept.clear()
        return orphans

    def segments_to_send(self, now: int) -> list[tuple[Hashable, Segment]]:
        """(peer, segment) pairs in order."""
        out = self._out
        if out:
            self._out = []
        return out

    def next_timeout(self) -> int | None:
        """When a SYN-ACK is to be sent again or a request forgotten (absolute ns), or None."""
        return min((request.due for request in self._requests.values()), default=None)

    def handle_timer(self, now: int) -> None:
        """Send due SYN-ACKs again after 1, 2, 4, 8, 16 s; forget a request 32 s later (reqsk_timer_handler)."""
        for request in [request for request in self._requests.values() if request.due <= now]:
            if request.timeouts >= self.settings.tcp_synack_retries:
                del self._requests[request.key]
                continue
            request.timeouts += 1
            request.retransmits += 1
            request.due = now + min(SECOND << request.timeouts, self.settings.tcp_rto_max_ns)
            self._out.append((request.peer, request.syn_ack(now)))

    def _listen(self, segment: Segment, now: int, peer: Hashable, mss_limit: int, isn: int | None, advmss: int) -> None:
        flags = segment.flags
        if flags & RST:
            return
        if flags & ACK:
            self._reset(peer, segment)
            return
        if not flags & SYN or flags & FIN or self.full():
            return
        ports = (peer, segment.dport, segment.sport)
        request = Request(segment, peer, now, self.isn(*ports) if isn is None else isn, self.ts_offset(*ports), mss_limit, self.settings, advmss)
        self._requests[request.key] = request
        self._out.append((peer, request.syn_ack(now)))

    def _check_request(self, request: Request, segment: Segment, now: int) -> Connection | None:
        """A segment for a half-open connection (tcp_check_req)."""
        flags = segment.flags
        seq = segment.seq
        stamped = request.tstamp_ok and segment.ts_val is not None
        old = stamped and before(segment.ts_val or 0, request.ts_recent)
        if seq == request.peer_isn and flags & (RST | SYN | ACK | FIN) == SYN and not old:
            if not self._limited(request, now):  # the client asks again
                request.retransmits += 1
                self._out.append((request.peer, request.syn_ack(now)))
                request.due = now + min(SECOND << request.timeouts, self.settings.tcp_rto_max_ns)
            return None
        if flags & ACK and segment.ack != (request.isn + 1) & MASK:
            if not flags & RST:
                self._reset(request.peer, segment)
            return None
        nxt = (request.peer_isn + 1) & MASK
        end = (seq + segment.seq_len) & MASK
        if old or not _in_window(seq, end, nxt, (nxt + request.rcv_wnd) & MASK):
            if not flags & RST and not self._limited(request, now):
                stamp = (now // MS + request.ts_offset) & MASK if request.tstamp_ok else None
                self._out.append((request.peer, Segment(
                    request.sport, request.dport, (request.isn + 1) & MASK, nxt, ACK, request.rcv_wnd >> request.rcv_wscale, b"", stamp, request.ts_recent)))
            return None
        if stamped and not after(seq, nxt):
            request.ts_recent = segment.ts_val or 0
        if seq == request.peer_isn:
            flags &= ~SYN
        if flags & (RST | SYN):
            del self._requests[request.key]
            if not flags & RST:
                self._reset(request.peer, segment)
            return None
        if not flags & ACK:
            return None
        if self.full():
            request.acked = True
            if self.settings.tcp_abort_on_overflow:
                del self._requests[request.key]
                self._reset(request.peer, segment)
            return None
        del self._requests[request.key]
        child = Connection(request.sport, request.dport, request.isn, request.ts_offset, request.mss_limit, self.settings)
        child.advmss = request.advmss
        open_child(child, request, segment, now)
        self._accept.append((request.peer, child))
        return child

    def _limited(self, request: Request, now: int) -> bool:
        last = request.last_oow_ns
        if last is not None and now - last < self.settings.tcp_invalid_ratelimit_ns:
            return True
        request.last_oow_ns = now
        return False

    def _reset(self, peer: Hashable, segment: Segment) -> None:
        answer = reset_for(segment)
        if answer is not None:
            self._out.append((peer, answer))


def _in_window(seq: int, end: int, left: int, right: int) -> bool:
    if seq == left:
        return True
    if after(end, left) and before(seq, right):
        return True
    return seq == right and seq == end
