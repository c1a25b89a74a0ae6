"""Time passed: retransmission, loss probe, zero window probe, delayed ACK, the ends of FIN_WAIT2 and TIME_WAIT (tcp_timer.c)."""
from __future__ import annotations

import errno

from emu.tcp import output, recovery, rto, xmit
from emu.tcp.events import TimedOut
from emu.tcp.input import done
from emu.tcp.receive import ATO_MIN
from emu.tcp.retransmit import retransmit, send_again
from emu.tcp.seq import HALF, MASK, after
from emu.tcp.sock import CA_RECOVERY, NO_TIMER, TIME_LOSS_PROBE, TIME_PROBE0, TIME_REO_TIMEOUT, TIME_RETRANS, TcpSock
from emu.tcp.states import Cause, State

SECOND = 1_000_000_000
_NO_KEEPALIVE = (State.CLOSE, State.LISTEN, State.SYN_SENT, State.TIME_WAIT)


def next_timeout(tp: TcpSock) -> int | None:
    """The earliest time at which handle() has something to do, or None."""
    soonest: int | None = tp.life_at
    if tp.timer_kind and (soonest is None or tp.timer_at < soonest):
        soonest = tp.timer_at
    if tp.delack_armed and (soonest is None or tp.delack_at < soonest):
        soonest = tp.delack_at
    if tp.comp_at is not None and (soonest is None or tp.comp_at < soonest):
        soonest = tp.comp_at
    if tp.keepalive and (due := keepalive_due(tp)) is not None and (soonest is None or due < soonest):
        soonest = due
    return soonest


def keepalive_due(tp: TcpSock) -> int | None:
    """When an idle connection with SO_KEEPALIVE is to be probed (next); None while something is in flight or waits (tcp_keepalive_timer)."""
    if tp.state in _NO_KEEPALIVE or tp.packets_out or tp.write_queue:
        return None
    if tp.probes_out:
        return tp.keep_probe_ns + tp.settings.tcp_keepalive_intvl * SECOND
    return max(tp.lrcvtime, tp.rcv_tstamp) + tp.settings.tcp_keepalive_time * SECOND


def handle(tp: TcpSock, now: int) -> None:
    """Do what is due."""
    if tp.comp_at is not None and tp.comp_at <= now:
        tp.comp_at = None
        if tp.compressed_ack:
            output.send_ack(tp, now)
    if tp.delack_armed and tp.delack_at <= now:
        delayed_ack(tp, now)
    if tp.timer_kind and tp.timer_at <= now:
        kind = tp.timer_kind
        tp.timer_kind = NO_TIMER
        if kind == TIME_RETRANS:
            retransmit_timer(tp, now)
        elif kind == TIME_LOSS_PROBE:
            send_loss_probe(tp, now)
        elif kind == TIME_REO_TIMEOUT:
            reordering_timer(tp, now)
        elif kind == TIME_PROBE0:
            probe_timer(tp, now)
    if tp.keepalive and (due := keepalive_due(tp)) is not None and due <= now:
        keepalive(tp, now)
    if tp.life_at is not None and tp.life_at <= now:
        tp.life_at = None
        done(tp, Cause.TIMEOUT)


def keepalive(tp: TcpSock, now: int) -> None:
    """Ask an idle peer whether it is still there; after tcp_keepalive_probes silent probes reset it."""
    if tp.probes_out >= tp.settings.tcp_keepalive_probes:
        output.send_active_reset(tp, now)
        give_up(tp)
        return
    output.probe(tp, now)
    tp.probes_out += 1
    tp.keep_probe_ns = now


def delayed_ack(tp: TcpSock, now: int) -> None:
    """The ACK that waited for data to ride on goes alone (tcp_delack_timer_handler)."""
    tp.delack_armed = False
    if not tp.ack_sched:
        return
    if tp.pingpong < 1:
        tp.ato = min(tp.ato << 1, tp.rtt.rto_ns)
    else:
        tp.pingpong = 0
        tp.ato = ATO_MIN
    output.send_ack(tp, now)


def give_up(tp: TcpSock) -> None:
    """Too long without an answer (tcp_write_err)."""
    number = tp.soft_errno or errno.ETIMEDOUT
    tp.errno = number
    tp.events.append(TimedOut(number))
    done(tp, Cause.TIMEOUT)


