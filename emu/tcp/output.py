"""One segment: ACK, SYN, RST, probe, and what fits into it (tcp_output.c)."""
from __future__ import annotations

from emu.tcp import window
from emu.tcp.segment import ACK, RST, Segment
from emu.tcp.seq import MASK, after
from emu.tcp.sock import MSS_DEFAULT, TcpSock
from emu.tcp.states import State

MS = 1_000_000


def acked(tp: TcpSock) -> None:
    """A segment carried our ACK: nothing more to acknowledge (tcp_event_ack_sent)."""
    if tp.quick:
        tp.quick -= 1
    tp.ack_sched = tp.ack_now = tp.ack_pushed = tp.ack_pushed2 = False
    tp.delack_armed = False
    tp.compressed_ack = 0
    tp.comp_at = None


def sack_blocks(tp: TcpSock) -> tuple[tuple[int, int], ...]:
    """The blocks of the next segment: D-SACK first, then the newest; three fit beside timestamps, four without."""
    blocks = tp.selective_acks
    if tp.duplicate_sack is not None:
        blocks = [tp.duplicate_sack, *blocks]
        tp.duplicate_sack = None
    return tuple(blocks[: 3 if tp.tstamp_ok else 4])


def emit(tp: TcpSock, now: int, seq: int, flags: int, payload: bytes = b"") -> None:
    """Send one segment of an established connection, with window, timestamp and SACK blocks (__tcp_transmit_skb)."""
    sack = sack_blocks(tp) if tp.selective_acks or tp.duplicate_sack is not None else ()
    win = window.select(tp)
    if tp.tstamp_ok:
        segment = Segment(tp.sport, tp.dport, seq, tp.rcv_nxt, flags, win, payload, (now // MS + tp.ts_offset) & MASK, tp.ts_recent, sack)
    else:
        segment = Segment(tp.sport, tp.dport, seq, tp.rcv_nxt, flags, win, payload, None, 0, sack)
    tp.out.append(segment)
    if flags & ACK:
        acked(tp)


def send_ack(tp: TcpSock, now: int) -> None:
    """A pure ACK, now (tcp_send_ack)."""
    if tp.state is not State.CLOSE:
        emit(tp, now, acceptable_seq(tp), ACK)


def acceptable_seq(tp: TcpSock) -> int:
    """A sequence number the peer takes even when it shrank its window (tcp_acceptable_seq)."""
    end = (tp.snd_una + tp.snd_wnd) & MASK
    if not after(tp.snd_nxt, end) or (tp.wscale_ok and (tp.snd_nxt - end) & MASK < 1 << tp.rcv_wscale):
        return tp.snd_nxt
    return end


def send_active_reset(tp: TcpSock, now: int) -> None:
    """RST of an established connection that we end (tcp_send_active_reset)."""
    emit(tp, now, acceptable_seq(tp), RST | ACK)


def probe(tp: TcpSock, now: int) -> None:
    """Keep-alive or zero window probe: an ACK with a sequence number already acknowledged (tcp_xmit_probe_skb)."""
    emit(tp, now, (tp.snd_una - 1) & MASK, ACK)


def syn_segment(tp: TcpSock, now: int, flags: int) -> Segment:
    """Our SYN, or SYN-ACK when opens cross, with every option we offer (or, answering, share)."""
    settings = tp.settings
    answer = flags & ACK
    stamps = tp.tstamp_ok if answer else settings.tcp_timestamps
    sack = tp.sack_ok if answer else settings.tcp_sack
    scale: int | None = tp.rcv_wscale
    if not (tp.wscale_ok if answer else settings.tcp_window_scaling):
        scale = None
    return Segment(
        tp.sport, tp.dport, tp.iss, tp.rcv_nxt if answer else 0, flags, min(tp.rcv_wnd, 65535), b"",
        (now // MS + tp.ts_offset) & MASK if stamps else None, tp.ts_recent if stamps and answer else 0, (), tp.advmss, scale, sack,
    )


def init_transfer(tp: TcpSock, first_answered: bool) -> None:
    """A handshake that needed several tries begins carefully, unless the peer answered our first one (tcp_init_transfer, tcp_init_metrics)."""
    if not tp.rtt.srtt_us:
        tp.rtt.fall_back()
    if tp.syn_retransmits > 1 and not first_answered:
        tp.cwnd = 1


def bound_to_half_wnd(tp: TcpSock, size: int) -> int:
    """Never more than half of the largest window the peer offered, so that its ACK clock runs (tcp_bound_to_half_wnd)."""
    cutoff = tp.max_window >> 1 if tp.max_window > MSS_DEFAULT else tp.max_window
    if cutoff and size > cutoff:
        return max(cutoff, 68 - (32 if tp.tstamp_ok else 20))
    return size


def sync_mss(tp: TcpSock) -> None:
    """Payload bytes of a full segment, from path MTU, the peer's MSS and our options (tcp_sync_mss)."""
    mss = min(tp.path_mtu - 40, tp.mss_clamp)
    mss = max(mss, 48) - (12 if tp.tstamp_ok else 0)
    tp.mss_cache = bound_to_half_wnd(tp, mss)


def current_mss(tp: TcpSock) -> int:
    """Payload that fits a segment sent now: SACK blocks take room (tcp_current_mss)."""
    blocks = len(tp.selective_acks) + (tp.duplicate_sack is not None)
    if blocks:
        return tp.mss_cache - 4 - 8 * min(blocks, 3 if tp.tstamp_ok else 4)
    return tp.mss_cache
