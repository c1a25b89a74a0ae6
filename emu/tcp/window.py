"""The receive window: how much to offer, and how it grows (tcp_select_initial_window, __tcp_select_window, tcp_grow_window, tcp_rcv_space_adjust)."""
from __future__ import annotations

from emu.tcp.seq import MASK
from emu.tcp.settings import Settings
from emu.tcp.sock import MIN_MSS, MSS_DEFAULT, TcpSock

MAX_WSCALE = 14
SKB_OVERHEAD = 832  # what a segment that was a write of its own costs of the receive buffer beside its bytes (ss -m on veth)
SKB_PIECE = 2304  # what a piece of a larger write costs, of 948 or of 1448 bytes alike (skb_segment: a buffer from kmalloc)


def truesize(length: int, pushed: bool) -> int:
    """What a received segment takes of the receive buffer (skb->truesize). A piece in the middle of a write has no PSH."""
    size = length + SKB_OVERHEAD
    return size if pushed or length <= 536 or size > SKB_PIECE else SKB_PIECE


def full_space(tp: TcpSock) -> int:
    """The whole buffer, in payload bytes."""
    return (tp.rcvbuf * tp.scaling_ratio) >> 8


def space(tp: TcpSock) -> int:
    """The free part of the buffer, in payload bytes; below 0 when overcommitted."""
    return ((tp.rcvbuf - tp.rmem) * tp.scaling_ratio) >> 8


def initial(settings: Settings, mss: int, wscale_ok: bool) -> tuple[int, int, int]:
    """(window, window clamp, window scale) of a SYN or SYN-ACK for segments of `mss` bytes."""
    clamp = 65535 << MAX_WSCALE
    room = min((settings.tcp_rmem[1] * 128) >> 8, clamp)
    if room > mss:
        room -= room % mss
    scale = 0
    if wscale_ok:
        largest = min(max(room, settings.tcp_rmem[2], settings.rmem_max), clamp)
        scale = min(max(largest.bit_length() - 16, 0), MAX_WSCALE)
    return room, min(65535 << scale, clamp), scale


