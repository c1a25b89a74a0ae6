"""What happened: tracepoints, steps, drop reasons, lineage. Observers attach here; the packet path only calls."""

from emu.trace.points import Tracepoints

__all__ = ["Tracepoints"]
