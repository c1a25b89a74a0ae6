"""Making segments: data, ACK, SYN, FIN, RST, probes (tcp_output.c)."""
from __future__ import annotations

from emu.tcp import window
from emu.tcp.chunk import EVER_RETRANS, LOST, RETRANS, SACKED, Chunk
from emu.tcp.segment import ACK, FIN, PSH, RST, SYN, Segment
from emu.tcp.seq import HALF, MASK, after, before
from emu.tcp.sock import CA_CWR, CA_OPEN, CA_RECOVERY, MSS_DEFAULT, NO_TIMER, TIME_LOSS_PROBE, TIME_PROBE0, TIME_REO_TIMEOUT, TIME_RETRANS, TcpSock
from emu.tcp.states import State

MS = 1_000_000
GSO_MAX = 65536 - 320 - 1  # sk_gso_max_size less MAX_TCP_HEADER
CHUNK_OVERHEAD = 1280      # what a queued sk_buff costs of the send buffer beside its bytes


# -- one segment ---------------------------------------------------------------------------------------------------------------------------------------

def acked(tp: TcpSock) -> None:
    """A segment carried our ACK: nothing more to acknowledge (tcp_event_ack_sent)."""
    if tp.quick:
        tp.quick -= 1
    tp.ack_sched = tp.ack_now = tp.ack_pushed = tp.ack_pushed2 = False
    tp.delack_armed = False
    tp.compressed_ack = 0
    tp.comp_at = None


def sack_blocks(tp: TcpSock) -> tuple[tuple[int, int], ...]:
    """The blocks of the next segment: D-SACK first, then the newest; three fit beside timestamps, four without."""
    blocks = tp.selective_acks
    if tp.duplicate_sack is not None:
        blocks = [tp.duplicate_sack, *blocks]
        tp.duplicate_sack = None
    return tuple(blocks[: 3 if tp.tstamp_ok else 4])


