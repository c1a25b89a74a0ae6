"""A segment came in: is it acceptable, and what does it do in this state (tcp_rcv_established, tcp_rcv_state_process)."""
from __future__ import annotations

import errno

from emu.tcp import ack, output, receive, rto, window, xmit
from emu.tcp.chunk import Chunk
from emu.tcp.events import CLOSED, CONNECTED, Reset
from emu.tcp.segment import ACK, FIN, RST, SYN, Segment, reset_for
from emu.tcp.seq import HALF, MASK, after, before
from emu.tcp.sock import NO_TIMER, TcpSock
from emu.tcp.states import Cause, State

MS = 1_000_000
PAWS_24DAYS_NS = 60 * 60 * 24 * 24 * 1_000_000_000


# -- ends ----------------------------------------------------------------------------------------------------------------------------------------------

def done(tp: TcpSock, cause: Cause) -> None:
    """The connection is over (tcp_done)."""
    if tp.state is not State.CLOSE:
        tp.move(cause)
    tp.timer_kind = NO_TIMER
    tp.delack_armed = False
    tp.comp_at = None
    tp.life_at = None
    tp.rcv_shutdown = tp.send_shutdown = True
    tp.write_queue.clear()
    tp.rtx_queue.clear()
    tp.packets_out = tp.sacked_out = tp.lost_out = tp.retrans_out = tp.wmem = 0
    tp.events.append(CLOSED)


def reset(tp: TcpSock) -> None:
    """A valid RST (tcp_reset)."""
    if tp.state is State.SYN_SENT:
        number = errno.ECONNREFUSED
    elif tp.state is State.CLOSE_WAIT:
        number = errno.EPIPE
    else:
        number = errno.ECONNRESET
    tp.errno = number
    tp.events.append(Reset(number))
    done(tp, Cause.RST)


def time_wait(tp: TcpSock, now: int) -> None:
    """Begin TIME_WAIT: only the timer and stray segments remain (tcp_time_wait)."""
    tp.timer_kind = NO_TIMER
    tp.delack_armed = False
    tp.comp_at = None
    tp.life_at = now + tp.settings.tcp_time_wait_ns


# -- tests a segment must pass ---------------------------------------------------------------------------------------------------------------------------

def oow_limited(tp: TcpSock, segment: Segment, now: int) -> bool:
    """Answer at most twice a second what is out of window, so that two confused ends do not loop (tcp_oow_rate_limited)."""
    if segment.payload and not segment.flags & SYN:
        return False
    last = tp.last_oow_ack_ns
    if last is not None and 0 <= now - last < tp.settings.tcp_invalid_ratelimit_ns:
        return True
    tp.last_oow_ack_ns = now
    return False


def challenge_ack(tp: TcpSock, now: int) -> None:
    """Ask the peer to prove itself (RFC 5961; tcp_send_challenge_ack)."""
    last = tp.last_oow_ack_ns
    if last is not None and 0 <= now - last < tp.settings.tcp_invalid_ratelimit_ns:
        return
    tp.last_oow_ack_ns = now
    output.send_ack(tp, now)


def send_dupack(tp: TcpSock, segment: Segment, now: int) -> None:
    """Out of window: repeat where we are, with D-SACK for old bytes (tcp_send_dupack)."""
    end = (segment.seq + segment.seq_len) & MASK
    if end != segment.seq and before(segment.seq, tp.rcv_nxt):
        receive.enter_quickack(tp)
        if tp.sack_ok:
            receive.dsack(tp, segment.seq, tp.rcv_nxt if after(end, tp.rcv_nxt) else end)
    output.send_ack(tp, now)


def paws_reject(tp: TcpSock, segment: Segment, now: int) -> bool:
    """A timestamp older than the last one: a wandering duplicate (RFC 7323 section 5; tcp_paws_discard)."""
    if not tp.tstamp_ok or segment.ts_val is None or tp.ts_recent_ns < 0:
        return False
    behind = (tp.ts_recent - segment.ts_val) & MASK
    if behind == 0 or behind & HALF or now - tp.ts_recent_ns > PAWS_24DAYS_NS or not tp.ts_recent:
        return False
    # a pure ACK that says nothing new may be overtaken (tcp_disordered_ack)
    return not (
        segment.flags & ACK and not segment.payload and segment.seq == tp.rcv_nxt and segment.ack == tp.snd_una
        and behind <= tp.rtt.rto_ns * 1024 // 1_000_000_000
    )


