"""Finding losses and sending again: SACK scoreboard, RACK, PRR, NewReno without SACK, timeouts (RFC 6675, 8985, 6937; tcp_recovery.c)."""
from __future__ import annotations

from emu.tcp import cwnd, rto
from emu.tcp.chunk import EVER_RETRANS, LOST, RETRANS, SACKED, Chunk
from emu.tcp.retransmit import retransmit
from emu.tcp.segment import Segment
from emu.tcp.seq import HALF, MASK, after, before
from emu.tcp.sock import CA_CWR, CA_DISORDER, CA_LOSS, CA_OPEN, CA_RECOVERY, INFINITE, TIME_REO_TIMEOUT, TcpSock

MAX_REORDERING = 300  # net.ipv4.tcp_max_reordering


class AckResult:
    """What one ACK brought: the kernel's FLAG_* bits and counts."""

    __slots__ = ("acked", "advanced", "data_acked", "dsack", "newly_lost", "orig_acked", "retrans_acked", "rtt_us", "sack_rtt_us", "sacked", "window_updated")

    def __init__(self) -> None:
        self.acked = 0
        self.advanced = False
        self.data_acked = False
        self.retrans_acked = False
        self.orig_acked = False  # something never sent again arrived: not all was lost
        self.sacked = 0
        self.dsack = False
        self.window_updated = False
        self.rtt_us = -1
        self.sack_rtt_us = -1
        self.newly_lost = 0


def in_flight(tp: TcpSock) -> int:
    """Segments believed to be in the network (tcp_packets_in_flight)."""
    return tp.packets_out - tp.sacked_out - tp.lost_out + tp.retrans_out


# -- scoreboard ----------------------------------------------------------------------------------------------------------------------------------------

def process_sack(tp: TcpSock, segment: Segment, now: int, result: AckResult) -> None:
    """Mark what the SACK blocks cover (tcp_sacktag_write_queue). Blocks outside what was sent are ignored."""
    blocks = segment.sack
    left, right = blocks[0]
    if before(left, segment.ack) or (len(blocks) > 1 and not after(right, blocks[1][1]) and not before(left, blocks[1][0])):
        result.dsack = True
        if not after(right, tp.snd_una):
            blocks = blocks[1:]
        if tp.undo_marker >= 0 and tp.undo_retrans > 0 and not after(right, tp.snd_una) and after(right, tp.undo_marker):
            tp.undo_retrans -= 1
    for left, right in blocks:
        if not after(right, left) or after(right, tp.snd_nxt) or before(left, tp.snd_una):
            continue
        for chunk in tp.rtx_queue:
            if not before(chunk.seq, right):
                break
            if chunk.sacked & SACKED or before(chunk.seq, left) or after(chunk.end, right):
                continue
            mark_sacked(tp, chunk, now, result)


def mark_sacked(tp: TcpSock, chunk: Chunk, now: int, result: AckResult) -> None:
    """The peer holds this chunk (tcp_sacktag_one)."""
    sacked = chunk.sacked
    rack_advance(tp, chunk, now)
    if after(chunk.seq, tp.fack) or not tp.sacked_out:
        tp.fack = chunk.seq
    elif not sacked & EVER_RETRANS:
        saw_reordering(tp, chunk.seq)
    if sacked & RETRANS:
        if sacked & LOST:
            chunk.sacked &= ~(LOST | RETRANS)
            tp.lost_out -= 1
            tp.retrans_out -= 1
    else:
        if not sacked & EVER_RETRANS:
            result.sack_rtt_us = (now - chunk.sent_ns) // 1000
            if not after(chunk.end, tp.high_seq):
                result.orig_acked = True
        if sacked & LOST:
            chunk.sacked &= ~LOST
            tp.lost_out -= 1
    if chunk.sacked & RETRANS:
        chunk.sacked &= ~RETRANS
        tp.retrans_out -= 1
    chunk.sacked |= SACKED
    tp.sacked_out += 1
    result.sacked += 1


