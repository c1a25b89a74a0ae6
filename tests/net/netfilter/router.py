"""A router between two wires: the whole emulated stack, with packets put on one wire and taken off the other.

    a (10.0.1.0/24)  --  router, devices a 10.0.1.1 and b 10.0.2.1  --  b (10.0.2.0/24)

`KernelBox` of tests/net/conntrack is the same on the real kernel, so that both can be given the same rules and packets.
"""

from __future__ import annotations

from emu.fabric import World
from emu.iproute import addr, iptables, link, neigh, sysctl
from emu.net.netns import Namespace
from emu.observe.ledger import Ledger
from emu.wire.frame import Frame
from tests.net.lan import inject

NET = {"a": "10.0.1", "b": "10.0.2"}
HOSTS = 8


class Router:
    """`send("a", l3)` gives what came out: [(wire, l3), ...]. `steps` and `drops` tell what happened since the last `send`."""

    def __init__(self, seed: int = 1) -> None:
        self.world = World(seed)
        self.sim = self.world.sim
        self.out: list[tuple[str, bytes]] = []
        self.steps: list[str] = []
        self.drops: list[str] = []
        self.world.tp.attach("frame", self._frame)
        self.world.tp.attach("step", lambda t, ns, i, kind, text: self.steps.append(f"{kind}: {text}"))
        self.world.tp.attach("drop", lambda t, ns, dev, i, reason, text, wire: self.drops.append(f"{reason}: {text}") if ns is self.ns else None)
        self.ledger = Ledger(self.world.tp)
        machine = self.world.add_machine("machine")
        self.ns: Namespace = machine.add_netns("box")
        link.set_up(self.ns, "lo")
        sysctl.set(self.ns, "net.ipv4.ip_forward", 1)
        for number, side in enumerate("ab", 1):
            peer = machine.add_netns(side)
            link.add_veth(peer, "w", self.ns, side, f"02:00:00:00:0{number}:02", f"02:00:00:00:0{number}:01")
            addr.add(self.ns, side, f"{NET[side]}.1/24")
            link.set_up(self.ns, side)
            link.set_up(peer, "w")
            for host in range(2, 2 + HOSTS):
                neigh.replace(self.ns, f"{NET[side]}.{host}", side, f"02:00:00:00:0{number}:02")
        self.wait(1)

    def _frame(self, now: int, device: object, direction: str, frame: Frame) -> None:
        place = f"{device.netns.name}.{device.name} {direction}"  # type: ignore[attr-defined]
        if place in ("a.w rx", "b.w rx") and frame.wire[12:14] == b"\x08\x00":
            self.out.append((place[0], frame.wire[14:]))

    def wait(self, seconds: float) -> None:
        self.sim.run(self.sim.now + round(seconds * 1e9))

    def restore(self, text: str) -> None:
        iptables.restore(self.ns, text, counters=True)

    def iptables(self, command: str) -> str:
        return iptables.command(self.ns, command.split())

    def counters(self, table: str = "filter") -> dict[str, int]:
        """Rule text (with its chain) -> packets."""
        lines = [line for line in iptables.save(self.ns, counters=True, table=table).splitlines() if line.startswith("[")]
        return {line.partition("] -A ")[2]: int(line[1:].partition(":")[0]) for line in lines}

    def send(self, side: str, l3: bytes, src_mac: str = "") -> list[tuple[str, bytes]]:
        """A packet comes in by device `side`."""
        self.out, self.steps, self.drops = [], [], []
        device = self.ns.device(side)
        source = src_mac or device.peer.mac.hex(":")  # type: ignore[attr-defined]
        header = device.mac + bytes.fromhex(source.replace(":", "")) + b"\x08\x00"
        inject(device, header + l3)
        self.wait(0.001)
        return self.out

    def passes(self, l3: bytes, side: str = "a") -> bool:
        """Whether the packet comes out on the other wire."""
        return any(where != side for where, _ in self.send(side, l3))