def acceptable(tp: TcpSock, segment: Segment, now: int) -> bool:
    """PAWS, sequence, RST, SYN (tcp_validate_incoming); what must be answered is answered here."""
    flags = segment.flags
    seq = segment.seq
    if paws_reject(tp, segment, now) and not flags & RST:
        if flags & SYN:
            challenge_ack(tp, now)
        elif not oow_limited(tp, segment, now):
            send_dupack(tp, segment, now)
        return False
    end = (seq + segment.seq_len) & MASK
    left = window.receive_window(tp)
    right = (tp.rcv_nxt + left) & MASK
    if before(end, tp.rcv_wup) or (after(end, right) and (after(seq, right) or tp.recv_queue)):
        if flags & RST:
            if tp.state in (State.CLOSE_WAIT, State.LAST_ACK, State.CLOSING) and (seq + 1) & MASK == tp.rcv_nxt:
                reset(tp)  # tcp_reset_check: the peer counts without its FIN
        elif flags & SYN:
            challenge_ack(tp, now)
        elif not oow_limited(tp, segment, now):
            send_dupack(tp, segment, now)
        return False
    if flags & RST:
        edge = tp.rcv_nxt
        if seq != edge and tp.sack_ok and tp.selective_acks:
            edge = max(tp.selective_acks, key=lambda block: (block[1] - tp.rcv_nxt) & MASK)[1]
        if seq == tp.rcv_nxt or seq == edge:
            reset(tp)
        else:
            challenge_ack(tp, now)
        return False
    if flags & SYN:
        if (
            tp.state is State.SYN_RECV and flags & ACK and (seq + 1) & MASK == end == tp.rcv_nxt and segment.ack == tp.snd_nxt
        ):
            return True  # the SYN-ACK of a simultaneous open
        challenge_ack(tp, now)
        return False
    return True


# -- states --------------------------------------------------------------------------------------------------------------------------------------------

def process(tp: TcpSock, segment: Segment, now: int) -> None:
    """One segment for a connection that is not in LISTEN, SYN_SENT or TIME_WAIT."""
    flags = segment.flags
    if not acceptable(tp, segment, now):
        return
    if not flags & ACK:
        if not flags & SYN:
            return
    state = tp.state
    if state is State.ESTABLISHED:
        if ack.process(tp, segment, now) < 0:
            return
        if segment.payload or flags & FIN:
            if tp.tstamp_ok and segment.ts_ecr:
                window.measure_rcv_rtt_by_stamp(tp, segment.ts_ecr, len(segment.payload), now)
            receive.data_queue(tp, segment, now)
        xmit.push_pending(tp, now)
        if tp.ack_sched:
            receive.ack_check(tp, now)
        return
    verdict = ack.process(tp, segment, now)
    if verdict <= 0 and (state is State.SYN_RECV or verdict < 0):
        if state is State.SYN_RECV:
            answer = reset_for(segment)
            if answer is not None:
                tp.out.append(answer)
        else:
            challenge_ack(tp, now)
        return
    if state is State.SYN_RECV:
        _established(tp, segment, now)
    elif state is State.FIN_WAIT1 and tp.fin_sent and tp.snd_una == tp.write_seq:
        tp.move(Cause.RCV_ACK_OF_FIN)
        if tp.orphan and not _orphan_wait(tp, segment, now):
            return
    elif state is State.CLOSING and tp.snd_una == tp.write_seq:
        tp.move(Cause.RCV_ACK_OF_FIN)
        time_wait(tp, now)
        return
    elif state is State.LAST_ACK and tp.snd_una == tp.write_seq:
        done(tp, Cause.RCV_ACK_OF_FIN)
        return
    state = tp.state
    if state in (State.CLOSE_WAIT, State.CLOSING, State.LAST_ACK):
        if before(segment.seq, tp.rcv_nxt):
            receive.data_queue(tp, segment, now)
    elif tp.rcv_shutdown and segment.payload and after((segment.seq + len(segment.payload)) & MASK, tp.rcv_nxt):
        _abort_on_data(tp, segment)
        return
    else:
        receive.data_queue(tp, segment, now)
        if tp.state is State.TIME_WAIT:
            time_wait(tp, now)
            return
    xmit.push_pending(tp, now)
    if tp.ack_sched:
        receive.ack_check(tp, now)


def _abort_on_data(tp: TcpSock, segment: Segment) -> None:
    """Data for a program that is gone: RST (SKB_DROP_REASON_TCP_ABORT_ON_DATA)."""
    answer = reset_for(segment)
    if answer is not None:
        tp.out.append(answer)
    done(tp, Cause.RST)


def begin_fin_wait2(tp: TcpSock, now: int) -> None:
    """Nobody will read: wait for the peer's FIN, but not for ever (tcp_fin_time)."""
    tp.life_at = now + max(tp.settings.tcp_fin_timeout * 1_000_000_000, (tp.rtt.rto_ns << 2) - (tp.rtt.rto_ns >> 1))


def _orphan_wait(tp: TcpSock, segment: Segment, now: int) -> bool:
    """FIN_WAIT2 of a closed socket lasts tcp_fin_timeout; False if the segment ended the connection."""
    if segment.payload and after((segment.seq + len(segment.payload)) & MASK, tp.rcv_nxt):
        _abort_on_data(tp, segment)
        return False
    begin_fin_wait2(tp, now)
    return True


