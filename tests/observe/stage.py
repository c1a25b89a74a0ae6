"""A stage for observers: tracepoints, namespaces and devices in name only, and frames that go where a test says."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from emu.sim import Sim
from emu.trace import Tracepoints
from emu.trace.points import BORN
from emu.wire.frame import Frame

A_MAC, B_MAC, ALL = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "ff:ff:ff:ff:ff:ff"
A_IP, B_IP = "10.0.0.1", "10.0.0.2"


def ether(src: str = A_MAC, dst: str = B_MAC) -> Packet:
    return Ether(src=src, dst=dst)


def udp(data: bytes = b"hello", **fields: Any) -> bytes:
    return bytes(ether() / IP(src=A_IP, dst=B_IP, **fields) / UDP(sport=40000, dport=53) / data)


def tcp(flags: str, data: bytes = b"") -> bytes:
    return bytes(ether() / IP(src=A_IP, dst=B_IP) / TCP(sport=40000, dport=80, flags=flags) / data)


def icmp(error_about: bytes = b"", **fields: Any) -> bytes:
    return bytes(ether() / IP(src=A_IP, dst=B_IP) / ICMP(**fields) / error_about)


def who_has() -> bytes:
    return bytes(ether(dst=ALL) / ARP(hwsrc=A_MAC, psrc=A_IP, pdst=B_IP))


@dataclass
class Stage:
    """`at(t)` sets the clock; the rest reports to the tracepoints as the stack does."""

    sim: Sim = field(default_factory=Sim)

    def __post_init__(self) -> None:
        self.tp = Tracepoints(self.sim)
        self.namespaces: dict[str, Any] = {}
        self.devices: dict[tuple[str, str], Any] = {}

    def at(self, t_ns: int) -> Stage:
        self.sim.now = t_ns
        return self

    def ns(self, name: str) -> Any:
        return self.namespaces.setdefault(name, SimpleNamespace(name=name))

    def dev(self, where: str) -> Any:
        """`node1.eth0`."""
        ns, _, name = where.rpartition(".")
        return self.devices.setdefault((ns, name), SimpleDevice(name, self.ns(ns)))

    def born(self, cause: int | None = None) -> int:
        frame_id = self.sim.new_id()
        if cause is not None:
            self.sim.cause = cause
        if self.tp.life:
            self.tp.on_life(BORN, frame_id)
        return frame_id

    def life(self, event: str, frame_id: int, n: int = 1) -> None:
        if self.tp.life:
            self.tp.on_life(event, frame_id, n)

    def frame(self, where: str, direction: str, frame_id: int, wire: bytes | None = None) -> None:
        if self.tp.frame:
            self.tp.on_frame(self.dev(where), direction, Frame.make(udp() if wire is None else wire, frame_id))

    def step(self, ns: str, frame_id: int, kind: str, text: str) -> None:
        if self.tp.step:
            self.tp.on_step(self.ns(ns), frame_id, kind, text)

    def drop(self, ns: str, frame_id: int, reason: str, text: str = "", where: str | None = None, wire: bytes = b"") -> None:
        if self.tp.drop:
            self.tp.on_drop(self.ns(ns), self.dev(where) if where else None, frame_id, reason, text, wire)


class SimpleDevice:
    """A name in a namespace, and a key in dictionaries."""

    def __init__(self, name: str, netns: Any) -> None:
        self.name, self.netns = name, netns
