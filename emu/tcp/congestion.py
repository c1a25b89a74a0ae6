"""CUBIC (RFC 9438 as tcp_cubic.c does it, without HyStart) and slow start. Windows are counted in segments."""
from __future__ import annotations

BETA = 717          # of 1024: what is left of the window after a loss
BETA_SCALE = 8 * (1024 + BETA) // 3 // (1024 - BETA)
CUBE_FACTOR = (1 << 40) // 410
RTT_SCALE = 410     # 0.4 of 1024, C in the RFC


def cube_root(value: int) -> int:
    """The integer part of the cube root."""
    root = 1 << (value.bit_length() + 2) // 3
    while root * root * root > value:
        root = (2 * root + value // (root * root)) // 3
    return root


class Cubic:
    """Growth between losses; `epoch_ms` is when the present growth began, -1 before it has."""

    __slots__ = ("ack_count", "count", "delay_min_ms", "epoch_ms", "k", "last_cwnd", "last_max", "last_ms", "origin", "partial", "tcp_cwnd")

    def __init__(self) -> None:
        self.partial = 0
        self.reset()

    def reset(self) -> None:
        """After a timeout nothing learned holds (bictcp_reset)."""
        self.count = 0
        self.last_max = 0
        self.last_cwnd = 0
        self.last_ms = -1
        self.origin = 0
        self.k = 0
        self.delay_min_ms = 0
        self.epoch_ms = -1
        self.ack_count = 0
        self.tcp_cwnd = 0

    def ssthresh(self, cwnd: int) -> int:
        """The window after a loss; a window smaller than the last maximum gives way a little more (fast convergence)."""
        self.epoch_ms = -1
        self.last_max = cwnd * (1024 + BETA) // 2048 if cwnd < self.last_max else cwnd
        return max(cwnd * BETA // 1024, 2)

    def avoid(self, cwnd: int, acked: int, rtt_ms: int, now_ms: int) -> int:
        """The window after `acked` more segments in congestion avoidance."""
        if rtt_ms and (not self.delay_min_ms or rtt_ms < self.delay_min_ms):
            self.delay_min_ms = rtt_ms
        self._update(cwnd, acked, now_ms)
        if self.partial >= self.count:
            self.partial = 0
            cwnd += 1
        self.partial += acked
        if self.partial >= self.count:
            grown = self.partial // self.count
            self.partial -= grown * self.count
            cwnd += grown
        return cwnd

    def _update(self, cwnd: int, acked: int, now_ms: int) -> None:
        self.ack_count += acked
        if self.last_cwnd == cwnd and self.last_ms >= 0 and now_ms - self.last_ms <= 31:
            return
        if not (self.epoch_ms >= 0 and now_ms == self.last_ms):
            self.last_cwnd = cwnd
            self.last_ms = now_ms
            if self.epoch_ms < 0:
                self.epoch_ms = now_ms
                self.ack_count = acked
                self.tcp_cwnd = cwnd
                if self.last_max <= cwnd:
                    self.k = 0
                    self.origin = cwnd
                else:
                    self.k = cube_root(CUBE_FACTOR * (self.last_max - cwnd))
                    self.origin = self.last_max
            t = ((now_ms - self.epoch_ms + self.delay_min_ms) << 10) // 1000
            distance = abs(t - self.k)
            delta = (RTT_SCALE * distance * distance * distance) >> 40
            target = self.origin - delta if t < self.k else self.origin + delta
            self.count = cwnd // (target - cwnd) if target > cwnd else 100 * cwnd
            if self.last_max == 0 and self.count > 20:
                self.count = 20
        # never slower than Reno would be
        step = (cwnd * BETA_SCALE) >> 3
        if step:
            grown, self.ack_count = (self.ack_count - 1) // step, self.ack_count
            if grown > 0:
                self.ack_count -= grown * step
                self.tcp_cwnd += grown
        if self.tcp_cwnd > cwnd:
            self.count = min(self.count, cwnd // (self.tcp_cwnd - cwnd))
        self.count = max(self.count, 2)


class Reno:
    """RFC 5681: half the window after a loss, one segment more each round trip."""

    __slots__ = ("partial",)

    def __init__(self) -> None:
        self.partial = 0

    def reset(self) -> None:
        """Nothing is remembered."""

    def ssthresh(self, cwnd: int) -> int:
        """Half the window, at least two."""
        return max(cwnd >> 1, 2)

    def avoid(self, cwnd: int, acked: int, rtt_ms: int, now_ms: int) -> int:
        """One segment for each window of acknowledged ones."""
        self.partial += acked
        if self.partial >= cwnd:
            grown = self.partial // cwnd
            self.partial -= grown * cwnd
            cwnd += grown
        return cwnd
