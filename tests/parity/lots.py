"""What the kernel draws by lot, read from its conntrack and given to the emulator.

The kernel tells every new connection in the order in which they are confirmed (ctnetlink, `Connections`). In the emulator the n-th new connection of a
namespace is the same one, so what is drawn while it begins follows from how it came out: a port that NAT picks is the one in the kernel's answer
tuple; of rules with `-m statistic --mode random` as many miss as it takes to come to the kernel's backend. How many that is, is learnt by trying:
the script is run in the emulator again until every connection has the backend it had (`Lottery`). For how long a neighbour's confirmation is good on a
device, the kernel tells by rtnetlink. The draws themselves are kept in the golden file.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from emu.sim import Sim, Stream
from tests.parity.links import attributes_of

NFNLGRP_CONNTRACK_NEW, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NETLINK_NETFILTER, SO_RCVBUFFORCE = 1, 270, 1, 12, 33
CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_TUPLE_IP, CTA_TUPLE_PROTO = 1, 2, 1, 2
HIT, MISS = 0, 0x7FFFFFFF  # of 31 random bits that are compared with a probability
TRIES = 12
Draws = dict[str, list[int]]  # stream -> what was drawn from it, in order


@dataclass(frozen=True)
class End:
    """One direction of a connection, as its packets come in. Ports are 0 where there are none; `sport` is ICMP's id."""

    proto: int
    src: int
    dst: int
    sport: int
    dport: int


@dataclass(frozen=True)
class Flow:
    orig: End
    reply: End


