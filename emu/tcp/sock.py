"""What one TCP connection remembers (the kernel's struct tcp_sock); input, output, recovery and timers are functions over it."""
from __future__ import annotations

from collections import deque

from emu.tcp.chunk import Chunk
from emu.tcp.congestion import Cubic, Reno
from emu.tcp.events import Event
from emu.tcp.rtt import RttEstimator
from emu.tcp.segment import Segment
from emu.tcp.seq import MASK
from emu.tcp.settings import Settings
from emu.tcp.states import TRANSITIONS, Cause, State

INFINITE = 0x7FFFFFFF
MSS_DEFAULT = 536
MIN_MSS = 88
NO_TIMER = 0
TIME_RETRANS = 1
TIME_PROBE0 = 3
TIME_LOSS_PROBE = 5
TIME_REO_TIMEOUT = 6
CA_OPEN = 0
CA_DISORDER = 1
CA_CWR = 2
CA_RECOVERY = 3
CA_LOSS = 4

DEFAULT_SCALING_RATIO = 128  # of 256: half the buffer is for payload until a segment shows better (TCP_DEFAULT_SCALING_RATIO)


class TcpSock:
    """Every number a connection keeps. Sequence numbers are 32-bit, times nanoseconds, sizes bytes, windows in segments (`cwnd`) or bytes."""

    __slots__ = (
        # who
        "sport", "dport", "settings", "state", "ts_offset", "iss", "nodelay", "keepalive", "orphan", "errno", "soft_errno",
        # to the outside
        "out", "events",
        # peer's options and ours
        "tstamp_ok", "sack_ok", "wscale_ok", "snd_wscale", "rcv_wscale", "advmss", "mss_clamp", "mss_cache", "path_mtu", "ts_recent", "ts_recent_ns",
        # sending
        "snd_una", "snd_nxt", "snd_wnd", "snd_wl1", "max_window", "write_seq", "snd_sml", "write_queue", "rtx_queue", "wmem", "sndbuf", "want_write",
        "push_pending", "fin_sent", "send_shutdown", "rcv_shutdown", "lsndtime", "wstamp", "pushed_seq",
        # congestion and loss
        "ca", "cwnd", "ssthresh", "ca_state", "packets_out", "sacked_out", "lost_out", "retrans_out", "total_retrans", "high_seq",
        "undo_marker", "prior_cwnd", "prior_ssthresh",
        "prr_delivered", "prr_out", "max_packets_out", "max_packets_seq", "is_cwnd_limited", "cwnd_used", "cwnd_stamp",
        "delivered", "rtt", "rack_sent_ns", "rack_end_seq", "rack_rtt_us",
        "rack_advanced", "reordering", "tlp_high_seq", "tlp_retrans", "undo_retrans", "frto", "retrans_stamp", "reord_seen", "fack",

        # receiving
        "rcv_nxt", "rcv_wup", "rcv_wnd", "copied_seq", "window_clamp", "rcv_ssthresh", "rcvbuf", "rmem", "scaling_ratio", "recv_queue",
        "recv_len", "ofo", "selective_acks", "duplicate_sack", "rcv_mss", "last_seg_size", "rcvq_space", "rcvq_seq", "rcvq_time", "rcv_rtt_us", "rcv_rtt_seq",
        "rcv_rtt_time", "rcv_rtt_last_tsecr", "recv_offset",
        # acknowledging
        "ack_sched", "ack_now", "ack_pushed", "ack_pushed2", "quick", "pingpong", "ato", "lrcvtime", "cleanup_copied", "cleanup_first",
        # asked by the program, done by the next segments_to_send
        "abort_pending", "orphan_pending",
        # timers: absolute ns, or None
        "timer_kind", "timer_at", "delack_at", "delack_armed", "life_at", "retransmits", "syn_retransmits",
        "backoff", "probes_out", "last_oow_ack_ns", "first_send_ns", "comp_at",
        "compressed_ack", "dup_ack_counter", "compressed_rcv_nxt", "rcv_tstamp", "keep_probe_ns",
    )

    def __init__(self, sport: int, dport: int, isn: int, ts_offset: int, mss_limit: int, settings: Settings) -> None:
        self.sport = sport
        self.dport = dport
        self.settings = settings
        self.state = State.CLOSE
        self.ts_offset = ts_offset
        self.iss = isn & MASK
        self.nodelay = False
        self.keepalive = False
        self.orphan = False
        self.errno = 0
        self.soft_errno = 0
        self.out: list[Segment] = []
        self.events: deque[Event] = deque()

        self.tstamp_ok = False
        self.sack_ok = False
        self.wscale_ok = False
        self.snd_wscale = 0
        self.rcv_wscale = 0
        self.advmss = mss_limit
        self.mss_clamp = MSS_DEFAULT
        self.mss_cache = min(mss_limit, MSS_DEFAULT)
        self.path_mtu = mss_limit + 40
        self.ts_recent = 0
        self.ts_recent_ns = -1  # -1: never seen one

        self.snd_una = self.snd_nxt = self.write_seq = self.snd_sml = self.pushed_seq = self.iss
        self.snd_wnd = 0
        self.snd_wl1 = 0
        self.max_window = 0
        self.write_queue: deque[Chunk] = deque()
        self.rtx_queue: deque[Chunk] = deque()
        self.wmem = 0
        self.sndbuf = settings.tcp_wmem[1]
        self.want_write = False
        self.push_pending = False
        self.fin_sent = False
        self.send_shutdown = False
        self.rcv_shutdown = False
        self.lsndtime = 0
        self.wstamp = -1

        self.ca: Cubic | Reno = Reno() if settings.tcp_congestion_control == "reno" else Cubic()
        self.cwnd = settings.tcp_init_cwnd
        self.ssthresh = INFINITE
        self.ca_state = CA_OPEN
        self.packets_out = 0
        self.sacked_out = 0
        self.lost_out = 0
        self.retrans_out = 0
        self.total_retrans = 0  # in its life, as tcp_info tells
        self.high_seq = self.iss
        self.undo_marker = -1
        self.prior_cwnd = 0
        self.prior_ssthresh = 0
        self.prr_delivered = 0
        self.prr_out = 0
        self.max_packets_out = 0
        self.max_packets_seq = self.iss
        self.is_cwnd_limited = False
        self.cwnd_used = 0
        self.cwnd_stamp = 0
        self.delivered = 0
        self.rtt = RttEstimator(settings.tcp_rto_min_ns, settings.tcp_rto_max_ns)
        self.rack_sent_ns = -1
        self.rack_end_seq = self.iss
        self.rack_rtt_us = 0
        self.rack_advanced = False
        self.reordering = 3
        self.tlp_high_seq = -1
        self.tlp_retrans = False
        self.undo_retrans = 0
        self.frto = False
        self.retrans_stamp = 0
        self.reord_seen = False
        self.fack = self.iss

        self.rcv_nxt = 0
        self.rcv_wup = 0
        self.rcv_wnd = 0
        self.copied_seq = 0
        self.window_clamp = 0
        self.rcv_ssthresh = 0
        self.rcvbuf = settings.tcp_rmem[1]
        self.rmem = 0
        self.scaling_ratio = DEFAULT_SCALING_RATIO
        self.recv_queue: deque[tuple[bytes, int]] = deque()
        self.recv_offset = 0
        self.recv_len = 0
        self.ofo: list[tuple[int, int, bytes, int]] = []
        self.selective_acks: list[tuple[int, int]] = []
        self.duplicate_sack: tuple[int, int] | None = None
        self.rcv_mss = MSS_DEFAULT
        self.last_seg_size = 0
        self.rcvq_space = 0
        self.rcvq_seq = 0
        self.rcvq_time = 0
        self.rcv_rtt_us = 0
        self.rcv_rtt_seq = 0
        self.rcv_rtt_time = -1
        self.rcv_rtt_last_tsecr = 0

        self.ack_sched = False
        self.ack_now = False
        self.ack_pushed = False
        self.ack_pushed2 = False
        self.quick = 0
        self.pingpong = 0
        self.ato = 0
        self.lrcvtime = 0
        self.cleanup_copied = 0
        self.cleanup_first = False
        self.abort_pending = False
        self.orphan_pending = False

        self.timer_kind = NO_TIMER
        self.timer_at = 0
        self.delack_at = 0
        self.delack_armed = False
        self.life_at: int | None = None
        self.retransmits = 0
        self.syn_retransmits = 0
        self.backoff = 0
        self.probes_out = 0
        self.last_oow_ack_ns: int | None = None
        self.first_send_ns = 0
        self.comp_at: int | None = None
        self.compressed_ack = 0
        self.dup_ack_counter = 0
        self.compressed_rcv_nxt = 0
        self.rcv_tstamp = 0
        self.keep_probe_ns = 0

    def move(self, cause: Cause) -> None:
        """Change state along the table; a way that is not there is a bug here, not bad input."""
        self.state = TRANSITIONS[self.state][cause]
