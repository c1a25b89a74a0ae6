"""How the congestion window is used: restart after idling, shrink when unused, and how large a burst may be (RFC 2861, tcp_tso_autosize)."""
from __future__ import annotations

from emu.tcp.chunk import Chunk
from emu.tcp.output import MS, bound_to_half_wnd
from emu.tcp.segment import FIN
from emu.tcp.seq import before
from emu.tcp.sock import CA_CWR, CA_OPEN, CA_RECOVERY, TcpSock

GSO_MAX = 65536 - 320 - 1  # sk_gso_max_size less MAX_TCP_HEADER


def validate(tp: TcpSock, limited: bool, now: int) -> None:
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


def restart(tp: TcpSock, idle: int) -> None:
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


def should_defer(tp: TcpSock, chunk: Chunk, usable: int, now: int, max_segments: int, in_flight: int) -> bool:
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
