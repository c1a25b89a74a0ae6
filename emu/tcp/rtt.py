"""Round trip time and what follows from it: the retransmission timeout (RFC 6298 as tcp_rtt_estimator and tcp_set_rto do it)."""
from __future__ import annotations

MS = 1_000_000
TIMEOUT_INIT_NS = 1_000_000_000
TIMEOUT_FALLBACK_NS = 3_000_000_000


class RttEstimator:
    """`srtt_us` is 8 times the smoothed RTT, `mdev_us`, `mdev_max_us` and `rttvar_us` 4 times the deviations, in microseconds, as in the kernel."""

    __slots__ = ("mdev_max_us", "mdev_us", "min_rtt_us", "rto_ns", "rtt_seq", "rttvar_us", "srtt_us", "rto_min_us", "rto_max_ns")

    def __init__(self, rto_min_ns: int, rto_max_ns: int) -> None:
        self.srtt_us = 0
        self.mdev_us = TIMEOUT_INIT_NS // 1000
        self.mdev_max_us = 0
        self.rttvar_us = 0
        self.rtt_seq = 0
        self.min_rtt_us = 0xFFFFFFFF
        self.rto_ns = TIMEOUT_INIT_NS
        self.rto_min_us = rto_min_ns // 1000
        self.rto_max_ns = rto_max_ns

    def sample(self, rtt_us: int, snd_una: int, snd_nxt: int) -> None:
        """Take one measurement. Once a round trip the variance may fall; it rises at once."""
        m = rtt_us or 1
        if m < self.min_rtt_us:
            self.min_rtt_us = m
        srtt = self.srtt_us
        if srtt:
            m -= srtt >> 3
            srtt += m
            if m < 0:
                m = -m - (self.mdev_us >> 2)
                if m > 0:  # falling RTT: let the deviation in slowly
                    m >>= 3
            else:
                m -= self.mdev_us >> 2
            self.mdev_us += m
            if self.mdev_us > self.mdev_max_us:
                self.mdev_max_us = self.mdev_us
                if self.mdev_max_us > self.rttvar_us:
                    self.rttvar_us = self.mdev_max_us
            if (self.rtt_seq - snd_una) & 0x80000000:
                if self.mdev_max_us < self.rttvar_us:
                    self.rttvar_us -= (self.rttvar_us - self.mdev_max_us) >> 2
                self.rtt_seq = snd_nxt
                self.mdev_max_us = self.rto_min_us
        else:
            srtt = m << 3
            self.mdev_us = m << 1
            self.rttvar_us = max(self.mdev_us, self.rto_min_us)
            self.mdev_max_us = self.rttvar_us
            self.rtt_seq = snd_nxt
        self.srtt_us = srtt if srtt > 0 else 1
        self.set_rto()

    def fall_back(self) -> None:
        """No measurement from a handshake that had to be repeated: three seconds (RFC 6298 section 5.7)."""
        self.mdev_us = self.mdev_max_us = self.rttvar_us = TIMEOUT_FALLBACK_NS // 1000
        self.rto_ns = TIMEOUT_FALLBACK_NS

    def set_rto(self) -> None:
        """The timeout without backoff, in whole milliseconds as a 1000 Hz kernel's timer has it."""
        if self.srtt_us:
            micros = (self.srtt_us >> 3) + self.rttvar_us
            self.rto_ns = min(-(-micros // 1000) * MS, self.rto_max_ns)
