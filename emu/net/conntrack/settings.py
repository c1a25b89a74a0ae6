"""The net.netfilter.nf_conntrack_* sysctls of one namespace. Times are seconds outside (as in /proc) and nanoseconds inside."""

from __future__ import annotations

from emu.net.conntrack.tcp_states import (
    CLOSE,
    CLOSE_WAIT,
    ESTABLISHED,
    FIN_WAIT,
    LAST_ACK,
    RETRANS,
    SYN_RECV,
    SYN_SENT,
    SYN_SENT2,
    TIME_WAIT,
    TIMEOUT_MAX,
    UNACK,
)

_S = 1_000_000_000

# sysctl -> index into Settings.tcp, default seconds (tcp_timeouts of nf_conntrack_proto_tcp.c)
TCP_TIMEOUTS = {
    "nf_conntrack_tcp_timeout_syn_sent": (SYN_SENT, 120),
    "nf_conntrack_tcp_timeout_syn_recv": (SYN_RECV, 60),
    "nf_conntrack_tcp_timeout_established": (ESTABLISHED, 432_000),
    "nf_conntrack_tcp_timeout_fin_wait": (FIN_WAIT, 120),
    "nf_conntrack_tcp_timeout_close_wait": (CLOSE_WAIT, 60),
    "nf_conntrack_tcp_timeout_last_ack": (LAST_ACK, 30),
    "nf_conntrack_tcp_timeout_time_wait": (TIME_WAIT, 120),
    "nf_conntrack_tcp_timeout_close": (CLOSE, 10),
    "nf_conntrack_tcp_timeout_max_retrans": (RETRANS, 300),
    "nf_conntrack_tcp_timeout_unacknowledged": (UNACK, 300),
}
_TIMES = {
    "nf_conntrack_udp_timeout": "udp",
    "nf_conntrack_udp_timeout_stream": "udp_stream",
    "nf_conntrack_icmp_timeout": "icmp",
    "nf_conntrack_generic_timeout": "generic",
}
_NUMBERS = {
    "nf_conntrack_acct": "acct",
    "nf_conntrack_checksum": "checksum",
    "nf_conntrack_tcp_be_liberal": "tcp_be_liberal",
    "nf_conntrack_tcp_ignore_invalid_rst": "tcp_ignore_invalid_rst",
    "nf_conntrack_tcp_loose": "tcp_loose",
    "nf_conntrack_tcp_max_retrans": "tcp_max_retrans",
}


class Settings:
    """`tcp`: ns per TCP state. `udp`, `udp_stream`, `icmp`, `generic`: ns. The others as the sysctl of that name."""

    __slots__ = (
        "acct", "checksum", "generic", "icmp", "tcp", "tcp_be_liberal", "tcp_ignore_invalid_rst", "tcp_loose", "tcp_max_retrans", "udp", "udp_stream",
    )  # fmt: skip

    def __init__(self) -> None:
        self.tcp = [0] * TIMEOUT_MAX
        for index, seconds in TCP_TIMEOUTS.values():
            self.tcp[index] = seconds * _S
        self.tcp[SYN_SENT2] = 120 * _S  # has no sysctl of its own
        self.udp, self.udp_stream, self.icmp, self.generic = 30 * _S, 120 * _S, 30 * _S, 600 * _S
        self.acct = 0
        self.checksum = 1
        self.tcp_be_liberal = 0
        self.tcp_ignore_invalid_rst = 0
        self.tcp_loose = 1
        self.tcp_max_retrans = 3

    @staticmethod
    def names() -> list[str]:
        """Every sysctl this object answers for, without `net.netfilter.`."""
        return [*TCP_TIMEOUTS, *_TIMES, *_NUMBERS]

    def get(self, name: str) -> int:
        """The value as /proc shows it. Raises KeyError for a name that is none of `names()`."""
        if name in TCP_TIMEOUTS:
            return self.tcp[TCP_TIMEOUTS[name][0]] // _S
        if name in _TIMES:
            return int(getattr(self, _TIMES[name])) // _S
        return int(getattr(self, _NUMBERS[name]))

    def set(self, name: str, value: int) -> None:
        """Set it; takes effect with the next packet of a connection. Raises KeyError for an unknown name, ValueError out of range."""
        limit = 1 if name in _NUMBERS and name != "nf_conntrack_tcp_max_retrans" else 255 if name in _NUMBERS else (1 << 31) - 1
        if name in ("nf_conntrack_acct", "nf_conntrack_checksum"):
            limit = 1
        if not 0 <= value <= limit:
            raise ValueError(f"{name}: {value} is not between 0 and {limit}")
        if name in TCP_TIMEOUTS:
            self.tcp[TCP_TIMEOUTS[name][0]] = value * _S
        elif name in _TIMES:
            setattr(self, _TIMES[name], value * _S)
        else:
            setattr(self, _NUMBERS[name], value)
