"""Small worlds for tests of sockets and programs: two hosts on one veth or cable, or with a router between, watched by a ledger."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from emu.aio.loop import Loop
from emu.aio.process import Process, run, spawn
from emu.fabric.world import World
from emu.iproute import link
from emu.net import addr
from emu.net.netns import Namespace
from emu.wire.addr import cidr_parse

A, B, ROUTER_A, ROUTER_B = "10.0.0.1", "10.0.0.2", "10.0.0.254", "10.0.9.254"


def give(ns: Namespace, dev: str, cidr: str) -> None:
    """An address, with the broadcast address `ip addr add ... brd +` would set."""
    local, length = cidr_parse(cidr)
    mask = (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF
    addr.add(ns, ns.devices[dev], addr.IfAddr(local, length, broadcast=local | ~mask & 0xFFFFFFFF if length < 31 else 0))


class Lab:
    """`a` is 10.0.0.1, `b` is 10.0.0.2 on one veth pair (`cable=True`: two machines and a cable)."""

    def __init__(self, seed: int = 1, cable: bool = False) -> None:
        self.world = World(seed)
        self.sim = self.world.sim
        self.loop = Loop(self.sim)
        self.frames: list[tuple[int, str, str, bytes]] = []
        self.drops: list[tuple[str, str, str]] = []
        self.steps: list[tuple[str, str, str]] = []
        self.causes: dict[int, int] = {}
        self._balance: dict[int, int] = {}
        tp = self.world.tp
        tp.attach("frame", lambda t, dev, way, frame: self.frames.append((t, f"{dev.netns.name}.{dev.name}", way, frame.wire)))
        tp.attach("drop", lambda t, ns, dev, i, reason, text, wire: self.drops.append((ns.name, reason, text)))
        tp.attach("step", lambda t, ns, i, kind, text: self.steps.append((ns.name, kind, text)))
        tp.attach("life", self._life)
        if cable:
            first, second = self.world.add_machine("a"), self.world.add_machine("b")
            self.cable = self.world.cable(first.add_nic(), second.add_nic())
            self.a, self.b = first.netns, second.netns
        else:
            self.machine = self.world.add_machine("m")
            self.a, self.b = self.machine.add_netns("a"), self.machine.add_netns("b")
            link.add_veth(self.a, "eth0", self.b, "eth0")
        for ns, address in ((self.a, A), (self.b, B)):
            self.up(ns, "eth0", address + "/24")

    def up(self, ns: Namespace, dev: str, cidr: str) -> None:
        """lo and a device up, with an address."""
        if not ns.lo.up:
            link.set_up(ns, "lo")
        give(ns, dev, cidr)
        link.set_up(ns, dev)

    def _life(self, event: str, frame_id: int, n: int, cause: int) -> None:
        if event == "born":
            self.causes[frame_id] = cause
        sign = {"born": 1, "copied": 1, "delivered": -1, "dropped": -1, "merged": -1}.get(event, 0)
        self._balance[frame_id] = self._balance.get(frame_id, 0) + sign * n

    def unbalanced(self) -> list[int]:
        """Frames that neither ended nor are on their way; call it when nothing is under way."""
        return [frame_id for frame_id, left in self._balance.items() if left]

    def run(self, ns: Namespace, coro: Coroutine[Any, Any, Any], timeout: float | None = None) -> Any:
        """Run a program to its end."""
        return run(self.loop, ns, coro, timeout=timeout)

    def spawn(self, ns: Namespace, coro: Coroutine[Any, Any, Any], name: str = "program") -> Process:
        """Start a program."""
        return spawn(self.loop, ns, coro, name)

    def go(self, seconds: float = 0.0) -> None:
        """Let virtual time pass."""
        self.loop.run_for(seconds)


class Routed(Lab):
    """`a` 10.0.0.1 behind the router's 10.0.0.254, `b` 10.0.9.2 behind its 10.0.9.254."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__(seed)
        from emu.iproute import route, sysctl

        link.delete(self.a, "eth0")
        self.router = self.machine.add_netns("router")
        link.add_veth(self.a, "eth0", self.router, "left")
        link.add_veth(self.b, "eth0", self.router, "right")
        self.up(self.a, "eth0", A + "/24")
        self.up(self.b, "eth0", "10.0.9.2/24")
        self.up(self.router, "left", ROUTER_A + "/24")
        self.up(self.router, "right", ROUTER_B + "/24")
        sysctl.set(self.router, "net.ipv4.ip_forward", 1)
        route.add(self.a, "default", via=ROUTER_A)
        route.add(self.b, "default", via=ROUTER_B)


