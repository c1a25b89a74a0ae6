"""An ACK came in: what it acknowledges, what it teaches about time and window, what may be sent now (tcp_ack)."""
from __future__ import annotations

from emu.tcp import output, recovery, rto, window, xmit
from emu.tcp.chunk import EVER_RETRANS, LOST, RETRANS, SACKED
from emu.tcp.events import WRITABLE
from emu.tcp.recovery import AckResult, in_flight
from emu.tcp.segment import FIN, SYN, Segment
from emu.tcp.seq import HALF, MASK, after
from emu.tcp.sock import CA_CWR, CA_OPEN, CA_RECOVERY, NO_TIMER, TIME_PROBE0, TIME_REO_TIMEOUT, TcpSock

MS = 1_000_000


def process(tp: TcpSock, segment: Segment, now: int) -> int:
    """1: taken. 0: older than what we know, only its SACK blocks count. -1: acknowledges what was never sent, or absurdly old."""
    number = segment.ack
    una = tp.snd_una
    distance = (number - una) & MASK
    if distance & HALF:
        if ((una - number) & MASK) > tp.max_window:
            return -1
        if segment.sack and tp.sack_ok and tp.rtx_queue:
            result = AckResult()
            recovery.process_sack(tp, segment, now, result)
            new_data = recovery.fastretrans_alert(tp, segment, now, 0, result)
            _xmit_recovery(tp, now, new_data)
        return 0
    if (tp.snd_nxt - number) & HALF:
        return -1
    result = AckResult()
    if distance:
        result.advanced = True
        tp.retransmits = 0
    if tp.tstamp_ok and segment.ts_val is not None and not after(segment.seq, tp.rcv_wup):
        tp.ts_recent = segment.ts_val
        tp.ts_recent_ns = now
    update_window(tp, segment, result)
    prior_packets = tp.packets_out
    prior_sacked = tp.sacked_out
    prior_lost = tp.lost_out
    if segment.sack and tp.sack_ok:
        recovery.process_sack(tp, segment, now, result)
    tp.soft_errno = 0
    tp.probes_out = 0
    tp.rcv_tstamp = now
    if not prior_packets:
        tp.snd_una = number
        if tp.write_queue:
            ack_probe(tp, now)
        return 1
    if distance:
        clean_rtx_queue(tp, number, now, result)
        tp.snd_una = number
    _measure(tp, segment, now, result)
    not_dup = bool(segment.payload) or segment.flags & (SYN | FIN) != 0 or result.window_updated or result.acked > 0
    if tp.tlp_high_seq >= 0:
        _process_tlp_ack(tp, number, result, not_dup)
    new_data = False
    dubious = tp.ca_state != CA_OPEN or result.sacked > 0 or result.dsack or not not_dup
    if dubious:
        dupacks = 0 if result.advanced or not_dup or result.dsack else 1
        new_data = recovery.fastretrans_alert(tp, segment, now, dupacks, result)
    if distance and tp.timer_kind != TIME_REO_TIMEOUT:
        if not rto.schedule_loss_probe(tp, now, True):
            rto.rearm_rto(tp, now)
    elif not tp.packets_out:
        tp.timer_kind = NO_TIMER
    result.newly_lost = max(tp.lost_out - prior_lost, 0)
    delivered = result.acked + (result.sacked if tp.sack_ok else max(tp.sacked_out - prior_sacked, 0))
    if tp.ca_state in (CA_CWR, CA_RECOVERY):
        recovery.reduce_cwnd(tp, result, delivered)
    elif result.data_acked and (tp.is_cwnd_limited or (tp.cwnd < tp.ssthresh and tp.cwnd < 2 * tp.max_packets_out)):
        cong_avoid(tp, delivered, now)
    if dubious:
        _xmit_recovery(tp, now, new_data)
    return 1


def _xmit_recovery(tp: TcpSock, now: int, new_data: bool) -> None:
    """Lost chunks again, or (F-RTO) new data first (tcp_xmit_recovery)."""
    if new_data:
        xmit.write_xmit(tp, now)
        if after(tp.snd_nxt, tp.high_seq):
            return
        tp.frto = False
    if tp.lost_out:
        recovery.xmit_retransmit_queue(tp, now)


def _measure(tp: TcpSock, segment: Segment, now: int, result: AckResult) -> None:
    """A round trip from the scoreboard (Karn: only what was sent once), else from the timestamp (tcp_ack_update_rtt)."""
    rtt = result.rtt_us if result.rtt_us >= 0 else result.sack_rtt_us
    if rtt >= 0:
        tp.rtt.sample(rtt, tp.snd_una, tp.snd_nxt)
        tp.backoff = 0
    elif result.acked and tp.tstamp_ok and segment.ts_ecr:
        measure_by_stamp(tp, segment.ts_ecr, now)


