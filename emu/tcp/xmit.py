"""The write queue and what may leave it now: windows, Nagle, bursts, the zero window (tcp_sendmsg, tcp_write_xmit)."""
from __future__ import annotations

from emu.tcp import cwnd
from emu.tcp.chunk import Chunk
from emu.tcp.output import current_mss, emit, probe
from emu.tcp.rto import rearm_rto, schedule_loss_probe
from emu.tcp.segment import ACK, FIN, PSH
from emu.tcp.seq import HALF, MASK, after
from emu.tcp.sock import CA_CWR, CA_RECOVERY, NO_TIMER, TIME_LOSS_PROBE, TIME_PROBE0, TcpSock

CHUNK_OVERHEAD = 1280  # what a queued sk_buff costs of the send buffer beside its bytes


def queue_data(tp: TcpSock, data: bytes) -> int:
    """Append to the stream what the send buffer has room for (tcp_sendmsg); returns bytes taken."""
    taken = 0
    size = len(data)
    mss = current_mss(tp)
    goal = cwnd.size_goal(tp, mss)
    queue = tp.write_queue
    while taken < size:
        tail = queue[-1] if queue else None
        if tail is not None and not tail.flags & FIN and len(tail.data) < goal:
            piece = data[taken:taken + goal - len(tail.data)]
            tail.data += piece
            tail.end = (tail.end + len(piece)) & MASK
        else:
            if tp.wmem >= tp.sndbuf:
                break
            piece = data[taken:taken + goal]
            tail = Chunk(tp.write_seq, (tp.write_seq + len(piece)) & MASK, piece, ACK)
            tail.cost = CHUNK_OVERHEAD
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


def nagle_holds(tp: TcpSock) -> bool:
    """A small segment waits while another small one is out (Nagle as Minshall has it: tcp_nagle_check)."""
    return not tp.nodelay and tp.packets_out != 0 and after(tp.snd_sml, tp.snd_una) and not after(tp.snd_sml, tp.snd_nxt)


def write_xmit(tp: TcpSock, now: int, loss_probe: bool = False) -> bool:
    """Send what windows and Nagle allow; a loss probe is one segment, whatever the congestion window says.

    True when data waits, nothing is in flight and nothing was sent: a zero window to be probed (tcp_write_xmit).
    """
    queue = tp.write_queue
    if not queue:
        return False
    if not tp.packets_out and tp.settings.tcp_slow_start_after_idle and now - tp.lsndtime > tp.rtt.rto_ns:
        cwnd.restart(tp, now - tp.lsndtime)
    mss = current_mss(tp)
    max_segments = cwnd.tso_segments(tp, mss)
    sent = 0
    cwnd_limited = False
    while queue:
        chunk = queue[0]
        in_flight = tp.packets_out - tp.sacked_out - tp.lost_out + tp.retrans_out
        quota = tp.cwnd - in_flight
        if quota <= 0:
            if not loss_probe:
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
        hold = not chunk.flags & FIN and len(queue) == 1 and nagle_holds(tp)
        if size <= mss:
            if hold and size < mss:
                break
            limit = size
        else:
            if not loss_probe and cwnd.should_defer(tp, chunk, usable, now, max_segments, in_flight):
                cwnd_limited |= (tp.cwnd - in_flight) * mss < usable
                break
            limit = quota * mss
            if not (limit <= usable and len(queue) > 1):
                needed = min(size, usable)
                if limit > needed:
                    limit = needed - needed % mss if hold else needed
        if loss_probe:
            limit = min(limit, mss)
        sent += transmit_burst(tp, chunk, limit, mss, now)
        if loss_probe:
            break
    if sent:
        if tp.ca_state in (CA_CWR, CA_RECOVERY):
            tp.prr_out += sent
        if not loss_probe:
            schedule_loss_probe(tp, now, False)
        in_flight = tp.packets_out - tp.sacked_out - tp.lost_out + tp.retrans_out
        cwnd.validate(tp, cwnd_limited or in_flight >= tp.cwnd, now)
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
            tp.wmem -= following.cost
        else:
            head.data += piece
            head.end = (head.end + len(piece)) & MASK
            following.data = following.data[len(piece):]
            following.seq = head.end


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
        cost = chunk.cost
    else:
        chunk.data = data[limit:]
        chunk.seq = tail_end = (seq + limit) & MASK
        last = chunk.flags & ~(FIN | PSH)
        cost = 0
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
            sent.cost = cost
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


def push_pending(tp: TcpSock, now: int) -> None:
    """Send what may go; when the window is shut, start probing it (__tcp_push_pending_frames)."""
    if tp.write_queue and write_xmit(tp, now):
        check_probe_timer(tp, now)


def check_probe_timer(tp: TcpSock, now: int) -> None:
    """Arm the zero window probe when nothing else would wake us (tcp_check_probe_timer)."""
    if not tp.packets_out and tp.timer_kind == NO_TIMER:
        tp.timer_kind = TIME_PROBE0
        tp.timer_at = now + max(tp.rtt.rto_ns, tp.settings.tcp_rto_min_ns)


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
