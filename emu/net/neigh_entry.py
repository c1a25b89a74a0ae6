"""One entry of the neighbour table: its states, as data, and what is kept with it (struct neighbour)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from emu.wire.addr import ZERO_MAC, ip_text, mac_text

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.skb import Skb
    from emu.sim import Timer

# State -> bit (include/uapi/linux/neighbour.h).
NUD: dict[str, int] = {"NONE": 0, "INCOMPLETE": 1, "REACHABLE": 2, "STALE": 4, "DELAY": 8, "PROBE": 16, "FAILED": 32, "NOARP": 64, "PERMANENT": 128}
NUD_NAMES: dict[int, str] = {bit: name for name, bit in NUD.items()}
NONE, INCOMPLETE, REACHABLE, STALE, DELAY, PROBE, FAILED, NOARP, PERMANENT = NUD.values()
IN_TIMER = INCOMPLETE | REACHABLE | DELAY | PROBE
VALID = PERMANENT | NOARP | REACHABLE | PROBE | STALE | DELAY  # a MAC is known
CONNECTED = PERMANENT | NOARP | REACHABLE  # it is used without a look at the clock

# What we do: state -> {event: next state}. Every state may also be left by `update` (an ARP packet or the user).
MOVES: dict[int, dict[str, int]] = {
    NONE: {"send": INCOMPLETE},
    INCOMPLETE: {"no answer": FAILED},
    REACHABLE: {"used lately": DELAY, "quiet": STALE},
    STALE: {"send": DELAY},
    DELAY: {"confirmed": REACHABLE, "not confirmed": PROBE},
    PROBE: {"no answer": FAILED},
    FAILED: {"send": INCOMPLETE},
    NOARP: {},
    PERMANENT: {},
}


class Neigh:
    """One entry. `mac`: six bytes, zero if unknown. `hh`: a packet was sent with it, so Linux's header cache is filled. `header`: the 14 bytes in
    front of an IPv4 packet while the state is CONNECTED and the cache is filled, else None (br_netfilter's way depends on it).
    `updated`, `confirmed`, `used`: ns. `queue`: packets that wait, oldest first. `probes`: requests sent in this round. `note`: what a user said
    of it, whether it is a router and which protocol made it."""

    __slots__ = ("confirmed", "dead", "dev", "header", "hh", "ip", "mac", "note", "probes", "queue", "queue_bytes", "state", "timer", "updated", "used")

    def __init__(self, dev: NetDevice, ip: int, now: int) -> None:
        self.dev = dev
        self.ip = ip
        self.mac = ZERO_MAC
        self.state = NONE
        self.header: bytes | None = None
        self.hh = False
        self.updated = self.used = now
        self.confirmed = now
        self.probes = 0
        self.queue: deque[Skb] | None = None
        self.queue_bytes = 0
        self.timer: Timer | None = None
        self.dead = False
        self.note: tuple[bool, int] = (False, 0)

    def __repr__(self) -> str:
        return f"<neigh {ip_text(self.ip)} dev {self.dev.name} {mac_text(self.mac)} {NUD_NAMES[self.state]}>"

    def judge(self, mac: bytes | None, new: int, override: bool, weak: bool, admin: bool) -> tuple[bytes, int]:
        """What a claim about MAC and state, one of VALID, makes of this entry: (MAC, state), both as they are if the claim does not count. A known
        MAC is replaced only with `override`; with `weak` another MAC casts doubt; hearing of the same MAC again does not make a better state STALE.
        """
        old = self.state
        if mac is None:
            mac = self.mac
        if old & VALID:
            if mac != self.mac and not override:
                return self.mac, STALE if weak and old & CONNECTED else old
            if mac == self.mac and new == STALE and not admin:
                return mac, old
        return mac, new


def truesize(skb: Skb) -> int:
    """Bytes of memory that Linux accounts for a packet (skb->truesize): 256 for its struct, and what the allocator gives for headroom, data and
    the 320 bytes of shared info. Measured on 6.18: 832 for small packets, then 1280, 2304, and so on."""
    need = (len(skb.l3) + 31 & ~63) + 64 + 320
    if need <= 576:  # skb_small_head_cache
        return 832
    size = 1024
    while size < need:
        size *= 2
    return size + 256
