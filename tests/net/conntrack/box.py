"""A forwarding box that is nothing but conntrack and NAT at the hooks of one namespace: packets in, packets out.

    a (10.0.1.0/24)  --  box 10.0.1.1 | 10.0.2.1  --  b (10.0.2.0/24)

Like the kernel's box of `kernel_box.py`, it takes one from the TTL and writes what conntrack thinks of the packet into the TOS.
"""

from __future__ import annotations

from collections.abc import Callable

from emu.net import conntrack
from emu.net.conntrack import nat
from emu.net.conntrack.nat import DST, SRC, NatRange
from emu.net.ip_header import parse
from emu.net.netns import Kernel, Namespace
from emu.net.skb import CT_INVALID, CT_IS_REPLY, CT_NEW, CT_UNTRACKED, Skb
from emu.net.sysctl import Sysctl
from emu.sim import Sim
from emu.trace import Tracepoints
from emu.wire.addr import ip_int
from emu.wire.checksum import checksum

NEW, ESTABLISHED, RELATED, INVALID, UNTRACKED = 4, 8, 12, 16, 20
TOS = {0: ESTABLISHED, 1: RELATED, CT_NEW: NEW, CT_IS_REPLY: ESTABLISHED, CT_IS_REPLY + 1: RELATED, CT_INVALID: INVALID, CT_UNTRACKED: UNTRACKED}

Rule = Callable[[Namespace, Skb], bool]


class Box:
    """`send(l3)` gives the packet that comes out, None if it was dropped. `tos` of the last one says what it was taken for."""

    def __init__(self, seed: int = 0) -> None:
        self.sim = Sim(seed)
        self.tp = Tracepoints(self.sim)
        self.kernel = Kernel("box", self.sim, self.tp)
        self.ns = Namespace("box", self.kernel)
        self.ns.sysctl = Sysctl(self.ns)
        self.ct = conntrack.get(self.ns)
        self.dnat_rules: list[Rule] = []
        self.snat_rules: list[Rule] = []
        self.filter: Callable[[Skb], bool] = lambda skb: True
        self.steps: list[str] = []
        self.drops: list[str] = []
        self.tp.attach("step", lambda t, ns, frame_id, kind, text: self.steps.append(f"{kind}: {text}"))
        self.tp.attach("drop", lambda t, ns, dev, frame_id, reason, text, wire: self.drops.append(f"{reason}: {text}"))

    def dnat(self, match: Callable[[Skb], bool], allowed: NatRange) -> None:
        self.dnat_rules.append(lambda ns, skb: not match(skb) or nat.setup(ns, skb, allowed, DST))

    def snat(self, match: Callable[[Skb], bool], allowed: NatRange) -> None:
        self.snat_rules.append(lambda ns, skb: not match(skb) or nat.setup(ns, skb, allowed, SRC))

    def skb(self, l3: bytes) -> Skb | None:
        """A parsed packet that has just come in; `end` it if it is not sent on."""
        skb = self.ns.born(0x0800, l3)
        reason = parse(skb)
        if reason is None:
            return skb
        self.ns.drop(skb, reason)
        return None

    def end(self, skb: Skb) -> None:
        """The packet is used up."""
        self.ns.delivered(skb)

    def send(self, l3: bytes) -> bytes | None:
        skb = self.arrive(l3)
        return self.leave(skb) if skb is not None else None

    def arrive(self, l3: bytes) -> Skb | None:
        """The first half: until after PREROUTING."""
        skb = self.skb(l3)
        if skb is None or not self.ct.packet_in(0, skb) or not self.nat(0, skb, self.dnat_rules):
            return None
        return skb

    def leave(self, skb: Skb) -> bytes | None:
        """The second half: FORWARD and POSTROUTING."""
        header = bytearray(skb.l3)
        header[1] = TOS[skb.ctinfo]
        header[8] -= 1
        header[10:12] = b"\x00\x00"
        header[10:12] = checksum(bytes(header[: skb.ihl])).to_bytes(2, "big")
        skb.set_l3(bytes(header))
        if not self.filter(skb):
            self.ns.drop(skb, "NETFILTER_DROP", "the filter")
            return None
        if not self.nat(4, skb, self.snat_rules) or not self.ct.confirm(skb):
            return None
        self.end(skb)
        return skb.l3

    def nat(self, hook: int, skb: Skb, rules: list[Rule]) -> bool:
        def run_rules() -> bool:
            if all(rule(self.ns, skb) for rule in rules):
                return True
            self.ns.drop(skb, "NETFILTER_DROP", "a rule")
            return False

        return nat.hook(self.ns, hook, skb, None, None, run_rules)

    def wait(self, seconds: float) -> None:
        self.sim.run(self.sim.now + round(seconds * 1e9))


def to_ip(ip: str, port: int = 0) -> NatRange:
    """What `--to-destination ip:port` or `--to-source ip:port` says."""
    return NatRange(0, ip_int(ip), ip_int(ip), port, port)
