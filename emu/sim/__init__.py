"""Virtual time: one FIFO for immediate work, one heap for timers, seeded random streams. Nothing here knows about networks."""

from emu.sim.loop import NS_PER_MS, NS_PER_S, NS_PER_US, Sim, Stream, Timer

__all__ = ["NS_PER_MS", "NS_PER_S", "NS_PER_US", "Sim", "Stream", "Timer"]
