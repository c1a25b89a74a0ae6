"""The event loop on virtual time.

Every queue entry is `(fn, arg)` with exactly one argument, so that the data path pays for one tuple and one call. Callbacks with several
arguments, and everything that must remember its cause, go through `Timer` or `call_soon`.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class Timer:
    """One pending callback; `cancel()` is cheap and may be called at any time, also after it fired."""

    __slots__ = ("args", "cause", "fn", "sim", "when")

    def __init__(self, sim: Sim, when: int, fn: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.sim = sim
        self.when = when
        self.fn: Callable[..., object] | None = fn
        self.args = args
        self.cause = sim.cause

    @property
    def pending(self) -> bool:
        """Whether the callback is still to come."""
        return self.fn is not None

    def cancel(self) -> None:
        """Forget the callback. The heap entry is dropped when it surfaces, or in bulk when most of the heap is cancelled."""
        if self.fn is not None:
            self.fn = None
            self.args = ()
            self.sim._note_cancelled()


def _fire(timer: Timer) -> None:
    fn = timer.fn
    if fn is None:
        timer.sim._cancelled -= 1
        return
    timer.fn = None
    timer.sim.cause = timer.cause
    fn(*timer.args)


class Stream(random.Random):
    """A named stream of random numbers."""

    def pick(self, low: int, size: int) -> int:
        """One of the `size` numbers (at most 65536) from `low` on, by 16 random bits."""
        return low + self.getrandbits(16) % size


class Sim:
    """Virtual time in integer nanoseconds, starting at 0.

    `cause` is the id of the frame (or of the user's call) that is being processed; what is scheduled meanwhile inherits it.
    """

    __slots__ = ("_cancelled", "_fifo", "_heap", "_ids", "_seq", "_stop", "_streams", "cause", "events", "now", "seed")

    def __init__(self, seed: int = 0) -> None:
        self.now = 0
        self.seed = seed
        self.cause = 0
        self.events = 0
        self._fifo: deque[tuple[Callable[[Any], object], Any]] = deque()
        self._heap: list[tuple[int, int, Callable[[Any], object], Any]] = []
        self._seq = 0
        self._ids = 0
        self._cancelled = 0
        self._stop = False
        self._streams: dict[str, Stream] = {}

    # -- scheduling ---------------------------------------------------------------------------------------------------------------

    def post(self, delay_ns: int, fn: Callable[[Any], object], arg: Any) -> None:
        """Call `fn(arg)` after `delay_ns`; cannot be cancelled. The data path's only way to schedule: a frame crossing a wire."""
        self._seq = seq = self._seq + 1
        heappush(self._heap, (self.now + delay_ns, seq, fn, arg))

    def post_soon(self, fn: Callable[[Any], object], arg: Any) -> None:
        """Call `fn(arg)` in this instant, after what is already queued."""
        self._fifo.append((fn, arg))

    def call_soon(self, fn: Callable[..., object], *args: Any) -> Timer:
        """Call `fn(*args)` in this instant with the present cause."""
        timer = Timer(self, self.now, fn, args)
        self._fifo.append((_fire, timer))
        return timer

    def call_at(self, when_ns: int, fn: Callable[..., object], *args: Any) -> Timer:
        """Call `fn(*args)` at `when_ns` (not before now) with the present cause."""
        if when_ns < self.now:
            when_ns = self.now
        timer = Timer(self, when_ns, fn, args)
        self._seq = seq = self._seq + 1
        heappush(self._heap, (when_ns, seq, _fire, timer))
        return timer

    def call_later(self, delay_ns: int, fn: Callable[..., object], *args: Any) -> Timer:
        """Call `fn(*args)` after `delay_ns` with the present cause."""
        return self.call_at(self.now + delay_ns, fn, *args)

    def _note_cancelled(self) -> None:
        self._cancelled += 1
        if self._cancelled > 1024 and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if not (entry[2] is _fire and entry[3].fn is None)]
            heapify(self._heap)
            self._cancelled = 0

    # -- running ------------------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Make the innermost `run` return after the present callback."""
        self._stop = True

    def run(self, until_ns: int | None = None) -> None:
        """Run events until `stop()`, until nothing is left, or up to and including `until_ns` (where the clock then stands)."""
        self._stop = False
        fifo = self._fifo
        popleft = fifo.popleft
        while True:
            while fifo:
                fn, arg = popleft()
                self.events += 1
                self.cause = 0
                fn(arg)
                if self._stop:
                    self.cause = 0
                    return
            heap = self._heap  # _note_cancelled may replace the list
            if not heap:
                break
            when = heap[0][0]
            if until_ns is not None and when > until_ns:
                break
            _, _, fn, arg = heappop(heap)
            self.now = when
            self.events += 1
            self.cause = 0
            fn(arg)
            if self._stop:
                self.cause = 0
                return
        self.cause = 0
        if until_ns is not None and until_ns > self.now:
            self.now = until_ns

    def idle(self) -> bool:
        """Whether nothing at all is scheduled."""
        return not self._fifo and not self._heap

    def next_event_ns(self) -> int | None:
        """When the next event is due, or None."""
        if self._fifo:
            return self.now
        return self._heap[0][0] if self._heap else None

    # -- names and chance ---------------------------------------------------------------------------------------------------------

    def new_id(self) -> int:
        """A fresh lineage id for a frame, or for a user's call; never 0."""
        self._ids += 1
        return self._ids

    @property
    def ids(self) -> int:
        """How many ids have been given."""
        return self._ids

    def stream(self, name: str) -> Stream:
        """The random stream of that name: the same seed and name always give the same draws, whatever other streams did."""
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = Stream(f"{self.seed}/{name}")
        return stream

    def use_stream(self, name: str, stream: Stream) -> None:
        """Have the draws of that name from here, before the first of them: what another machine drew, for example."""
        if name in self._streams:
            raise ValueError(f"the stream {name!r} has been drawn from")
        self._streams[name] = stream