def saw_reordering(tp: TcpSock, seq: int) -> None:
    """What was sent once arrived after something later: from now on losses are believed more slowly (tcp_check_sack_reordering)."""
    if not before(seq, tp.fack):
        return
    tp.reord_seen = True
    distance = (tp.fack - seq) & MASK
    if distance > tp.reordering * tp.mss_cache:
        tp.reordering = min(-(-distance // tp.mss_cache), MAX_REORDERING)


def mark_lost(tp: TcpSock, chunk: Chunk) -> bool:
    """Believe a chunk lost (tcp_mark_skb_lost); True if that is news."""
    sacked = chunk.sacked
    if sacked & SACKED or sacked & (LOST | RETRANS) == LOST:
        return False
    if sacked & RETRANS:
        chunk.sacked &= ~RETRANS
        tp.retrans_out -= 1
    if not sacked & LOST:
        chunk.sacked |= LOST
        tp.lost_out += 1
    return True


# -- RACK ----------------------------------------------------------------------------------------------------------------------------------------------

def rack_advance(tp: TcpSock, chunk: Chunk, now: int) -> None:
    """A chunk arrived: what was sent earlier should have arrived too (tcp_rack_advance)."""
    rtt = (now - chunk.sent_ns) // 1000
    if rtt < tp.rtt.min_rtt_us and chunk.sacked & RETRANS:
        return  # an ACK of the original, not of the copy
    tp.rack_advanced = True
    tp.rack_rtt_us = rtt
    if chunk.sent_ns > tp.rack_sent_ns or (chunk.sent_ns == tp.rack_sent_ns and after(chunk.end, tp.rack_end_seq)):
        tp.rack_sent_ns = chunk.sent_ns
        tp.rack_end_seq = chunk.end


def reordering_window(tp: TcpSock) -> int:
    """How long, in us, a segment may be overtaken before it counts as lost (tcp_rack_reo_wnd)."""
    if not tp.reord_seen and (tp.ca_state >= CA_RECOVERY or tp.sacked_out >= tp.reordering):
        return 0
    return min(tp.rtt.min_rtt_us >> 2, tp.rtt.srtt_us >> 3)


def rack_detect(tp: TcpSock, now: int) -> int:
    """Mark lost what was sent long enough before something that arrived; the largest time left in us, 0 if none (tcp_rack_detect_loss)."""
    window = reordering_window(tp)
    longest = 0
    for chunk in tp.rtx_queue:
        sacked = chunk.sacked
        if sacked & SACKED or sacked & (LOST | RETRANS) == LOST:
            continue
        if chunk.sent_ns > tp.rack_sent_ns or (chunk.sent_ns == tp.rack_sent_ns and not after(tp.rack_end_seq, chunk.end)):
            continue
        left = tp.rack_rtt_us + window - (now - chunk.sent_ns) // 1000
        if left <= 0:
            mark_lost(tp, chunk)
        else:
            longest = max(longest, left)
    return longest


def rack_mark(tp: TcpSock, now: int) -> None:
    """Look for losses when an ACK told something new; wake again when reordering would be over (tcp_rack_mark_lost)."""
    if not tp.rack_advanced:
        return
    tp.rack_advanced = False
    wait = rack_detect(tp, now)
    if wait:
        tp.timer_kind = TIME_REO_TIMEOUT
        tp.timer_at = now + wait * 1000 + 2_000_000


def identify_loss(tp: TcpSock, now: int, advanced: bool) -> None:
    """tcp_identify_packet_loss: RACK, or NewReno's head of the queue."""
    if not tp.rtx_queue:
        return
    if tp.sack_ok:
        rack_mark(tp, now)
        return
    state = tp.ca_state
    if (state < CA_RECOVERY and tp.sacked_out >= tp.reordering) or (state == CA_RECOVERY and advanced):
        head = tp.rtx_queue[0]
        if head.sacked & LOST:
            return
        mark_lost(tp, head)


# -- states --------------------------------------------------------------------------------------------------------------------------------------------

def start_reduction(tp: TcpSock) -> None:
    """Begin proportional rate reduction (tcp_init_cwnd_reduction)."""
    tp.high_seq = tp.snd_nxt
    tp.tlp_high_seq = -1
    tp.prior_cwnd = tp.cwnd
    tp.prr_delivered = 0
    tp.prr_out = 0
    tp.ssthresh = tp.ca.ssthresh(tp.cwnd)


def reduce_cwnd(tp: TcpSock, result: AckResult, delivered: int) -> None:
    """One ACK's worth of proportional rate reduction (tcp_cwnd_reduction, RFC 6937)."""
    if delivered <= 0 or not tp.prior_cwnd:
        return
    flight = in_flight(tp)
    delta = tp.ssthresh - flight
    tp.prr_delivered += delivered
    if delta < 0:
        count = (tp.ssthresh * tp.prr_delivered + tp.prior_cwnd - 1) // tp.prior_cwnd - tp.prr_out
    else:
        count = max(tp.prr_delivered - tp.prr_out, delivered)
        if result.advanced and not result.newly_lost:
            count += 1
        count = min(delta, count)
    tp.cwnd = flight + max(count, 0 if tp.prr_out else 1)


def end_reduction(tp: TcpSock) -> None:
    """Leave recovery with the window it aimed at (tcp_end_cwnd_reduction)."""
    if tp.ssthresh < INFINITE and (tp.ca_state == CA_CWR or tp.undo_marker >= 0):
        tp.cwnd = tp.ssthresh


def undo(tp: TcpSock) -> None:
    """Nothing was lost after all: take the reduction back (tcp_undo_cwnd_reduction)."""
    for chunk in tp.rtx_queue:
        chunk.sacked &= ~LOST
    tp.lost_out = 0
    if tp.prior_ssthresh:
        tp.cwnd = max(tp.cwnd, tp.prior_cwnd)
        tp.ssthresh = max(tp.ssthresh, tp.prior_ssthresh)
    tp.undo_marker = -1
    tp.rack_advanced = True  # look at the losses again


def may_undo(tp: TcpSock, segment: Segment) -> bool:
    """Every retransmission was reported as a duplicate, or the ACK answers the original (tcp_may_undo)."""
    if tp.undo_marker < 0:
        return False
    if tp.undo_retrans == 0:
        return True
    return tp.tstamp_ok and bool(segment.ts_ecr) and tp.retrans_stamp > 0 and (segment.ts_ecr - tp.retrans_stamp) & HALF != 0


def begin_undo(tp: TcpSock) -> None:
    """Remember what to go back to (tcp_init_undo)."""
    tp.undo_marker = tp.snd_una
    tp.undo_retrans = tp.retrans_out or -1


def enter_loss(tp: TcpSock) -> None:
    """The timer ran out: everything not reported is lost, one segment at a time again (tcp_enter_loss)."""
    new_recovery = tp.ca_state < CA_RECOVERY
    if not tp.sack_ok:
        tp.sacked_out = 0
    for chunk in tp.rtx_queue:
        mark_lost(tp, chunk)
    if tp.ca_state <= CA_DISORDER or not after(tp.high_seq, tp.snd_una) or (tp.ca_state == CA_LOSS and not tp.retransmits):
        tp.prior_ssthresh = cwnd.current_ssthresh(tp)
        tp.prior_cwnd = tp.cwnd
        tp.ssthresh = tp.ca.ssthresh(tp.cwnd)
        tp.ca.reset()
        begin_undo(tp)
    tp.cwnd = in_flight(tp) + 1
    tp.ca_state = CA_LOSS
    tp.high_seq = tp.snd_nxt
    tp.frto = new_recovery or tp.retransmits > 0


def enter_recovery(tp: TcpSock) -> None:
    """Fast recovery begins (tcp_enter_recovery)."""
    tp.prior_ssthresh = 0
    begin_undo(tp)
    if tp.ca_state not in (CA_CWR, CA_RECOVERY):
        tp.prior_ssthresh = cwnd.current_ssthresh(tp)
        start_reduction(tp)
    tp.high_seq = tp.snd_nxt
    tp.ca_state = CA_RECOVERY


def fastretrans_alert(tp: TcpSock, segment: Segment, now: int, dupacks: int, result: AckResult) -> bool:
    """Move between Open, Disorder, CWR, Recovery and Loss; True when F-RTO wants new data sent instead of old (tcp_fastretrans_alert)."""
    advanced = result.advanced
    if tp.ca_state == CA_OPEN:
        tp.retrans_stamp = 0
    elif not before(tp.snd_una, tp.high_seq):
        _leave(tp, segment)
    if tp.ca_state == CA_RECOVERY:
        if not tp.sack_ok:
            _count_reno_sacks(tp, dupacks, advanced)
        identify_loss(tp, now, advanced)
        return False
    if tp.ca_state == CA_LOSS:
        new_data = process_loss(tp, segment, dupacks, result)
        identify_loss(tp, now, advanced)
        if tp.ca_state != CA_OPEN:
            return new_data
    elif not tp.sack_ok:
        _count_reno_sacks(tp, dupacks, advanced)
    identify_loss(tp, now, advanced)
    if tp.lost_out:
        enter_recovery(tp)
    elif tp.ca_state != CA_CWR:
        tp.ca_state = CA_DISORDER if tp.sacked_out or tp.retrans_out else CA_OPEN
        if not tp.retrans_out:
            tp.retrans_stamp = 0
    return False


def _leave(tp: TcpSock, segment: Segment) -> None:
    """Everything that was out when the trouble began is acknowledged."""
    if tp.ca_state == CA_CWR:
        if tp.snd_una != tp.high_seq:
            end_reduction(tp)
            tp.ca_state = CA_OPEN
    elif tp.ca_state == CA_RECOVERY:
        if not tp.sack_ok:
            tp.sacked_out = 0
        if may_undo(tp, segment):
            undo(tp)
        else:
            end_reduction(tp)
        tp.undo_marker = -1
        tp.retrans_stamp = 0
        tp.ca_state = CA_OPEN


def _count_reno_sacks(tp: TcpSock, dupacks: int, advanced: bool) -> None:
    """Without SACK every duplicate ACK stands for a segment that arrived (tcp_add_reno_sack)."""
    if advanced:
        tp.sacked_out = 0
    tp.sacked_out = min(tp.sacked_out + dupacks, max(tp.packets_out - tp.lost_out - 1, 0))


def process_loss(tp: TcpSock, segment: Segment, dupacks: int, result: AckResult) -> bool:
    """An ACK after a timeout: over, spurious, or go on; F-RTO tells the last two apart (tcp_process_loss, RFC 5682)."""
    recovered = not before(tp.snd_una, tp.high_seq)
    if (result.advanced and may_undo(tp, segment)) or (tp.frto and result.orig_acked and tp.undo_marker >= 0):
        undo(tp)
        tp.retransmits = 0
        tp.ca_state = CA_OPEN
        return False
    if tp.frto:
        if after(tp.snd_nxt, tp.high_seq):
            if result.sacked or dupacks:
                tp.frto = False
        elif result.advanced and not recovered:
            tp.high_seq = tp.snd_nxt
            if tp.write_queue and after((tp.snd_una + tp.snd_wnd) & MASK, tp.snd_nxt):
                return True
            tp.frto = False
    if recovered:
        tp.ca_state = CA_OPEN
        tp.undo_marker = -1
        tp.retransmits = 0
        return False
    if not tp.sack_ok:
        if after(tp.snd_nxt, tp.high_seq) and dupacks:
            _count_reno_sacks(tp, dupacks, False)
        elif result.advanced:
            tp.sacked_out = 0
    return False


def xmit_retransmit_queue(tp: TcpSock, now: int) -> None:
    """Send lost chunks again, oldest first, as the congestion window allows (tcp_xmit_retransmit_queue)."""
    index = 0
    rearm = False
    queue = tp.rtx_queue
    while index < len(queue):
        if in_flight(tp) >= tp.cwnd:
            break
        chunk = queue[index]
        if chunk.sacked & (SACKED | RETRANS | LOST) == LOST:
            if not retransmit(tp, index, now):
                break
            if tp.ca_state in (CA_CWR, CA_RECOVERY):
                tp.prr_out += 1
            if index == 0 and tp.timer_kind != TIME_REO_TIMEOUT:
                rearm = True
        elif not tp.lost_out:
            break
        index += 1
    if rearm:
        rto.restart(tp, now)