def init_rcv_mss(tp: TcpSock) -> None:
    """A first guess of the peer's segment size (tcp_initialize_rcv_mss)."""
    tp.rcv_mss = max(min(tp.advmss, tp.mss_cache, tp.rcv_wnd // 2, MSS_DEFAULT), MIN_MSS)


def init_buffer_space(tp: TcpSock, now: int) -> None:
    """Buffers at the moment the connection is established (tcp_init_buffer_space)."""
    expand_sndbuf(tp)
    tp.rcvq_time = now
    tp.rcvq_seq = tp.copied_seq
    maxwin = full_space(tp)
    if tp.window_clamp >= maxwin:
        tp.window_clamp = maxwin
        if maxwin > 4 * tp.advmss:
            tp.window_clamp = max(maxwin - (maxwin >> 31), 4 * tp.advmss)
    if tp.window_clamp > 2 * tp.advmss and tp.window_clamp + tp.advmss > maxwin:
        tp.window_clamp = max(2 * tp.advmss, maxwin - tp.advmss)
    tp.rcv_ssthresh = min(tp.rcv_ssthresh, tp.window_clamp)
    tp.rcvq_space = min(tp.rcv_ssthresh, tp.rcv_wnd, 10 * tp.advmss)


def expand_sndbuf(tp: TcpSock) -> None:
    """Room for two congestion windows (tcp_sndbuf_expand)."""
    per_mss = max(tp.mss_clamp, tp.mss_cache) + 512  # about MAX_TCP_HEADER and skb_shared_info: 46080 bytes for an MSS of 1460
    per_mss = (1 << (per_mss - 1).bit_length()) + 256
    wanted = 2 * max(10, tp.cwnd, tp.reordering + 1) * per_mss
    if tp.sndbuf < wanted:
        tp.sndbuf = min(wanted, tp.settings.tcp_wmem[2])


def set_clamp(tp: TcpSock, clamp: int) -> None:
    """The largest window the buffer could carry has changed (tcp_set_window_clamp)."""
    old = tp.window_clamp
    tp.window_clamp = clamp
    if clamp < old:
        tp.rcv_ssthresh = min(clamp, tp.rcv_ssthresh)
    elif clamp > old:
        tp.rcv_ssthresh = max(min(tp.rcv_wnd, clamp), tp.rcv_ssthresh)


def receive_window(tp: TcpSock) -> int:
    """What is left of the window last offered."""
    left = (tp.rcv_wup + tp.rcv_wnd - tp.rcv_nxt) & MASK
    return 0 if left & 0x80000000 else left


def candidate(tp: TcpSock) -> int:
    """The window we would like to offer (__tcp_select_window)."""
    mss = tp.rcv_mss
    ratio = tp.scaling_ratio
    allowed = (tp.rcvbuf * ratio) >> 8
    free = ((tp.rcvbuf - tp.rmem) * ratio) >> 8
    full = tp.window_clamp if tp.window_clamp < allowed else allowed
    if mss > full:
        mss = full
        if mss <= 0:
            return 0
    scale = tp.rcv_wscale
    if free < full >> 1:
        tp.quick = 0
        free = free >> scale << scale
        if free < allowed >> 4 or free < mss:
            return 0
    if free > tp.rcv_ssthresh:
        free = tp.rcv_ssthresh
    if scale:
        return (free + (1 << scale) - 1) >> scale << scale
    window = tp.rcv_wnd
    if window <= free - mss or window > free:
        window = free - free % mss
    elif mss == full and free > window + (full >> 1):
        window = free
    return window


def select(tp: TcpSock) -> int:
    """The window field of the next segment; what was offered is never taken back (tcp_select_window)."""
    left = (tp.rcv_wup + tp.rcv_wnd - tp.rcv_nxt) & MASK
    if left & 0x80000000:
        left = 0
    window = candidate(tp)
    scale = tp.rcv_wscale
    if window < left:
        window = (left + (1 << scale) - 1) >> scale << scale
    tp.rcv_wnd = window
    tp.rcv_wup = tp.rcv_nxt
    window >>= scale
    return window if window < 65535 else 65535


def grow(tp: TcpSock, length: int, truesize: int) -> None:
    """Let the slow start threshold of the window rise when segments waste little memory (tcp_grow_window)."""
    free = space(tp)
    room = (tp.window_clamp if tp.window_clamp < free else free) - tp.rcv_ssthresh
    if room <= 0:
        return
    if (truesize * tp.scaling_ratio) >> 8 <= length:
        step = 2 * tp.advmss
    else:
        step = 0
        half = ((truesize * tp.scaling_ratio) >> 8) >> 1
        window = ((tp.settings.tcp_rmem[2] * tp.scaling_ratio) >> 8) >> 1
        while tp.rcv_ssthresh <= window:
            if half <= length:
                step = 2 * tp.rcv_mss
                break
            half >>= 1
            window >>= 1
    if step:
        step = max(step, 2 * length)
        tp.rcv_ssthresh += min(room, step)
        tp.quick |= 1


def measure_mss(tp: TcpSock, length: int, pushed: bool, truesize: int) -> None:
    """Learn the peer's segment size and how much of the buffer is payload; note the end of a write (tcp_measure_rcv_mss)."""
    if length >= tp.rcv_mss:
        if length != tp.rcv_mss:
            ratio = min((length << 8) // truesize or 1, 255)
            if ratio != tp.scaling_ratio:
                tp.scaling_ratio = ratio
                set_clamp(tp, full_space(tp))
                if tp.window_clamp < tp.rcvq_space:
                    tp.rcvq_space = tp.window_clamp
        tp.rcv_mss = min(length, tp.advmss)
        if pushed:
            tp.ack_pushed = True
        return
    header = 32 if tp.tstamp_ok else 20
    last = tp.last_seg_size
    if length + header >= MSS_DEFAULT + 20 or (length + header >= MIN_MSS + 20 and not pushed):
        tp.last_seg_size = length
        if length == last:
            tp.rcv_mss = length
            return
    if tp.ack_pushed:
        tp.ack_pushed2 = True
    tp.ack_pushed = True


def update_rcv_rtt(tp: TcpSock, sample_us: int, by_window: bool) -> None:
    """One measurement of the round trip as the receiver sees it (tcp_rcv_rtt_update); `rcv_rtt_us` is 8 times the value."""
    old = tp.rcv_rtt_us
    if old == 0 or sample_us << 3 < old:
        tp.rcv_rtt_us = sample_us << 3
    elif not by_window and tp.rcv_nxt == tp.copied_seq:
        tp.rcv_rtt_us = old - (old >> 3) + sample_us


def measure_rcv_rtt(tp: TcpSock, now: int) -> None:
    """A window's worth of bytes takes a round trip, when nothing better is known (tcp_rcv_rtt_measure)."""
    if tp.rcv_rtt_time >= 0:
        if (tp.rcv_nxt - tp.rcv_rtt_seq) & 0x80000000:
            return
        update_rcv_rtt(tp, max((now - tp.rcv_rtt_time) // 1000, 1), True)
    tp.rcv_rtt_seq = (tp.rcv_nxt + tp.rcv_wnd) & MASK
    tp.rcv_rtt_time = now


def measure_rcv_rtt_by_stamp(tp: TcpSock, ts_ecr: int, length: int, now: int) -> None:
    """From our own timestamp that came back with data (tcp_rcv_rtt_measure_ts)."""
    if ts_ecr == tp.rcv_rtt_last_tsecr:
        return
    tp.rcv_rtt_last_tsecr = ts_ecr
    if length >= tp.rcv_mss:
        delta = (now // 1_000_000 + tp.ts_offset - ts_ecr) & MASK
        if 0 < delta < 0x200000:
            update_rcv_rtt(tp, delta * 1000, False)


def adjust_space(tp: TcpSock, now: int) -> None:
    """Give the buffer more room when the program reads as fast as the peer sends (tcp_rcv_space_adjust)."""
    rtt = tp.rcv_rtt_us >> 3
    if rtt == 0 or (now - tp.rcvq_time) // 1000 < rtt:
        return
    copied = (tp.copied_seq - tp.rcvq_seq) & MASK
    inq = (tp.rcv_nxt - tp.copied_seq) & MASK
    copied -= min(inq, copied)
    if copied > tp.rcvq_space:
        rcvwin = copied << 1  # the measurement is a round trip late
        rcvwin += (rcvwin * (copied - tp.rcvq_space) // max(tp.rcvq_space, 1)) << 1
        if tp.ofo:
            rcvwin += (tp.ofo[-1][1] - tp.rcv_nxt) & MASK
        rcvbuf = min((rcvwin << 8) // tp.scaling_ratio, tp.settings.tcp_rmem[2])
        if rcvbuf > tp.rcvbuf:
            tp.rcvbuf = rcvbuf
            set_clamp(tp, full_space(tp))
        tp.rcvq_space = copied
    tp.rcvq_seq = tp.copied_seq
    tp.rcvq_time = now