def measure_by_stamp(tp: TcpSock, ts_ecr: int, now: int) -> None:
    """How long ago our timestamp, which now came back, was sent; in whole milliseconds, at least one."""
    delta = (now // MS + tp.ts_offset - ts_ecr) & MASK
    if delta < 0x200000:
        tp.rtt.sample(max(delta, 1) * 1000, tp.snd_una, tp.snd_nxt)
        tp.backoff = 0


def cong_avoid(tp: TcpSock, acked: int, now: int) -> None:
    """Slow start up to ssthresh, then the algorithm's own growth."""
    if tp.cwnd < tp.ssthresh:
        grown = min(tp.cwnd + acked, tp.ssthresh)
        acked -= grown - tp.cwnd
        tp.cwnd = grown
        if not acked:
            return
    tp.cwnd = tp.ca.avoid(tp.cwnd, acked, (tp.rtt.srtt_us >> 3) // 1000, now // MS)


def update_window(tp: TcpSock, segment: Segment, result: AckResult) -> None:
    """The peer's window, if this segment is newer than the one that told the last (tcp_ack_update_window)."""
    offered = segment.window
    if not segment.flags & SYN:
        offered <<= tp.snd_wscale
    if (
        after(segment.ack, tp.snd_una) or after(segment.seq, tp.snd_wl1)
        or (segment.seq == tp.snd_wl1 and (offered > tp.snd_wnd or not offered))
    ):
        tp.snd_wl1 = segment.seq
        if offered != tp.snd_wnd:
            result.window_updated = True
            tp.snd_wnd = offered
            if offered > tp.max_window:
                tp.max_window = offered
                output.sync_mss(tp)


def clean_rtx_queue(tp: TcpSock, number: int, now: int, result: AckResult) -> None:
    """Forget what is acknowledged, and measure with what was sent only once (tcp_clean_rtx_queue)."""
    queue = tp.rtx_queue
    first_sent = -1
    acked = 0
    freed = 0
    while queue:
        chunk = queue[0]
        if (number - chunk.end) & HALF:
            passed = (number - chunk.seq) & MASK
            if passed and not passed & HALF and passed < len(chunk.data):  # part of a segment: only what is left stays (tcp_trim_head)
                chunk.data = chunk.data[passed:]
                chunk.seq = number
                freed += passed
            break
        sacked = chunk.sacked
        if not sacked:
            if first_sent < 0:
                first_sent = chunk.sent_ns
            recovery.rack_advance(tp, chunk, now)
        else:
            if sacked & EVER_RETRANS:
                if sacked & RETRANS:
                    tp.retrans_out -= 1
                result.retrans_acked = True
            elif not sacked & SACKED and first_sent < 0:
                first_sent = chunk.sent_ns
            if sacked & SACKED:
                tp.sacked_out -= 1
            else:
                recovery.rack_advance(tp, chunk, now)
            if sacked & LOST:
                tp.lost_out -= 1
        if not sacked & SACKED:
            if tp.sacked_out and tp.sack_ok and not sacked & EVER_RETRANS:
                recovery.saw_reordering(tp, chunk.seq)
            acked += 1
            if not sacked & EVER_RETRANS and not after(chunk.end, tp.high_seq):
                result.orig_acked = True
        if chunk.flags & SYN:
            tp.retrans_stamp = 0
        else:
            result.data_acked = True
        freed += len(chunk.data) + chunk.cost
        tp.packets_out -= 1
        queue.popleft()
    result.acked = acked
    if not tp.sack_ok and tp.sacked_out:
        tp.sacked_out = max(min(tp.sacked_out - max(acked - 1, 0), tp.packets_out), 0)
    if first_sent >= 0 and not result.retrans_acked:
        result.rtt_us = (now - first_sent) // 1000
    tp.wmem -= freed
    if tp.want_write and in_flight(tp) < tp.cwnd:
        window.expand_sndbuf(tp)
    if tp.want_write and tp.sndbuf - tp.wmem >= tp.wmem >> 1:
        tp.want_write = False
        tp.events.append(WRITABLE)


def ack_probe(tp: TcpSock, now: int) -> None:
    """Nothing is in flight: stop probing when the window is open again, else wait longer (tcp_ack_probe)."""
    head = tp.write_queue[0]
    room = (tp.snd_una + tp.snd_wnd - head.seq) & MASK
    if not room & HALF and room >= min(len(head.data), tp.mss_cache):
        tp.backoff = 0
        if tp.timer_kind == TIME_PROBE0:
            tp.timer_kind = NO_TIMER
    elif tp.timer_kind == TIME_PROBE0:
        base = max(tp.rtt.rto_ns, tp.settings.tcp_rto_min_ns)
        tp.timer_at = now + min(base << min(tp.backoff, 9), tp.settings.tcp_rto_max_ns)


def _process_tlp_ack(tp: TcpSock, number: int, result: AckResult, not_dup: bool) -> None:
    """Did the tail loss probe mend a loss? Then the window must shrink (tcp_process_tlp_ack)."""
    if (number - tp.tlp_high_seq) & HALF:
        return
    if not tp.tlp_retrans or result.dsack:
        tp.tlp_high_seq = -1
    elif after(number, tp.tlp_high_seq):
        recovery.start_reduction(tp)
        tp.ca_state = CA_CWR
        recovery.end_reduction(tp)
        tp.ca_state = CA_OPEN
    elif not (result.advanced or not_dup or result.sacked):
        tp.tlp_high_seq = -1
