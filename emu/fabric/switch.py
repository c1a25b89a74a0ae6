"""A plain layer-2 switch: learns, forwards, floods, and has no address of its own. Its ports are captured as `<switch>.<port>`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net.bridge_loop import LoopGuard
from emu.net.device import random_mac
from emu.net.fdb import Fdb
from emu.net.netns import Kernel, Namespace
from emu.net.nic import Nic
from emu.trace.points import COPIED
from emu.wire.addr import mac_text
from emu.wire.frame import Frame

if TYPE_CHECKING:
    from emu.sim import Sim
    from emu.trace import Tracepoints

JUMBO = 9000


class SwitchPort(Nic):
    """A port: always up, takes frames for every MAC."""

    kind = "switchport"
    __slots__ = ("bridge", "dev", "guard", "newest")

    def __init__(self, name: str, mac: bytes, switch: Switch) -> None:
        super().__init__(name, mac, JUMBO)
        self.bridge = switch
        self.dev = self.port = self
        self.newest = 0
        self.guard: LoopGuard | None = None

    def receive(self, frame: Frame) -> None:
        """A frame comes in by the cable: learn where its source is, send it on."""
        wire = frame.wire
        peer = self.peer
        if peer is None or not self.carrier or len(wire) < 14 or self.netns.sim.now - peer.delay_ns < self.linked_at:
            super().receive(frame)
            return
        frame_id = frame.id
        ns = self.netns
        ns.sim.cause = frame_id
        self.rx_packets += 1
        self.rx_bytes += len(wire)
        if ns.tp.frame:
            ns.tp.on_frame(self, "rx", frame)
        if frame_id > self.newest:
            self.newest = frame_id
        else:
            if self.guard is None:
                self.guard = LoopGuard()
            self.guard.seen(self, frame)
        self.bridge.forward(self, frame)

    def set_carrier(self, on: bool) -> None:
        """A port whose link is down has nobody behind it (br_stp_disable_port)."""
        super().set_carrier(on)
        if not on:
            self.bridge.fdb.flush_port(self)

    def send(self, frame: Frame) -> None:
        """Send a frame out by the cable."""
        ns = self.netns
        if not self.carrier:
            ns.drop_frame(frame, "QDISC_DROP", f"{self.name} has no carrier", self)
            return
        self.tx_packets += 1
        self.tx_bytes += len(frame.wire)
        if ns.tp.frame:
            ns.tp.on_frame(self, "tx", frame)
        self.put_on_wire(frame)


class Switch:
    """`ports` by name. Its `netns` is only a place for the ports: there is no IP in it."""

    __slots__ = ("fdb", "kernel", "name", "netns", "ports")

    def __init__(self, name: str, sim: Sim, tp: Tracepoints) -> None:
        self.name = name
        self.kernel = Kernel(name, sim, tp)
        self.netns = Namespace(name, self.kernel)
        self.ports: list[SwitchPort] = []
        self.fdb: Fdb[SwitchPort] = Fdb(sim, self._changed)

    def __repr__(self) -> str:
        return f"<switch {self.name}>"

    def _changed(self) -> None:
        self.netns.generation += 1

    def add_port(self, name: str = "") -> SwitchPort:
        """A new port, named `p1`, `p2`... unless it is given a name."""
        sim = self.netns.sim
        port = SwitchPort(name or f"p{len(self.ports) + 1}", random_mac(sim), self)
        self.netns.add_device(port)
        self.ports.append(port)
        port.open()
        return port

    def forward(self, source: SwitchPort, frame: Frame) -> None:
        """Learn, then send to the port of the destination, or to all others."""
        fdb = self.fdb
        ns = self.netns
        wire = frame.wire
        src = wire[6:12]
        entry = fdb.entries.get(src)
        if entry is None:
            if not src[0] & 1:
                fdb.learn(src, source)
        else:
            entry.updated = ns.sim.now
            if entry.port is not source:
                fdb.move(entry, source)
        tp = ns.tp
        known = fdb.entries.get(wire[:6])
        if known is not None:
            out = known.port
            if out is None or out is source:
                ns.drop_frame(frame, "NO_TX_TARGET", f"{self.name}: {mac_text(wire[:6])} is behind {source.name}, where the frame came from", source)
                return
            if tp.step:
                tp.on_step(ns, frame.id, "fdb", f"FDB hit: {mac_text(wire[:6])} on {out.name}")
            out.send(frame)
            return
        targets = [port for port in self.ports if port is not source and port.carrier]
        if tp.step:
            tp.on_step(ns, frame.id, "flood", f"flooded to {', '.join(port.name for port in targets) or 'no port'}")
        if not targets:
            ns.drop_frame(frame, "NO_TX_TARGET", f"{self.name}: no other port", source)
            return
        if len(targets) > 1 and tp.life:
            tp.on_life(COPIED, frame.id, len(targets) - 1)
        for port in targets:
            port.send(frame)