class Connections:
    """New connections of a kernel namespace. Made while the calling thread is inside it."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, NETLINK_NETFILTER)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self.socket.bind((0, 0))
        self.socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFNLGRP_CONNTRACK_NEW)

    def read(self) -> list[Flow]:
        """Those that began since."""
        flows = []
        while True:
            try:
                data = self.socket.recv(1 << 20)
            except BlockingIOError:
                return flows
            at = 0
            while at + 20 <= len(data):
                length = struct.unpack_from("=I", data, at)[0]
                if data[at + 16] == socket.AF_INET:
                    found = attributes_of(data[at + 20 : at + length])
                    flows.append(Flow(end(found[CTA_TUPLE_ORIG]), end(found[CTA_TUPLE_REPLY])))
                at += (length + 3) & ~3

    def close(self) -> None:
        self.socket.close()


def end(raw: bytes) -> End:
    found = attributes_of(raw)
    ip, proto = attributes_of(found[CTA_TUPLE_IP]), attributes_of(found[CTA_TUPLE_PROTO])

    def number(raw: bytes) -> int:
        return int.from_bytes(raw, "big")

    number_of = number(proto[1])
    sport, dport = (number(proto.get(4, b"")), 0) if number_of == 1 else (number(proto.get(2, b"")), number(proto.get(3, b"")))
    return End(number_of, number(ip[1]), number(ip[2]), sport, dport)


@dataclass
class Lottery:
    """`wanted`: the kernel's connections by namespace; what was learnt about them so far stays between runs. `reachable`: (namespace, device,
    base_reachable_time_ms) -> how long the kernel lets a neighbour's confirmation be good there, in ms.
    """

    wanted: dict[str, list[Flow]]
    reachable: dict[tuple[str, str, int], int] = field(default_factory=dict)
    tried: dict[tuple[str, int], dict[int, tuple[int, int]]] = field(default_factory=dict)  # connection -> misses -> backend
    hints: dict[tuple[str, int, int, int], dict[int, tuple[int, int]]] = field(default_factory=dict)  # the same for all to one address and port

    def misses(self, netns: str, index: int) -> int:
        """How many rules shall miss for the n-th connection."""
        flow = self.wanted[netns][index]
        backend = flow.reply.src, flow.reply.sport
        tried = self.tried.get((netns, index), {})
        hints = self.hints.get(key(netns, flow), {})
        for known in (tried, hints):
            for count, outcome in known.items():
                if outcome == backend and tried.get(count, backend) == backend:
                    return count
        return next(count for count in range(64) if count not in tried and (count not in hints or hints[count] == backend))

    def learn(self, played: Played) -> bool:
        """From a run in the emulator; whether another one can do better."""
        again = False
        for (netns, index), drawn in played.misses.items():
            ours, theirs = played.flows.get(netns, []), self.wanted[netns]
            if index >= len(ours) or not alike(ours[index].orig, theirs[index].orig):
                continue
            asked = played.asked[netns, index]
            outcome = ours[index].reply.src, ours[index].reply.sport
            self.tried.setdefault((netns, index), {}).update({drawn: outcome, asked: outcome})
            self.hints.setdefault(key(netns, theirs[index]), {})[drawn] = outcome
            if outcome != (theirs[index].reply.src, theirs[index].reply.sport) and drawn == asked:  # else there were no more rules to miss
                again = True
        return again


def key(netns: str, flow: Flow) -> tuple[str, int, int, int]:
    return netns, flow.orig.proto, flow.orig.dst, flow.orig.dport


def alike(ours: End, theirs: End) -> bool:
    """Whether it is the same connection, so far as can be told (a client's port is drawn by its kernel)."""
    return (ours.proto, ours.src, ours.dst) == (theirs.proto, theirs.src, theirs.dst)


class Played:
    """The emulator's side of one run: gives the draws and notes them. Either by the kernel's connections or as they were recorded."""

    def __init__(self, lottery: Lottery | None, recorded: Draws) -> None:
        self.lottery = lottery
        self.recorded = recorded
        self.draws: Draws = {}
        self.flows: dict[str, list[Flow]] = {}
        self.asked: dict[tuple[str, int], int] = {}  # connection -> how many rules should miss, and how many did
        self.misses: dict[tuple[str, int], int] = {}
        self.device = ""  # for whose neighbours a time is being drawn

    def install(self, sim: Sim) -> None:
        names = {f"{netns}/{kind}": (netns, kind) for netns in (self.lottery.wanted if self.lottery else ()) for kind in ("nat", "statistic")}
        names |= {f"{netns}/neigh": (netns, "neigh") for netns, _, _ in (self.lottery.reachable if self.lottery else ())}
        names |= {name: (name.rpartition("/")[0], name.rpartition("/")[2]) for name in self.recorded}
        for name, (netns, kind) in names.items():
            sim.use_stream(name, Given(f"{sim.seed}/{name}", self, netns, kind, name))

    def began(self, netns: str, orig: Any, reply: Any) -> None:
        """A connection of the emulator was confirmed; its tuples are (protocol, addresses, ports)."""
        self.flows.setdefault(netns, []).append(Flow(End(*orig), End(*reply)))


class Given(Stream):
    """Draws what the kernel drew; where that is not known, by itself."""

    def __new__(cls, seed: str, *arguments: object) -> Given:
        return super().__new__(cls, seed)

    def __init__(self, seed: str, played: Played, netns: str, kind: str, name: str) -> None:
        super().__init__(seed)
        self.played, self.netns, self.kind, self.name = played, netns, kind, name
        self.queue = deque(played.recorded.get(name, ()))

    def wanted(self) -> Flow | None:
        """The kernel's connection that begins now."""
        lottery = self.played.lottery
        flows = lottery.wanted.get(self.netns, []) if lottery else []
        index = len(self.played.flows.get(self.netns, ()))
        return flows[index] if index < len(flows) else None

    def pick(self, low: int, size: int) -> int:
        flow = self.wanted()
        choices = list(self.queue)[:1] if flow is None else [flow.reply.sport] if flow.reply.proto == 1 else [flow.reply.dport, flow.reply.sport]
        if self.queue:
            self.queue.popleft()
        port = next((choice for choice in choices if low <= choice < low + size), None)
        if port is None:
            port = super().pick(low, size)
        self.played.draws.setdefault(self.name, []).append(port)
        return port

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        """Around half to one and a half of base_reachable_time: `start` is that, and half of it is added (NeighTable.reachable_time)."""
        if self.kind != "neigh" or not self.played.device:
            return super().randrange(start, stop, step)
        if self.queue:
            drawn = self.queue.popleft()
        else:
            known = self.played.lottery.reachable.get((self.netns, self.played.device, start)) if self.played.lottery else None
            drawn = super().randrange(start) if known is None else min(max(known - (start >> 1), 0), start - 1)
        self.played.draws.setdefault(self.name, []).append(drawn)
        return drawn

    def getrandbits(self, k: int) -> int:
        if self.kind != "statistic":
            return super().getrandbits(k)
        flow = self.wanted()
        if self.queue:
            drawn = self.queue.popleft()
        elif flow is not None and self.played.lottery is not None:
            at = self.netns, len(self.played.flows.get(self.netns, ()))
            missed = self.played.misses.get(at, 0)
            asked = self.played.asked[at] = self.played.lottery.misses(*at)
            drawn = MISS if missed < asked else HIT
            self.played.misses[at] = missed + (drawn == MISS)
        else:
            drawn = super().getrandbits(k)
        self.played.draws.setdefault(self.name, []).append(drawn)
        return drawn


def draws_lines(draws: Draws) -> list[str]:
    words = {HIT: "hit", MISS: "miss"}

    def word(name: str, drawn: int) -> str:
        return words.get(drawn, str(drawn)) if name.endswith("/statistic") else str(drawn)

    return [" ".join([name, *(word(name, drawn) for drawn in drawns)]) for name, drawns in sorted(draws.items())]


def parse_draws(lines: list[str]) -> Draws:
    words = {"hit": HIT, "miss": MISS}
    return {name: [words[word] if word in words else int(word) for word in drawns] for name, *drawns in (line.split() for line in lines)}
