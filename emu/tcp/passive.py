"""The connection a finished handshake leaves on the passive side (tcp_create_openreq_child and the SYN_RECV part of tcp_rcv_state_process)."""
from __future__ import annotations

from typing import Protocol

from emu.tcp import ack, output, window
from emu.tcp import input as tcp_input
from emu.tcp.segment import Segment
from emu.tcp.seq import MASK
from emu.tcp.sock import TcpSock
from emu.tcp.states import Cause


class Handshake(Protocol):
    """What the listener remembers of it."""

    isn: int
    mss: int
    peer_isn: int
    rcv_wnd: int
    rcv_wscale: int
    retransmits: int
    sack_ok: bool
    sent_ns: int
    snd_wscale: int
    ts_offset: int
    ts_recent: int
    tstamp_ok: bool
    window_clamp: int
    wscale_ok: bool


def open_child(tp: TcpSock, request: Handshake, segment: Segment, now: int) -> None:
    """Establish `tp` with the last ACK of the handshake, and take the data and FIN it may carry."""
    tp.move(Cause.PASSIVE_OPEN)
    tp.tstamp_ok = request.tstamp_ok
    tp.ts_recent = request.ts_recent
    tp.ts_recent_ns = now if request.tstamp_ok else -1
    tp.sack_ok = request.sack_ok
    tp.wscale_ok = request.wscale_ok
    tp.snd_wscale = request.snd_wscale
    tp.rcv_wscale = request.rcv_wscale
    tp.mss_clamp = request.mss
    tp.snd_una = tp.snd_nxt = tp.write_seq = tp.pushed_seq = tp.snd_sml = (request.isn + 1) & MASK
    tp.rcv_nxt = tp.rcv_wup = tp.copied_seq = (request.peer_isn + 1) & MASK
    tp.rcv_wnd = tp.rcv_ssthresh = request.rcv_wnd
    tp.window_clamp = request.window_clamp
    tp.snd_wnd = tp.max_window = segment.window << tp.snd_wscale
    tp.snd_wl1 = segment.seq
    tp.lsndtime = tp.lrcvtime = now
    output.sync_mss(tp)
    window.init_rcv_mss(tp)
    tp.syn_retransmits = request.retransmits
    if not request.retransmits:
        tp.rtt.sample((now - request.sent_ns) // 1000, tp.snd_una, tp.snd_nxt)
    elif tp.tstamp_ok and segment.ts_ecr:
        ack.measure_by_stamp(tp, segment.ts_ecr, now)
    output.init_transfer(tp, segment.ts_ecr == (request.sent_ns // output.MS + request.ts_offset) & MASK)
    window.init_buffer_space(tp, now)
    tp.move(Cause.RCV_ACK_OF_SYN)
    tcp_input.process(tp, segment, now)
