"""One TCP connection without I/O: segments and the time go in, segments, events and the next timeout come out."""
from __future__ import annotations

import errno

from emu.tcp import input as tcp_input
from emu.tcp import output, receive, recovery, retransmit, timers, window, xmit
from emu.tcp.events import CLOSED, Event, Reset
from emu.tcp.segment import Segment
from emu.tcp.seq import MASK
from emu.tcp.sock import CA_LOSS, TcpSock
from emu.tcp.states import Cause, State
from emu.tcp.timewait import process_time_wait, reuse_isn

_NEED_RESET = (State.ESTABLISHED, State.CLOSE_WAIT, State.FIN_WAIT1, State.FIN_WAIT2, State.SYN_RECV)  # tcp_need_reset


class Connection(TcpSock):
    """`Connection(sport, dport, isn, ts_offset, mss_limit, settings)`; ports are local and remote, `mss_limit` is the route's MTU less 40.

    After every call that may have changed something ask `segments_to_send(now)`, `next_event()` until None, and `next_timeout()`.
    Times are integer nanoseconds and never go back. `state` is a State; `errno` is 0 or why it ended.
    """

    __slots__ = ()

    def connect(self, now: int) -> None:
        """Send a SYN; Connected, Reset or TimedOut will tell. Retried as tcp_syn_retries and tcp_syn_linear_timeouts say."""
        tcp_input.start(self, now)

    def receive(self, segment: Segment, now: int) -> None:
        """A segment of this connection arrived, with a good checksum. Any content is fine; what Linux drops is dropped."""
        state = self.state
        if state is State.SYN_SENT:
            tcp_input.process_syn_sent(self, segment, now)
        elif state is State.TIME_WAIT or (state is State.FIN_WAIT2 and self.life_at is not None):
            process_time_wait(self, segment, now)
        elif state is not State.CLOSE:
            tcp_input.process(self, segment, now)

    def write(self, data: bytes) -> int:
        """Queue bytes for the peer; returns how many were taken (0: the send buffer is full, Writable will tell).

        Raises BrokenPipeError (EPIPE) when the sending side is shut or the connection is gone.
        """
        if self.send_shutdown or self.state in (State.CLOSE, State.TIME_WAIT):
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        if not data:
            return 0
        taken = xmit.queue_data(self, data)
        if taken < len(data):
            self.want_write = True
        if taken and not self.push_pending:
            self.push_pending = True
            self.cleanup_first = self.cleanup_copied > 0
        return taken

    def read(self, n: int = -1) -> bytes:
        """Up to n bytes (all that wait, if negative); b"" when nothing waits. After Eof b"" is the end of the stream."""
        queue = self.recv_queue
        if not queue or n == 0:
            return b""
        pieces = []
        left = self.recv_len if n < 0 else min(n, self.recv_len)
        total = left
        while left:
            payload, truesize = queue[0]
            offset = self.recv_offset
            size = len(payload) - offset
            if size <= left:
                pieces.append(payload[offset:] if offset else payload)
                queue.popleft()
                self.recv_offset = 0
                self.rmem -= truesize
                left -= size
            else:
                pieces.append(payload[offset:offset + left])
                self.recv_offset = offset + left
                left = 0
        self.recv_len -= total
        self.copied_seq = (self.copied_seq + total) & MASK
        if not self.push_pending:
            self.cleanup_first = True
        self.cleanup_copied += total
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def readable(self) -> int:
        """Bytes that read() would give now."""
        return self.recv_len

    def shutdown_write(self) -> None:
        """FIN after what is queued; reading goes on (shutdown(SHUT_WR))."""
        if self.send_shutdown:
            return
        state = self.state
        if state is State.SYN_SENT:
            tcp_input.done(self, Cause.DROP)
            return
        if state not in (State.ESTABLISHED, State.SYN_RECV, State.CLOSE_WAIT):
            return
        self.send_shutdown = True
        self._queue_fin()

    def close(self) -> None:
        """The program is done with it: FIN after what is queued, or RST if bytes were left unread (tcp_close). Closed comes when all is over."""
        if self.orphan:
            return
        self.orphan = True
        state = self.state
        if state is State.SYN_SENT:
            tcp_input.done(self, Cause.DROP)
            return
        if state is State.CLOSE:
            if not self.rcv_shutdown:  # never opened
                self.events.append(CLOSED)
            return
        self.rcv_shutdown = True
        if self.recv_len:
            self.abort_pending = True
        elif not self.send_shutdown:
            self.send_shutdown = True
            self._queue_fin()
        elif state is State.FIN_WAIT2:
            self.orphan_pending = True

    def abort(self) -> None:
        """RST at once, whatever waits is thrown away (close() with SO_LINGER 0, tcp_disconnect)."""
        self.orphan = True
        self.abort_pending = True

    def segments_to_send(self, now: int) -> list[Segment]:
        """Everything to be sent now, in order; the caller owns the list. Call it after every other verb."""
        if self.push_pending or self.cleanup_copied or self.abort_pending or self.orphan_pending:
            self._user_calls(now)
        out = self.out
        if out:
            self.out = []
        return out

    def next_timeout(self) -> int | None:
        """When handle_timer wants to be called (absolute ns), or None."""
        return timers.next_timeout(self)

    def handle_timer(self, now: int) -> None:
        """Do what is due at `now`; early calls do no harm."""
        timers.handle(self, now)

    def next_event(self) -> Event | None:
        """The oldest event not yet told, or None."""
        events = self.events
        return events.popleft() if events else None

    def icmp_error(self, number: int, hard: bool, now: int, seq: int | None = None) -> None:
        """An ICMP error about one of our segments, `seq` the sequence number it quotes. In SYN_SENT a hard one ends connect() with errno `number`
        (Linux takes every destination unreachable but "fragmentation needed", and time exceeded, as hard there); else it is kept for a timeout.
        Quotes of what is not in flight are ignored (tcp_v4_err).
        """
        if self.state in (State.CLOSE, State.TIME_WAIT) or (seq is not None and (seq - self.snd_una) & MASK > (self.snd_nxt - self.snd_una) & MASK):
            return
        if hard and self.state in (State.SYN_SENT, State.SYN_RECV):
            self.errno = number
            self.events.append(Reset(number))
            tcp_input.done(self, Cause.RST)
        else:
            self.soft_errno = number

    def pmtu(self, mtu: int, now: int) -> None:
        """The path's MTU is smaller than thought: cut segments and send the too big ones again (tcp_v4_mtu_reduced, tcp_simple_retransmit)."""
        if mtu >= self.path_mtu or self.state in (State.CLOSE, State.LISTEN, State.TIME_WAIT):
            return
        self.path_mtu = max(mtu, 552)
        output.sync_mss(self)
        mss = output.current_mss(self)
        for chunk in self.rtx_queue:
            if len(chunk.data) > mss:
                recovery.mark_lost(self, chunk)
        if not self.lost_out:
            return
        retransmit.recut(self, mss)
        if self.ca_state != CA_LOSS:
            self.high_seq = self.snd_nxt
            self.ssthresh = self.cwnd
            self.prior_ssthresh = 0
            self.undo_marker = -1
            self.ca_state = CA_LOSS
        recovery.xmit_retransmit_queue(self, now)

    def route_mtu(self, mtu: int) -> None:
        """The route has another MTU than the connection thought: segments of that size from now on (tcp_current_mss)."""
        if self.state in (State.CLOSE, State.LISTEN, State.TIME_WAIT):
            return
        self.path_mtu = mtu
        output.sync_mss(self)
        retransmit.recut(self, output.current_mss(self))

    def time_wait_isn(self, segment: Segment) -> int | None:
        """In TIME_WAIT: the ISN for a new connection this SYN may open, or None. Then forget this one and give the SYN to the listener."""
        return reuse_isn(self, segment)

    def _queue_fin(self) -> None:
        self.move(Cause.SND_FIN)
        xmit.queue_fin(self)
        self.fin_sent = True
        self.push_pending = True

    def _user_calls(self, now: int) -> None:
        """What the program asked for since the last segments_to_send, in its order: acknowledge what it read, push, reset."""
        if self.state in (State.CLOSE, State.TIME_WAIT):
            self.push_pending = self.abort_pending = self.orphan_pending = False
            self.cleanup_copied = 0
            return
        copied = self.cleanup_copied
        self.cleanup_copied = 0
        if copied:
            window.adjust_space(self, now)
            if self.cleanup_first:
                receive.cleanup_rbuf(self, copied, now)
        if self.abort_pending:
            self.abort_pending = False
            if self.state in _NEED_RESET or (self.state in (State.CLOSING, State.LAST_ACK) and self.snd_nxt != self.write_seq):
                output.send_active_reset(self, now)
            tcp_input.done(self, Cause.RST)
            return
        if self.push_pending:
            self.push_pending = False
            if self.state is not State.SYN_SENT:
                xmit.push_pending(self, now)
        if copied and not self.cleanup_first:
            receive.cleanup_rbuf(self, copied, now)
        if self.orphan_pending:
            self.orphan_pending = False
            tcp_input.begin_fin_wait2(self, now)
