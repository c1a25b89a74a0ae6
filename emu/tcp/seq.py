"""Sequence numbers wrap at 2^32; comparisons look at the signed distance (RFC 1982, the kernel's before() and after())."""
from __future__ import annotations

MASK = 0xFFFFFFFF
HALF = 0x80000000


def before(a: int, b: int) -> bool:
    """True when a comes earlier than b."""
    return (a - b) & HALF != 0


def after(a: int, b: int) -> bool:
    """True when a comes later than b."""
    return (b - a) & HALF != 0