def emit(tp: TcpSock, now: int, seq: int, flags: int, payload: bytes = b"") -> None:
    """Send one segment of an established connection, with window, timestamp and SACK blocks (__tcp_transmit_skb)."""
    sack = sack_blocks(tp) if tp.selective_acks or tp.duplicate_sack is not None else ()
    win = window.select(tp)
    if tp.tstamp_ok:
        segment = Segment(tp.sport, tp.dport, seq, tp.rcv_nxt, flags, win, payload, (now // MS + tp.ts_offset) & MASK, tp.ts_recent, sack)
    else:
        segment = Segment(tp.sport, tp.dport, seq, tp.rcv_nxt, flags, win, payload, None, 0, sack)
    tp.out.append(segment)
    if flags & ACK:
        acked(tp)


def send_ack(tp: TcpSock, now: int) -> None:
    """A pure ACK, now (tcp_send_ack)."""
    if tp.state is not State.CLOSE:
        emit(tp, now, acceptable_seq(tp), ACK)


def acceptable_seq(tp: TcpSock) -> int:
    """A sequence number the peer takes even when it shrank its window (tcp_acceptable_seq)."""
    end = (tp.snd_una + tp.snd_wnd) & MASK
    if not after(tp.snd_nxt, end) or (tp.wscale_ok and (tp.snd_nxt - end) & MASK < 1 << tp.rcv_wscale):
        return tp.snd_nxt
    return end


def send_active_reset(tp: TcpSock, now: int) -> None:
    """RST of an established connection that we end (tcp_send_active_reset)."""
    emit(tp, now, acceptable_seq(tp), RST | ACK)


def syn_segment(tp: TcpSock, now: int, flags: int) -> Segment:
    """Our SYN, or SYN-ACK when opens cross, with every option we offer (or, answering, share)."""
    settings = tp.settings
    answer = flags & ACK
    stamps = tp.tstamp_ok if answer else settings.tcp_timestamps
    sack = tp.sack_ok if answer else settings.tcp_sack
    scale: int | None = tp.rcv_wscale
    if not (tp.wscale_ok if answer else settings.tcp_window_scaling):
        scale = None
    return Segment(
        tp.sport, tp.dport, tp.iss, tp.rcv_nxt if answer else 0, flags, min(tp.rcv_wnd, 65535), b"",
        (now // MS + tp.ts_offset) & MASK if stamps else None, tp.ts_recent if stamps and answer else 0, (), tp.advmss, scale, sack,
    )


# -- sizes ---------------------------------------------------------------------------------------------------------------------------------------------

def bound_to_half_wnd(tp: TcpSock, size: int) -> int:
    """Never more than half of the largest window the peer offered, so that its ACK clock runs (tcp_bound_to_half_wnd)."""
    cutoff = tp.max_window >> 1 if tp.max_window > MSS_DEFAULT else tp.max_window
    if cutoff and size > cutoff:
        return max(cutoff, 68 - (32 if tp.tstamp_ok else 20))
    return size


def sync_mss(tp: TcpSock) -> None:
    """Payload bytes of a full segment, from path MTU, the peer's MSS and our options (tcp_sync_mss)."""
    mss = min(tp.path_mtu - 40, tp.mss_clamp)
    mss = max(mss, 48) - (12 if tp.tstamp_ok else 0)
    tp.mss_cache = bound_to_half_wnd(tp, mss)


def current_mss(tp: TcpSock) -> int:
    """Payload that fits a segment sent now: SACK blocks take room (tcp_current_mss)."""
    blocks = len(tp.selective_acks) + (tp.duplicate_sack is not None)
    if blocks:
        return tp.mss_cache - 4 - 8 * min(blocks, 3 if tp.tstamp_ok else 4)
    return tp.mss_cache


def tso_segments(tp: TcpSock, mss: int) -> int:
    """How many segments one burst may have (tcp_tso_segs): a millisecond's worth, more when the path is short."""
    size = 0
    srtt = tp.rtt.srtt_us
    rate = mss * 80_000 * (200 if tp.cwnd < tp.ssthresh // 2 else 120) * max(tp.cwnd, tp.packets_out)
    size = (rate // srtt if srtt else rate) >> 10
    shift = tp.rtt.min_rtt_us >> 9
    if shift < 32:
        size += GSO_MAX >> shift
    return max(min(size, GSO_MAX) // mss, 2)


def size_goal(tp: TcpSock, mss: int) -> int:
    """Bytes up to which sendmsg fills one sk_buff (tcp_xmit_size_goal)."""
    return max(bound_to_half_wnd(tp, GSO_MAX) // mss * mss, mss)


# -- the write queue -----------------------------------------------------------------------------------------------------------------------------------

def queue_data(tp: TcpSock, data: bytes) -> int:
    """Append to the stream what the send buffer has room for (tcp_sendmsg); returns bytes taken."""
    taken = 0
    size = len(data)
    mss = current_mss(tp)
    goal = size_goal(tp, mss)
    queue = tp.write_queue
    while taken < size:
        tail = queue[-1] if queue else None
        if tail is not None and not tail.flags & (FIN | SYN) and len(tail.data) < goal:
            piece = data[taken:taken + goal - len(tail.data)]
            tail.data += piece
            tail.end = (tail.end + len(piece)) & MASK
        else:
            if tp.wmem >= tp.sndbuf:
                break
            piece = data[taken:taken + goal]
            tail = Chunk(tp.write_seq, (tp.write_seq + len(piece)) & MASK, piece, ACK)
            queue.append(tail)
            tp.wmem += CHUNK_OVERHEAD
        taken += len(piece)
        tp.wmem += len(piece)
        tp.write_seq = tail.end
        if len(tail.data) >= goal and (tp.write_seq - tp.pushed_seq) & MASK > tp.max_window >> 1:  # forced_push
            tail.flags |= PSH
            tp.pushed_seq = tp.write_seq
    if taken:
        queue[-1].flags |= PSH
        tp.pushed_seq = tp.write_seq
    return taken


def queue_fin(tp: TcpSock) -> None:
    """FIN after the last queued byte, in the same segment when it is still here (tcp_send_fin)."""
    tp.write_seq = (tp.write_seq + 1) & MASK
    if tp.write_queue:
        tail = tp.write_queue[-1]
        tail.flags |= FIN
        tail.end = tp.write_seq
    else:
        tp.write_queue.append(Chunk((tp.write_seq - 1) & MASK, tp.write_seq, b"", ACK | FIN))


def nagle_holds(tp: TcpSock, partial: bool) -> bool:
    """A small segment waits while another small one is out (Nagle as Minshall has it: tcp_nagle_check)."""
    return partial and not tp.nodelay and tp.packets_out != 0 and after(tp.snd_sml, tp.snd_una) and not after(tp.snd_sml, tp.snd_nxt)


def write_xmit(tp: TcpSock, now: int, push_one: int = 0) -> bool:
    """Send what windows and Nagle allow. push_one 1: one burst; 2: one segment beyond the congestion window (a loss probe).

    True when data waits, nothing is in flight and nothing was sent: a zero window to be probed (tcp_write_xmit).
    """
    queue = tp.write_queue
    if not queue:
        return False
    if not tp.packets_out and tp.settings.tcp_slow_start_after_idle and now - tp.lsndtime > tp.rtt.rto_ns:
        restart_cwnd(tp, now - tp.lsndtime)
    mss = current_mss(tp)
    max_segments = tso_segments(tp, mss)
    sent = 0
    cwnd_limited = False
    while queue:
        chunk = queue[0]
        in_flight = tp.packets_out - tp.sacked_out - tp.lost_out + tp.retrans_out
        quota = tp.cwnd - in_flight
        if quota <= 0:
            if push_one != 2:
                cwnd_limited = True
                break
            quota = 1
        else:
            quota = min(max(tp.cwnd >> 1, 1), quota)
        quota = min(quota, max_segments)
        size = len(chunk.data)
        if size < quota * mss and len(queue) > 1 and not chunk.flags & FIN:
            merge_next(tp, quota * mss)
            size = len(chunk.data)
        usable = (tp.snd_una + tp.snd_wnd - chunk.seq) & MASK
        if usable & HALF or usable < min(size + (chunk.flags & FIN if size < mss else 0), mss):
            break
        fin = chunk.flags & FIN
        if size <= mss:
            if not fin and len(queue) == 1 and size < mss and nagle_holds(tp, True):
                break
            limit = size
        else:
            if not push_one and tso_should_defer(tp, chunk, usable, now, quota, max_segments, in_flight):
                cwnd_limited = True
                break
            limit = quota * mss
            if not (limit <= usable and len(queue) > 1):
                needed = min(size, usable)
                if limit > needed:
                    partial = needed % mss
                    limit = needed - partial if nagle_holds(tp, partial != 0) else needed
        if push_one == 2:
            limit = min(limit, mss)
        sent += transmit_burst(tp, chunk, limit, mss, now)
        if push_one:
            break
    if sent:
        if tp.ca_state >= CA_RECOVERY or tp.ca_state == 2:
            tp.prr_out += sent
        if push_one != 2:
            schedule_loss_probe(tp, now)
        in_flight = tp.packets_out - tp.sacked_out - tp.lost_out + tp.retrans_out
        cwnd_validate(tp, cwnd_limited or in_flight >= tp.cwnd, now)
        return False
    return not tp.packets_out and bool(queue)


def merge_next(tp: TcpSock, wanted: int) -> None:
    """Fill the head of the queue up to a burst from what follows (tcp_grow_skb)."""
    queue = tp.write_queue
    head = queue[0]
    while len(head.data) < wanted and len(queue) > 1 and not head.flags & FIN:
        following = queue[1]
        piece = following.data[:wanted - len(head.data)]
        if len(piece) == len(following.data):
            head.data += piece
            head.flags |= following.flags
            head.end = following.end
            del queue[1]
            tp.wmem -= CHUNK_OVERHEAD
        else:
            head.data += piece
            head.end = (head.end + len(piece)) & MASK
            following.data = following.data[len(piece):]
            following.seq = head.end


def tso_should_defer(tp: TcpSock, chunk: Chunk, usable: int, now: int, quota: int, max_segments: int, in_flight: int) -> bool:
    """Wait for more ACKs rather than send a small burst, if one will come soon (tcp_tso_should_defer)."""
    if tp.ca_state >= CA_RECOVERY or now - tp.lsndtime > MS or not tp.rtx_queue:
        return False
    mss = tp.mss_cache
    limit = min(usable, (tp.cwnd - in_flight) * mss)
    if limit >= max_segments * mss or (len(tp.write_queue) > 1 and limit >= len(chunk.data)):
        return False
    if limit >= min(tp.snd_wnd, tp.cwnd * mss) // 3:
        return False
    if (now - tp.rtx_queue[0].sent_ns) // 1000 < tp.rtt.srtt_us >> 4:
        return False
    return not chunk.flags & FIN


def transmit_burst(tp: TcpSock, chunk: Chunk, limit: int, mss: int, now: int) -> int:
    """Send the first `limit` bytes of the queue's head as one GSO packet: segments of `mss`, PSH and FIN on the last. Returns their number."""
    data = chunk.data
    size = len(data)
    seq = chunk.seq
    queue = tp.rtx_queue
    if limit >= size:
        tp.write_queue.popleft()
        last = chunk.flags
        tail_end = chunk.end
    else:
        chunk.data = data[limit:]
        chunk.seq = tail_end = (seq + limit) & MASK
        last = chunk.flags & ~(FIN | PSH)
    push = PSH if limit > mss else 0  # a burst ends with PSH, so that the receiver's GRO passes it on at once; sent again it has none
    first = not queue
    count = 0
    at = 0
    while True:
        piece = data[at:at + mss] if at + mss < limit else data[at:limit]
        at += mss
        if at >= limit:
            end = tail_end
            flags = last
        else:
            end = (seq + mss) & MASK
            flags = ACK
        sent = Chunk(seq, end, piece, flags)
        sent.sent_ns = tp.wstamp = now if now > tp.wstamp else tp.wstamp + 1  # what leaves at one instant still has an order
        queue.append(sent)
        emit(tp, now, seq, flags | push if at >= limit else flags, piece)
        count += 1
        seq = end
        if at >= limit:
            break
    if limit < mss:
        tp.snd_sml = seq
    data_sent(tp, now, limit)
    tp.snd_nxt = seq
    tp.packets_out += count
    if first or tp.timer_kind == TIME_LOSS_PROBE:
        rearm_rto(tp, now)
    return count


def data_sent(tp: TcpSock, now: int, size: int) -> None:
    """Bookkeeping of sent data: a reply soon after received data makes the connection interactive (tcp_event_data_sent)."""
    if not size:
        return
    tp.lsndtime = now
    if now - tp.lrcvtime < tp.ato:
        tp.pingpong = min(tp.pingpong + 1, 255)


def cwnd_validate(tp: TcpSock, limited: bool, now: int) -> None:
    """Remember whether the window is really used: only a used one may grow, an unused one shrinks (tcp_cwnd_validate, RFC 2861)."""
    if before(tp.max_packets_seq, tp.snd_una) or tp.packets_out > tp.max_packets_out or limited:
        tp.max_packets_out = tp.packets_out
        tp.max_packets_seq = tp.snd_nxt
        tp.is_cwnd_limited = limited
    if tp.is_cwnd_limited or (tp.cwnd < tp.ssthresh and tp.cwnd < 2 * tp.max_packets_out):
        tp.cwnd_used = 0
        tp.cwnd_stamp = now
        return
    if tp.packets_out > tp.cwnd_used:
        tp.cwnd_used = tp.packets_out
    if tp.settings.tcp_slow_start_after_idle and now - tp.cwnd_stamp >= tp.rtt.rto_ns:
        if tp.ca_state == CA_OPEN and not tp.want_write:
            used = max(tp.cwnd_used, tp.settings.tcp_init_cwnd)
            if used < tp.cwnd:
                tp.ssthresh = current_ssthresh(tp)
                tp.cwnd = (tp.cwnd + used) >> 1
            tp.cwnd_used = 0
        tp.cwnd_stamp = now


def current_ssthresh(tp: TcpSock) -> int:
    """Three quarters of the window that proved good (tcp_current_ssthresh)."""
    if tp.ca_state in (CA_CWR, CA_RECOVERY):
        return tp.ssthresh
    return max(tp.ssthresh, (tp.cwnd >> 1) + (tp.cwnd >> 2))


def restart_cwnd(tp: TcpSock, idle: int) -> None:
    """After idling longer than the timeout begin with the initial window again (tcp_cwnd_restart)."""
    restart = tp.settings.tcp_init_cwnd
    if tp.cwnd <= restart:
        tp.cwnd_stamp = tp.cwnd_used = 0
        return
    tp.ssthresh = current_ssthresh(tp)
    cwnd = tp.cwnd
    left = idle - tp.rtt.rto_ns
    while left > 0 and cwnd > restart:
        cwnd >>= 1
        left -= tp.rtt.rto_ns
    tp.cwnd = max(cwnd, restart)


def push_pending(tp: TcpSock, now: int) -> None:
    """Send what may go; when the window is shut, start probing it (__tcp_push_pending_frames)."""
    if tp.write_queue and write_xmit(tp, now):
        check_probe_timer(tp, now)


def check_probe_timer(tp: TcpSock, now: int) -> None:
    """Arm the zero window probe when nothing else would wake us (tcp_check_probe_timer)."""
    if not tp.packets_out and tp.timer_kind == NO_TIMER:
        tp.timer_kind = TIME_PROBE0
        tp.timer_at = now + max(tp.rtt.rto_ns, tp.settings.tcp_rto_min_ns)


# -- timers of the sending side ------------------------------------------------------------------------------------------------------------------------

def rearm_rto(tp: TcpSock, now: int) -> None:
    """Start the retransmission timer for the oldest segment, or stop it (tcp_rearm_rto)."""
    if not tp.packets_out:
        tp.timer_kind = NO_TIMER
        return
    rto = min(tp.rtt.rto_ns << tp.backoff, tp.settings.tcp_rto_max_ns)
    if tp.timer_kind in (TIME_LOSS_PROBE, TIME_REO_TIMEOUT) and tp.rtx_queue:
        rto = max(tp.rtx_queue[0].sent_ns + rto - now, 1000)
    tp.timer_kind = TIME_RETRANS
    tp.timer_at = now + rto


def schedule_loss_probe(tp: TcpSock, now: int) -> bool:
    """A probe two round trips after the last segment, so that a lost tail is noticed before the timeout (RFC 8985 section 7)."""
    if not tp.packets_out or not tp.sack_ok or tp.ca_state not in (CA_OPEN, 2) or tp.state is State.SYN_RECV:
        return False
    if tp.rtt.srtt_us:
        timeout = (tp.rtt.srtt_us >> 2) * 1000
        timeout += tp.settings.tcp_rto_min_ns if tp.packets_out == 1 else 2 * MS
    else:
        timeout = 1_000_000_000
    if tp.rtx_queue:
        rto = tp.rtx_queue[0].sent_ns + tp.rtt.rto_ns - now
        if rto > 0:
            timeout = min(timeout, rto)
    tp.timer_kind = TIME_LOSS_PROBE
    tp.timer_at = now + timeout
    return True


# -- sending again -------------------------------------------------------------------------------------------------------------------------------------

def retransmit(tp: TcpSock, index: int, now: int) -> bool:
    """Send the chunk at `index` of the retransmission queue again; False when the peer's window forbids (__tcp_retransmit_skb)."""
    queue = tp.rtx_queue
    chunk = queue[index]
    mss = current_mss(tp)
    size = len(chunk.data)
    room = (tp.snd_una + tp.snd_wnd - chunk.seq) & MASK
    if room & HALF or (room == 0 and chunk.seq != tp.snd_una):
        if chunk.seq != tp.snd_una:
            return False
        room = 0
    if chunk.flags & SYN:
        if tp.state is State.SYN_SENT:
            tp.out.append(syn_segment(tp, now, SYN))
        else:
            tp.out.append(syn_segment(tp, now, SYN | ACK))
    else:
        limit = min(max(room, 1) if room or size else mss, mss)
        if room == 0:
            limit = mss
        if size > limit:
            split(tp, index, limit)
        elif size < mss:
            collapse(tp, index, min(mss, room) if room else mss)
        emit(tp, now, chunk.seq, chunk.flags, chunk.data)
    chunk.sent_ns = tp.wstamp = now if now > tp.wstamp else tp.wstamp + 1
    if not chunk.sacked & RETRANS:
        tp.retrans_out += 1
    chunk.sacked |= RETRANS | EVER_RETRANS
    return True


def split(tp: TcpSock, index: int, size: int) -> None:
    """Cut a sent chunk in two, as when the path's MTU fell (tcp_fragment)."""
    chunk = tp.rtx_queue[index]
    rest = Chunk((chunk.seq + size) & MASK, chunk.end, chunk.data[size:], chunk.flags)
    rest.sacked = chunk.sacked
    rest.sent_ns = chunk.sent_ns
    chunk.data = chunk.data[:size]
    chunk.end = rest.seq
    chunk.flags &= ~(FIN | PSH)
    tp.rtx_queue.insert(index + 1, rest)
    tp.packets_out += 1
    if chunk.sacked & SACKED:
        tp.sacked_out += 1
    if chunk.sacked & LOST:
        tp.lost_out += 1
    if chunk.sacked & RETRANS:
        tp.retrans_out += 1


def collapse(tp: TcpSock, index: int, room: int) -> None:
    """Small neighbours travel in one segment when sent again (tcp_retrans_try_collapse)."""
    queue = tp.rtx_queue
    chunk = queue[index]
    while index + 1 < len(queue) and not chunk.flags & (SYN | FIN):
        following = queue[index + 1]
        if following.sacked & SACKED or len(chunk.data) + len(following.data) > room:
            return
        chunk.data += following.data
        chunk.end = following.end
        chunk.flags |= following.flags
        forget(tp, following)
        chunk.sacked |= following.sacked & EVER_RETRANS
        tp.packets_out -= 1
        del queue[index + 1]


def forget(tp: TcpSock, chunk: Chunk) -> None:
    """Take a chunk out of the scoreboard's counts."""
    sacked = chunk.sacked
    if sacked:
        if sacked & SACKED:
            tp.sacked_out -= 1
        if sacked & LOST:
            tp.lost_out -= 1
        if sacked & RETRANS:
            tp.retrans_out -= 1


def probe(tp: TcpSock, now: int) -> None:
    """Keep-alive or zero window probe: an ACK with a sequence number already acknowledged (tcp_xmit_probe_skb)."""
    emit(tp, now, (tp.snd_una - 1) & MASK, ACK)


def write_wakeup(tp: TcpSock, now: int) -> None:
    """Probe with what fits the window, or with nothing (tcp_write_wakeup)."""
    head = tp.write_queue[0] if tp.write_queue else None
    if head is not None:
        room = (tp.snd_una + tp.snd_wnd - head.seq) & MASK
        if room and not room & HALF:
            mss = current_mss(tp)
            tp.pushed_seq = head.end
            head.flags |= PSH
            transmit_burst(tp, head, min(len(head.data), room, mss), mss, now)
            return
    probe(tp, now)
