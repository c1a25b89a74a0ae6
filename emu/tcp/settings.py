"""The net.ipv4.tcp_* sysctls that a connection obeys, with Linux 6.18's defaults."""
from __future__ import annotations


class Settings:
    """Shared by the connections of a namespace and read when a connection is made. Names are the sysctls'; units as there (seconds, bytes, counts)."""

    __slots__ = (
        "tcp_abort_on_overflow", "tcp_delack_min_ns", "tcp_fin_timeout", "tcp_init_cwnd", "tcp_invalid_ratelimit_ns", "tcp_keepalive_intvl",
        "tcp_keepalive_probes", "tcp_keepalive_time", "tcp_orphan_retries", "tcp_retries1", "tcp_retries2", "tcp_rfc1337", "tcp_rmem", "tcp_rto_max_ns",
        "tcp_rto_min_ns", "tcp_sack", "tcp_slow_start_after_idle", "tcp_syn_linear_timeouts", "tcp_syn_retries", "tcp_synack_retries", "tcp_timestamps",
        "tcp_window_scaling", "tcp_wmem", "rmem_max", "tcp_time_wait_ns", "tcp_congestion_control",
    )

    def __init__(self) -> None:
        self.tcp_timestamps = True
        self.tcp_sack = True
        self.tcp_window_scaling = True
        self.tcp_syn_retries = 6
        self.tcp_syn_linear_timeouts = 4
        self.tcp_synack_retries = 5
        self.tcp_retries1 = 3
        self.tcp_retries2 = 15
        self.tcp_orphan_retries = 0
        self.tcp_fin_timeout = 60
        self.tcp_rmem = (4096, 131072, 33554432)  # min, default, max; the maximum is 32 MiB where memory allows (tcp_init)
        self.tcp_wmem = (4096, 16384, 4194304)
        self.rmem_max = 4194304
        self.tcp_init_cwnd = 10
        self.tcp_slow_start_after_idle = True
        self.tcp_abort_on_overflow = False
        self.tcp_rfc1337 = False
        self.tcp_keepalive_time = 7200
        self.tcp_keepalive_intvl = 75
        self.tcp_keepalive_probes = 9
        self.tcp_rto_min_ns = 200_000_000
        self.tcp_rto_max_ns = 120_000_000_000
        self.tcp_delack_min_ns = 40_000_000
        self.tcp_invalid_ratelimit_ns = 500_000_000
        self.tcp_time_wait_ns = 60_000_000_000
        self.tcp_congestion_control = "cubic"
