"""A cable between two network cards: delay, loss, and being unplugged."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from emu.net.netns import NetError
from emu.net.nic import Nic
from emu.wire.frame import Frame

DEFAULT_DELAY_NS = 50_000
EBUSY = 16
# Which frames are lost, counted from 0 at the moment the mask is set: a function of the frame, a bit mask (bit n: frame n), or a sequence of truth
# values. Frames beyond the end of a mask pass.
LossMask = Callable[[Frame], bool] | Sequence[int | bool] | int


class Cable:
    """`a` and `b` are the cards at its ends. Both directions have the same delay unless set apart on the cards."""

    __slots__ = ("a", "b", "plugged")

    def __init__(self, a: Nic, b: Nic, delay_ns: int = DEFAULT_DELAY_NS) -> None:
        if a is b:
            raise NetError(EBUSY, f"a cable needs two ends: {a.name} in {a.netns.name}")
        for nic in (a, b):
            if nic.peer is not None:
                raise NetError(EBUSY, f"there is a cable in {nic.name} in {nic.netns.name} already")
        self.a, self.b = a, b
        self.plugged = False
        self.delay_ns = delay_ns
        self.plug()

    def __repr__(self) -> str:
        a, b = self.a, self.b
        return f"<cable {a.netns.name}.{a.name} - {b.netns.name}.{b.name}{'' if self.plugged else ' unplugged'}>"

    @property
    def delay_ns(self) -> int:
        """Nanoseconds from end to end."""
        return self.a.delay_ns

    @delay_ns.setter
    def delay_ns(self, delay_ns: int) -> None:
        if not isinstance(delay_ns, int):
            raise ValueError(f"a cable's delay is a whole number of nanoseconds: {delay_ns!r} between {self.a.name} and {self.b.name}")
        if delay_ns < 0:
            raise ValueError(f"a cable's delay is not negative: {delay_ns} ns between {self.a.name} and {self.b.name}")
        self.a.delay_ns = self.b.delay_ns = delay_ns

    def unplug(self) -> None:
        """Pull it out: both ends lose their carrier, frames under way are lost."""
        if self.plugged:
            self.plugged = False
            self.a.peer = self.b.peer = None
            self.a.check_carrier()
            self.b.check_carrier()

    def plug(self) -> None:
        """Put it in again."""
        if not self.plugged:
            for nic in (self.a, self.b):
                if nic.peer is not None:
                    raise NetError(EBUSY, f"there is another cable in {nic.name} in {nic.netns.name}")
            self.plugged = True
            self.a.peer, self.b.peer = self.b, self.a
            self.a.check_carrier()

    def lose(self, mask: LossMask | None, source: Nic | None = None) -> None:
        """Lose the frames that `mask` says; None: lose nothing any more. `source`: only frames that this end sends, else both ends', each
        direction counted for itself."""
        if source is not None and source is not self.a and source is not self.b:
            raise ValueError(f"{source.name} in {source.netns.name} is not an end of {self!r}")
        for nic in (self.a, self.b):
            if source is None or source is nic:
                nic.loss = None if mask is None else mask if callable(mask) else _counted(mask)

    def lose_randomly(self, probability: float) -> None:
        """Lose each frame with this probability, drawn from a stream of the cable's own."""
        if not 0 <= probability <= 1:
            raise ValueError(f"a probability is between 0 and 1: {probability} between {self.a.name} and {self.b.name}")
        for nic in (self.a, self.b):
            draw = nic.netns.sim.stream(f"{nic.netns.name}.{nic.name}/loss").random
            nic.loss = (lambda frame, draw=draw: draw() < probability) if probability else None


def _counted(mask: Sequence[int | bool] | int) -> Callable[[Frame], bool]:
    """A mask as a function that counts the frames it is asked about."""
    number = -1

    def lost(frame: Frame) -> bool:
        nonlocal number
        number += 1
        if isinstance(mask, int):
            return bool(mask >> number & 1)
        return number < len(mask) and bool(mask[number])

    return lost
