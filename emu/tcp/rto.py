"""The retransmission timer and the tail loss probe's: when to fire (tcp_rearm_rto, tcp_schedule_loss_probe)."""
from __future__ import annotations

from emu.tcp.output import MS
from emu.tcp.rtt import TIMEOUT_INIT_NS
from emu.tcp.sock import CA_CWR, CA_OPEN, NO_TIMER, TIME_LOSS_PROBE, TIME_REO_TIMEOUT, TIME_RETRANS, TcpSock
from emu.tcp.states import State


def current(tp: TcpSock) -> int:
    """The timeout with its doublings, in ns (icsk_rto)."""
    return min(tp.rtt.rto_ns << tp.backoff, tp.settings.tcp_rto_max_ns)


def restart(tp: TcpSock, now: int) -> None:
    """A whole timeout from now."""
    tp.timer_kind = TIME_RETRANS
    tp.timer_at = now + current(tp)


def rearm_rto(tp: TcpSock, now: int) -> None:
    """Start the retransmission timer, or stop it; after a probe's timer what had passed since the oldest segment counts (tcp_rearm_rto)."""
    if not tp.packets_out:
        tp.timer_kind = NO_TIMER
        return
    timeout = current(tp)
    if tp.timer_kind in (TIME_LOSS_PROBE, TIME_REO_TIMEOUT) and tp.rtx_queue:
        timeout = max(tp.rtx_queue[0].sent_ns + timeout - now, 1000)
    tp.timer_kind = TIME_RETRANS
    tp.timer_at = now + timeout


def schedule_loss_probe(tp: TcpSock, now: int, advancing: bool) -> bool:
    """A probe two round trips after the last segment, so that a lost tail is noticed before the timeout (RFC 8985 section 7).

    `advancing`: an ACK restarts the clock; else the timeout counts from the oldest segment. False where no probe is wanted.
    """
    if not tp.packets_out or not tp.sack_ok or tp.ca_state not in (CA_OPEN, CA_CWR) or tp.state is State.SYN_RECV:
        return False
    if tp.rtt.srtt_us:
        timeout = (tp.rtt.srtt_us >> 2) * 1000
        timeout += tp.settings.tcp_rto_min_ns if tp.packets_out == 1 else 2 * MS
    else:
        timeout = TIMEOUT_INIT_NS
    rto = current(tp)
    if not advancing:
        rto += tp.rtx_queue[0].sent_ns - now
    if 0 < rto < timeout:
        timeout = rto
    tp.timer_kind = TIME_LOSS_PROBE
    tp.timer_at = now + timeout
    return True
