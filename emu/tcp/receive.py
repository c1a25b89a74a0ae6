"""Data came in: the receive queue, the out-of-order queue and its SACK blocks, and when to acknowledge (tcp_data_queue and around it)."""
from __future__ import annotations

from emu.tcp import output, window
from emu.tcp.events import EOF, READABLE
from emu.tcp.segment import FIN, PSH, Segment
from emu.tcp.seq import MASK, after, before
from emu.tcp.sock import TcpSock
from emu.tcp.states import Cause, State

MS = 1_000_000
ATO_MIN = 40 * MS
DELACK_MAX = 200 * MS
MAX_QUICKACKS = 16


# -- acknowledging -------------------------------------------------------------------------------------------------------------------------------------

def incr_quickack(tp: TcpSock, most: int) -> None:
    """Acknowledge the next segments at once: half a window's worth, at most `most` (tcp_incr_quickack)."""
    count = min(tp.rcv_wnd // (2 * tp.rcv_mss) or 2, most)
    if count > tp.quick:
        tp.quick = count


def enter_quickack(tp: TcpSock, most: int = MAX_QUICKACKS) -> None:
    """Something odd arrived: be quick, not interactive (tcp_enter_quickack_mode)."""
    incr_quickack(tp, most)
    tp.pingpong = 0
    tp.ato = ATO_MIN


def event_data(tp: TcpSock, length: int, pushed: bool, truesize: int, now: int) -> None:
    """Bytes arrived in order or not: schedule an ACK and learn the peer's rhythm (tcp_event_data_recv)."""
    tp.ack_sched = True
    window.measure_mss(tp, length, pushed, truesize)
    window.measure_rcv_rtt(tp, now)
    ato = tp.ato
    if not ato:
        incr_quickack(tp, MAX_QUICKACKS)
        tp.ato = ATO_MIN
    else:
        gap = now - tp.lrcvtime
        if gap <= ATO_MIN // 2:
            tp.ato = (ato >> 1) + ATO_MIN // 2
        elif gap < ato:
            tp.ato = min((ato >> 1) + gap, tp.rtt.rto_ns)
        elif gap > tp.rtt.rto_ns:
            incr_quickack(tp, MAX_QUICKACKS)
    tp.lrcvtime = now
    if length >= 128:
        window.grow(tp, length, truesize)


def ack_check(tp: TcpSock, now: int) -> None:
    """Acknowledge now, or let a timer do it (__tcp_ack_snd_check)."""
    if (
        ((tp.rcv_nxt - tp.rcv_wup) & MASK > tp.rcv_mss and window.candidate(tp) >= tp.rcv_wnd)
        or (tp.quick and tp.pingpong < 1) or tp.ack_now
    ):
        output.send_ack(tp, now)
    elif not tp.ofo:
        send_delayed_ack(tp, now)
    elif not tp.sack_ok or tp.compressed_ack >= 44:
        output.send_ack(tp, now)
    else:
        if tp.compressed_rcv_nxt != tp.rcv_nxt:
            tp.compressed_rcv_nxt = tp.rcv_nxt
            tp.dup_ack_counter = 0
        if tp.dup_ack_counter < 3:
            tp.dup_ack_counter += 1
            output.send_ack(tp, now)
            return
        tp.compressed_ack += 1
        if tp.comp_at is None:
            rtt = tp.rcv_rtt_us
            if tp.rtt.srtt_us and (not rtt or tp.rtt.srtt_us < rtt):
                rtt = tp.rtt.srtt_us
            tp.comp_at = now + min(MS, (rtt >> 3) * 50)  # 5 % of the round trip, a millisecond at most


def send_delayed_ack(tp: TcpSock, now: int) -> None:
    """Arm the delayed ACK timer; at once if it was about to fire anyway (tcp_send_delayed_ack)."""
    ato = tp.ato
    least = tp.settings.tcp_delack_min_ns
    if ato > least:
        most = DELACK_MAX if tp.pingpong >= 1 or tp.ack_pushed else 500 * MS
        srtt = tp.rtt.srtt_us >> 3
        if srtt:
            most = min(most, max(srtt * 1000, least))
        ato = min(ato, most)
    ato = min(ato, DELACK_MAX)
    timeout = now + (ato or MS)  # a FIN that nothing preceded: the next tick of the clock
    if tp.delack_armed:
        if tp.delack_at <= now + (ato >> 2):
            output.send_ack(tp, now)
            return
        timeout = min(timeout, tp.delack_at)
    tp.ack_sched = tp.delack_armed = True
    tp.delack_at = timeout


def cleanup_rbuf(tp: TcpSock, copied: int, now: int) -> None:
    """The program read: acknowledge what waited for that, or an opened window (__tcp_cleanup_rbuf)."""
    send = tp.ack_sched and (
        (tp.rcv_nxt - tp.rcv_wup) & MASK > tp.rcv_mss
        or (copied > 0 and (tp.ack_pushed2 or (tp.ack_pushed and tp.pingpong < 1)) and not tp.recv_queue)
    )
    if not send and copied > 0 and not tp.rcv_shutdown:
        left = window.receive_window(tp)
        if 2 * left <= tp.window_clamp:
            wanted = window.candidate(tp)
            send = wanted != 0 and wanted >= 2 * left
    if send:
        output.send_ack(tp, now)


# -- the queues ----------------------------------------------------------------------------------------------------------------------------------------

def data_queue(tp: TcpSock, segment: Segment, now: int) -> None:
    """Take the payload and FIN of an acceptable segment (tcp_data_queue)."""
    payload = segment.payload
    flags = segment.flags
    seq = segment.seq
    length = len(payload)
    end = (seq + length + (flags & FIN)) & MASK
    if seq == end:
        return
    nxt = tp.rcv_nxt
    if seq == nxt:
        if length and window.receive_window(tp) == 0:
            out_of_window(tp)
            return
        _take(tp, payload, flags, end, now)
        return
    if not after(end, nxt):
        dsack(tp, seq, end)
        out_of_window(tp)
        return
    left = window.receive_window(tp)
    if not before(seq, (nxt + left) & MASK):
        out_of_window(tp)
        return
    if before(seq, nxt):
        dsack(tp, seq, nxt)
        if not left:
            out_of_window(tp)
            return
        _take(tp, payload[(nxt - seq) & MASK:], flags, end, now)
        return
    _queue_ofo(tp, seq, end, payload, flags, now)


def out_of_window(tp: TcpSock) -> None:
    """Old data, or more than we asked for: say so at once."""
    enter_quickack(tp)
    tp.ack_sched = True


def _take(tp: TcpSock, payload: bytes, flags: int, end: int, now: int) -> None:
    """Bytes in order, and whatever they bring in from the out-of-order queue."""
    length = len(payload)
    if length:
        truesize = window.truesize(length, flags & PSH != 0)
        queue = tp.recv_queue
        if tp.rmem + truesize > tp.rcvbuf:
            tp.rcvbuf = max(tp.rcvbuf, min(tp.rmem + truesize, tp.settings.tcp_rmem[2]))  # tcp_clamp_window: what was offered is taken
        if not queue:
            tp.events.append(READABLE)
        queue.append((payload, truesize))
        tp.rmem += truesize
        tp.recv_len += length
        tp.rcv_nxt = end if not flags & FIN else (end - 1) & MASK
        event_data(tp, length, flags & PSH != 0, truesize, now)
    if flags & FIN:
        tp.rcv_nxt = end
        received_fin(tp, now)
    if tp.ofo:
        _ofo_to_queue(tp, now)
        if not tp.ofo:
            tp.ack_now = True
    if tp.selective_acks:
        _sack_remove(tp)


def _ofo_to_queue(tp: TcpSock, now: int) -> None:
    """Move what has become in order (tcp_ofo_queue)."""
    ofo = tp.ofo
    while ofo:
        seq, end, payload, flags = ofo[0]
        nxt = tp.rcv_nxt
        if after(seq, nxt):
            break
        del ofo[0]
        tp.rmem -= len(payload) + window.SKB_OVERHEAD
        if before(seq, nxt):
            dsack(tp, seq, nxt if before(nxt, end) else end)
        if not after(end, nxt):
            continue
        payload = payload[(nxt - seq) & MASK:]
        if payload:
            if not tp.recv_queue:
                tp.events.append(READABLE)
            truesize = len(payload) + window.SKB_OVERHEAD
            tp.recv_queue.append((payload, truesize))
            tp.rmem += truesize
            tp.recv_len += len(payload)
        tp.rcv_nxt = end
        if flags & FIN:
            received_fin(tp, now)
            break


def _queue_ofo(tp: TcpSock, seq: int, end: int, payload: bytes, flags: int, now: int) -> None:
    """Keep a segment that came too early, and tell the peer what we have (tcp_data_queue_ofo)."""
    truesize = len(payload) + window.SKB_OVERHEAD
    if tp.rmem + truesize > max(tp.rcvbuf, tp.settings.tcp_rmem[1]) * 2:
        return
    tp.ack_sched = True
    window.measure_mss(tp, len(payload), flags & PSH != 0, truesize)
    ofo = tp.ofo
    index = len(ofo)
    while index and before(seq, ofo[index - 1][0]):
        index -= 1
    if index and not after(end, ofo[index - 1][1]):
        dsack(tp, seq, end)  # all there already
        return
    if index < len(ofo) and ofo[index][0] == seq and not after(end, ofo[index][1]):
        dsack(tp, seq, end)
        return
    if index and before(seq, ofo[index - 1][1]):
        dsack(tp, seq, ofo[index - 1][1])
    ofo.insert(index, (seq, end, payload, flags))
    tp.rmem += truesize
    while index + 1 < len(ofo) and not after(ofo[index + 1][1], end):  # swallowed by the new one
        old = ofo.pop(index + 1)
        tp.rmem -= len(old[2]) + window.SKB_OVERHEAD
        dsack(tp, old[0], old[1])
    if tp.sack_ok:
        _sack_new(tp, seq, end)
    if len(payload) >= 128:
        window.grow(tp, len(payload), truesize)


# -- SACK blocks to send -------------------------------------------------------------------------------------------------------------------------------

def dsack(tp: TcpSock, seq: int, end: int) -> None:
    """Report bytes that came twice in the next ACK's first block (RFC 2883)."""
    if tp.sack_ok:
        known = tp.duplicate_sack
        if known is not None and not after(seq, known[1]) and not after(known[0], end):
            seq = seq if before(seq, known[0]) else known[0]
            end = end if after(end, known[1]) else known[1]
        tp.duplicate_sack = (seq, end)


def _sack_new(tp: TcpSock, seq: int, end: int) -> None:
    """The block with the newest segment goes first (tcp_sack_new_ofo_skb, RFC 2018 section 4)."""
    blocks = tp.selective_acks
    for index, (left, right) in enumerate(blocks):
        if not after(seq, right) and not after(left, end):
            del blocks[index]
            left = seq if before(seq, left) else left
            right = end if after(end, right) else right
            rest = []
            for other in blocks:
                if not after(other[0], right) and not after(left, other[1]):
                    left = other[0] if before(other[0], left) else left
                    right = other[1] if after(other[1], right) else right
                else:
                    rest.append(other)
            tp.selective_acks = [(left, right), *rest]
            return
    tp.selective_acks = [(seq, end), *blocks[:3]]


def _sack_remove(tp: TcpSock) -> None:
    """Drop blocks that the cumulative ACK covers now (tcp_sack_remove)."""
    if not tp.ofo:
        tp.selective_acks = []
    else:
        nxt = tp.rcv_nxt
        tp.selective_acks = [block for block in tp.selective_acks if after(block[0], nxt)]


# -- FIN -----------------------------------------------------------------------------------------------------------------------------------------------

def received_fin(tp: TcpSock, now: int) -> None:
    """The peer is done sending (tcp_fin)."""
    tp.ack_sched = True
    tp.rcv_shutdown = True
    state = tp.state
    tp.ofo.clear()
    tp.selective_acks = []
    tp.rmem = sum(item[1] for item in tp.recv_queue)
    tp.events.append(EOF)
    if state in (State.SYN_RECV, State.ESTABLISHED):
        tp.move(Cause.RCV_FIN)
        tp.pingpong = max(tp.pingpong, 1)
    elif state is State.FIN_WAIT1 or state is State.FIN_WAIT2:  # simultaneous close
        output.send_ack(tp, now)
        tp.move(Cause.RCV_FIN)