def limit_passed(tp: TcpSock, retries: int, rto_base: int, now: int) -> bool:
    """Would `retries` doublings from the base have passed since the first loss (retransmits_timed_out)?"""
    if not tp.retransmits:
        return False
    most = tp.settings.tcp_rto_max_ns
    doublings = max((most // rto_base).bit_length() - 1, 0)
    if retries <= doublings:
        timeout = ((2 << retries) - 1) * rto_base
    else:
        timeout = ((2 << doublings) - 1) * rto_base + (retries - doublings) * most
    start = (tp.retrans_stamp - tp.ts_offset) & MASK
    passed = ((now // 1_000_000 & MASK) - start) & MASK
    return not passed & HALF and passed * 1_000_000 >= timeout


def retransmit_timer(tp: TcpSock, now: int) -> None:
    """No ACK in time: the oldest segment again, and twice the patience (tcp_retransmit_timer)."""
    if not tp.packets_out:
        return
    settings = tp.settings
    state = tp.state
    if state is State.SYN_SENT:
        if tp.retransmits >= settings.tcp_syn_retries + settings.tcp_syn_linear_timeouts:
            give_up(tp)
            return
    elif state is State.SYN_RECV:
        if tp.retransmits >= settings.tcp_synack_retries:
            give_up(tp)
            return
    else:
        retries = settings.tcp_retries2
        if tp.orphan:
            retries = settings.tcp_orphan_retries or 8
        if tp.retrans_stamp and limit_passed(tp, retries, settings.tcp_rto_min_ns, now):
            give_up(tp)
            return
    if state not in (State.SYN_SENT, State.SYN_RECV):
        recovery.enter_loss(tp)
    tp.retransmits += 1
    if state in (State.SYN_SENT, State.SYN_RECV):
        tp.syn_retransmits += 1
    if tp.rtx_queue:
        retransmit(tp, 0, now)
    if state is State.SYN_SENT and tp.retransmits <= settings.tcp_syn_linear_timeouts:
        tp.backoff = 0
    else:
        tp.backoff += 1
    rto.restart(tp, now)


def send_loss_probe(tp: TcpSock, now: int) -> None:
    """Two round trips of silence: one new segment, or the last one again (tcp_send_loss_probe)."""
    if tp.tlp_high_seq < 0 and tp.rtx_queue and _probe_loss(tp, now):
        tp.tlp_high_seq = tp.snd_nxt
        rto.restart(tp, now)
        return
    tp.timer_kind = TIME_LOSS_PROBE
    rto.rearm_rto(tp, now)


def _probe_loss(tp: TcpSock, now: int) -> bool:
    tp.tlp_retrans = False
    if tp.write_queue and after((tp.snd_una + tp.snd_wnd) & MASK, tp.snd_nxt):
        out = tp.packets_out
        xmit.write_xmit(tp, now, loss_probe=True)
        return tp.packets_out > out
    tp.tlp_retrans = send_again(tp, len(tp.rtx_queue) - 1, now)
    return tp.tlp_retrans


def reordering_timer(tp: TcpSock, now: int) -> None:
    """What could still have been overtaken is lost now (tcp_rack_reo_timeout)."""
    prior = recovery.in_flight(tp)
    recovery.rack_detect(tp, now)
    if prior != recovery.in_flight(tp):
        if tp.ca_state < CA_RECOVERY:
            recovery.enter_recovery(tp)
            recovery.reduce_cwnd(tp, recovery.AckResult(), 1)
        recovery.xmit_retransmit_queue(tp, now)
    if tp.timer_kind != TIME_RETRANS:
        rto.rearm_rto(tp, now)


def probe_timer(tp: TcpSock, now: int) -> None:
    """Is the window still shut? (tcp_probe_timer, tcp_send_probe0)"""
    if tp.packets_out or not tp.write_queue:
        tp.probes_out = 0
        return
    settings = tp.settings
    most = settings.tcp_retries2
    if tp.orphan:
        most = settings.tcp_orphan_retries or 8
    if tp.probes_out >= most:
        give_up(tp)
        return
    xmit.write_wakeup(tp, now)
    if tp.packets_out or not tp.write_queue:
        tp.probes_out = 0
        tp.backoff = 0
        return
    tp.probes_out += 1
    base = max(tp.rtt.rto_ns, settings.tcp_rto_min_ns)
    if tp.backoff < settings.tcp_retries2:
        tp.backoff += 1
    tp.timer_kind = TIME_PROBE0
    tp.timer_at = now + min(base << min(tp.backoff, 9), settings.tcp_rto_max_ns)
