"""Which sockets a namespace has: by protocol and port, and by connection. Made by the namespace's first socket."""

from __future__ import annotations

import zlib
from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emu.net.netns import Namespace
    from emu.net.sock.base import Socket

_TUPLE = Struct("!IIHH")


class Sockets:
    """`udp`, `tcp_bound`: port -> sockets bound to it, the latest first. `established`: (local, port, peer, port) -> connection, TIME_WAIT
    and half-open ones too. `listeners`: port -> listening sockets. `ping`: identifier -> sockets. `raw`: in the order they were made.
    """

    __slots__ = ("_draws", "_key", "_secret", "established", "listeners", "ns", "ping", "ping_rover", "raw", "tcp_bound", "tcp_settings", "udp")

    def __init__(self, ns: Namespace) -> None:
        self.ns = ns
        self.udp: dict[int, list[Any]] = {}
        self.tcp_bound: dict[int, list[Any]] = {}
        self.established: dict[tuple[int, int, int, int], Any] = {}
        self.listeners: dict[int, list[Any]] = {}
        self.ping: dict[int, list[Any]] = {}
        self.raw: list[Any] = []
        # A keyed hash instead of a random stream of sim: thousands of pods have sockets, and a stream's state is 2.5 KB.
        self._key = blake2b(f"{ns.sim.seed}/{ns.name}/sockets".encode(), digest_size=16).digest()
        self._draws = 0
        self.ping_rover = self.draw() & 0xFFFF
        self._secret = self.draw()
        self.tcp_settings: Any = None

    def draw(self) -> int:
        """The next 32 random bits of this namespace's sockets; the seed decides."""
        self._draws += 1
        return int.from_bytes(blake2b(self._draws.to_bytes(8, "big"), digest_size=4, key=self._key).digest(), "big")

    def hash(self, a: int, aport: int, b: int, bport: int, salt: int = 0) -> int:
        """32 bits that depend on the four and on the seed (the kernel's siphash with a secret; here only spread matters)."""
        packed = _TUPLE.pack(a, b, aport, bport)
        value = zlib.crc32(packed, self._secret ^ salt)
        # CRC is linear: a multiplication and a fold keep neighbours apart.
        value = (value * 0x9E3779B1) & 0xFFFFFFFF
        return value ^ value >> 15

    def all(self) -> list[Socket]:
        """Every socket, each once, in the order of the tables."""
        found: dict[int, Socket] = {}
        for table in (self.udp, self.tcp_bound, self.listeners, self.ping):
            for sockets in table.values():
                found.update((id(sk), sk) for sk in sockets)
        found.update((id(sk), sk) for sk in self.established.values())
        found.update((id(sk), sk) for sk in self.raw)
        return list(found.values())


def get(ns: Namespace) -> Sockets:
    """The namespace's tables, made now if it has none."""
    sockets = ns.sockets
    if sockets is None:
        sockets = ns.sockets = Sockets(ns)
    found: Sockets = sockets
    return found


def listening(ns: Namespace) -> list[str]:
    """What servers wait for: `80/TCP`, `53/UDP`, in order of port."""
    sockets = ns.sockets
    if sockets is None:
        return []
    waiting = [(port, "TCP") for port, held in sockets.listeners.items() if held]
    waiting += [(port, "UDP") for port, held in sockets.udp.items() if any(not sk.daddr for sk in held)]
    return [f"{port}/{protocol}" for port, protocol in sorted(waiting)]
