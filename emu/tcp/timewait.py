"""TIME_WAIT, and FIN_WAIT2 of a closed socket: a small memory that answers stray segments (tcp_timewait_state_process)."""
from __future__ import annotations

from emu.tcp import input as tcp_input
from emu.tcp import output
from emu.tcp.segment import ACK, FIN, RST, SYN, Segment, reset_for
from emu.tcp.seq import MASK, after, before
from emu.tcp.sock import TcpSock
from emu.tcp.states import Cause, State


def process_time_wait(tp: TcpSock, segment: Segment, now: int) -> None:
    """Answer, wait longer, or end."""
    flags = segment.flags
    seq = segment.seq
    end = (seq + segment.seq_len) & MASK
    rejected = tcp_input.paws_reject(tp, segment, now)
    if tp.state is State.FIN_WAIT2:
        inside = not rejected and in_window(tp, seq, end)
        if not inside:
            _answer_out_of_window(tp, segment, now)
            return
        if flags & RST:
            tcp_input.done(tp, Cause.RST)
            return
        if flags & SYN and not before(seq, tp.rcv_nxt):
            _reset_and_end(tp, segment)
            return
        if not flags & ACK or not after(end, tp.rcv_nxt) or end == seq:
            return
        if not flags & FIN or end != (tp.rcv_nxt + 1) & MASK:
            _reset_and_end(tp, segment)
            return
        tp.move(Cause.RCV_FIN)
        tp.rcv_nxt = end
        _remember_stamp(tp, segment, now)
        tcp_input.time_wait(tp, now)
        output.send_ack(tp, now)
        return
    if not rejected and seq == tp.rcv_nxt and (seq == end or flags & RST):
        if flags & RST:
            if not tp.settings.tcp_rfc1337:
                tcp_input.done(tp, Cause.RST)
                return
        else:
            tcp_input.time_wait(tp, now)
        _remember_stamp(tp, segment, now)
        return
    if not flags & RST:
        if rejected or flags & ACK:
            tcp_input.time_wait(tp, now)
        if not tcp_input.oow_limited(tp, segment, now):
            output.send_ack(tp, now)


def reuse_isn(tp: TcpSock, segment: Segment) -> int | None:
    """A SYN later than everything of the old connection may open a new one at once (RFC 6191)."""
    if tp.state is not State.TIME_WAIT or segment.flags & (SYN | RST | ACK) != SYN:
        return None
    newer_stamp = tp.tstamp_ok and segment.ts_val is not None and after(segment.ts_val, tp.ts_recent)
    older_stamp = tp.tstamp_ok and segment.ts_val is not None and before(segment.ts_val, tp.ts_recent)
    if older_stamp or not (after(segment.seq, tp.rcv_nxt) or newer_stamp):
        return None
    return (tp.snd_nxt + 65537) & MASK or 1


def in_window(tp: TcpSock, seq: int, end: int) -> bool:
    """Between the left and the right edge of the window (tcp_in_window)."""
    left = tp.rcv_nxt
    right = (left + tp.rcv_wnd) & MASK
    if seq == left:
        return True
    if after(end, left) and before(seq, right):
        return True
    return seq == right and seq == end


def _answer_out_of_window(tp: TcpSock, segment: Segment, now: int) -> None:
    if not segment.flags & RST and not tcp_input.oow_limited(tp, segment, now):
        output.send_ack(tp, now)


def _reset_and_end(tp: TcpSock, segment: Segment) -> None:
    answer = reset_for(segment)
    if answer is not None:
        tp.out.append(answer)
    tcp_input.done(tp, Cause.RST)


def _remember_stamp(tp: TcpSock, segment: Segment, now: int) -> None:
    if tp.tstamp_ok and segment.ts_val is not None:
        tp.ts_recent = segment.ts_val
        tp.ts_recent_ns = now