def _established(tp: TcpSock, segment: Segment, now: int) -> None:
    """SYN_RECV is over (simultaneous open)."""
    tp.move(Cause.RCV_ACK_OF_SYN)
    tp.snd_una = segment.ack
    tp.snd_wnd = segment.window << tp.snd_wscale
    tp.snd_wl1 = segment.seq
    tp.max_window = max(tp.max_window, tp.snd_wnd)
    output.sync_mss(tp)
    window.init_rcv_mss(tp)
    window.init_buffer_space(tp, now)
    tp.lsndtime = tp.lrcvtime = now
    tp.events.append(CONNECTED)


# -- SYN_SENT ------------------------------------------------------------------------------------------------------------------------------------------

def process_syn_sent(tp: TcpSock, segment: Segment, now: int) -> None:
    """The answer to our SYN, or a SYN that crossed it (tcp_rcv_synsent_state_process)."""
    flags = segment.flags
    if flags & ACK:
        echo_ok = True
        if tp.settings.tcp_timestamps and segment.ts_val is not None and segment.ts_ecr:
            sent = (tp.first_send_ns // MS + tp.ts_offset) & MASK
            latest = (now // MS + tp.ts_offset) & MASK
            echo_ok = not before(segment.ts_ecr, sent) and not after(segment.ts_ecr, latest)
        if segment.ack != tp.snd_nxt or not echo_ok:
            if not flags & RST:
                answer = reset_for(segment)
                if answer is not None:
                    tp.out.append(answer)
            return
        if flags & RST:
            reset(tp)
            return
        if not flags & SYN:
            return
        _take_options(tp, segment, now)
        tp.snd_wl1 = segment.seq
        ack.process(tp, segment, now)
        tp.rcv_nxt = tp.rcv_wup = tp.copied_seq = (segment.seq + 1) & MASK
        tp.snd_wnd = segment.window
        tp.max_window = max(tp.max_window, tp.snd_wnd)
        _agree_scale(tp)
        output.sync_mss(tp)
        window.init_rcv_mss(tp)
        tp.move(Cause.RCV_SYN_ACK)
        tp.lrcvtime = tp.lsndtime = now
        output.init_transfer(tp, tp.tstamp_ok and segment.ts_ecr == (tp.first_send_ns // MS + tp.ts_offset) & MASK)
        tp.retransmits = 0
        window.init_buffer_space(tp, now)
        tp.timer_kind = NO_TIMER
        tp.events.append(CONNECTED)
        output.send_ack(tp, now)
        return
    if flags & RST or not flags & SYN:
        return
    if paws_reject(tp, segment, now):
        return
    tp.move(Cause.RCV_SYN)
    _take_options(tp, segment, now)
    tp.rcv_nxt = tp.rcv_wup = tp.copied_seq = (segment.seq + 1) & MASK
    tp.snd_wnd = tp.max_window = segment.window
    tp.snd_wl1 = segment.seq
    _agree_scale(tp)
    output.sync_mss(tp)
    window.init_rcv_mss(tp)
    tp.out.append(output.syn_segment(tp, now, SYN | ACK))
    if tp.rtx_queue:
        tp.rtx_queue[0].flags |= ACK
    rto.rearm_rto(tp, now)


def _take_options(tp: TcpSock, segment: Segment, now: int) -> None:
    """What the peer's SYN offers and we offered too."""
    settings = tp.settings
    tp.tstamp_ok = bool(settings.tcp_timestamps) and segment.ts_val is not None
    if tp.tstamp_ok and segment.ts_val is not None:
        tp.ts_recent = segment.ts_val
        tp.ts_recent_ns = now
    tp.sack_ok = bool(settings.tcp_sack) and segment.sack_permitted
    tp.wscale_ok = bool(settings.tcp_window_scaling) and segment.wscale is not None
    tp.snd_wscale = segment.wscale or 0 if tp.wscale_ok else 0
    tp.mss_clamp = min(segment.mss or 536, 65535)


def _agree_scale(tp: TcpSock) -> None:
    """Without the peer's window scale ours is off too."""
    if not tp.wscale_ok:
        tp.snd_wscale = tp.rcv_wscale = 0
        tp.window_clamp = min(tp.window_clamp, 65535)


def start(tp: TcpSock, now: int) -> None:
    """Send the first SYN (tcp_connect)."""
    settings = tp.settings
    tp.move(Cause.ACTIVE_OPEN)
    tp.rcv_wnd, tp.window_clamp, tp.rcv_wscale = window.initial(settings, tp.advmss, bool(settings.tcp_window_scaling))
    tp.rcv_ssthresh = tp.rcv_wnd
    chunk = Chunk(tp.iss, (tp.iss + 1) & MASK, b"", SYN)
    chunk.sent_ns = now
    tp.rtx_queue.append(chunk)
    tp.packets_out = 1
    tp.snd_nxt = tp.write_seq = tp.pushed_seq = chunk.end
    tp.first_send_ns = now
    tp.out.append(output.syn_segment(tp, now, SYN))
    rto.rearm_rto(tp, now)
