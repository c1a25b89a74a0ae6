"""A cache of whole decisions for flows that a namespace only passes on, as the kernel's flow table offload keeps them (nf_flow_table_core.c).

The first packet of a UDP flow that is forwarded or bridged takes the ordinary way while a `Trail` notes what it touches. If nothing on that way was more than
a look-up (no frame made, copied, kept or dropped, no rule that draws or counts for itself), the outcome is kept at the device it came in by: which
devices see the frame, in which form, and which counters go up. Later packets of the flow replay it until any table changes: every table that a
decision depends on raises the namespace's `generation`. What depends on the packet itself is checked again each time: TTL, lengths, both checksums, and
the connection's state and life.

Nothing that can be observed differs from the ordinary way: while decisions are traced, every packet takes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.net.conntrack.entry import ASSURED, CONFIRMED, DYING, FIXED_TIMEOUT, NAT_CLASH, SEEN_REPLY
from emu.sim import NS_PER_S
from emu.wire.checksum import l4_verify
from emu.wire.frame import Frame

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netns import Namespace
    from emu.net.skb import Skb

FLOWS_PER_DEVICE = 4096

_from_bytes = int.from_bytes


class Trail:
    """What one packet touched on its way through a namespace. `visits`: (device, direction, frame) after the first. `skb`: the packet."""

    __slots__ = ("ids", "skb", "visits")

    def __init__(self, skb: Skb, ids: int) -> None:
        self.skb = skb
        self.ids = ids
        self.visits: list[tuple[NetDevice, str, Frame]] = []


class Form:
    """How a later frame looks, worked out from the way the first one changed: `eth` and addresses are new, the rest is patched (RFC 1624)."""

    __slots__ = ("addresses", "eth", "ip_delta", "l4_delta", "ports", "ttl_less")

    def __init__(self, before: bytes, after: bytes) -> None:
        self.eth = after[:14]
        self.ttl_less = before[22] - after[22]
        self.addresses = after[26:34]
        self.ports = after[34:38]
        self.ip_delta = _words(before[22:24] + before[26:34]) - _words(after[22:24] + self.addresses)
        self.l4_delta = _words(before[26:38]) - _words(after[26:38])

    def apply(self, wire: bytes) -> bytes:
        """The frame of `wire` (a packet of the same flow as the first) in this form."""
        check = ((wire[24] << 8 | wire[25]) + self.ip_delta) % 0xFFFF
        head = b"%b%b%c%c%c%c%b%b" % (self.eth, wire[14:22], wire[22] - self.ttl_less, wire[23], check >> 8, check & 0xFF, self.addresses, self.ports)
        if not self.l4_delta:
            return head + wire[38:]
        check = wire[40] << 8 | wire[41]
        if check:  # UDP without a checksum stays without
            check = (check + self.l4_delta) % 0xFFFF or 0xFFFF
        return head + b"%b%c%c%b" % (wire[38:40], check >> 8, check & 0xFF, wire[42:])


def _words(data: bytes) -> int:
    return _from_bytes(data, "big") % 0xFFFF


class Flow:
    """One flow at one device. `head`: Ethernet header, version, header length and TOS. `steps`: (device, is it sent, form or None as before)."""

    __slots__ = (
        "counters", "ct", "fdb", "form", "frag", "generation", "head", "last", "max_length", "min_ttl", "port", "status", "steps", "stream", "unreplied",
        "verify",
    )  # fmt: skip

    def __init__(self, device: NetDevice, first: bytes, trail: Trail, counters: list[Any], fdb: Any) -> None:
        ns = device.netns
        skb = trail.skb
        self.generation = ns.generation
        self.head = first[:16]
        self.frag = first[20:22]
        self.counters = counters
        self.fdb = fdb
        self.port = device.port
        self.ct = ct = skb.ct
        sysctl = ns.sysctl
        self.status = ct.status if ct is not None else 0
        self.stream = sysctl.nf_conntrack_udp_timeout_stream * NS_PER_S
        self.unreplied = sysctl.nf_conntrack_udp_timeout * NS_PER_S
        self.verify = ct is not None and bool(sysctl.nf_conntrack_checksum)
        self.steps: list[tuple[NetDevice, bool, Form | None]] = []
        before = first
        for visited, direction, frame in trail.visits[:-1]:
            self.steps.append((visited, direction == "tx", None if frame.wire == before else Form(first, frame.wire)))
            before = frame.wire
        last, _, frame = trail.visits[-1]
        self.last: Any = last  # a device with a wire: it has put_on_wire
        self.steps.append((last, True, None if frame.wire == before else Form(first, frame.wire)))
        self.form = next((form for _, _, form in reversed(self.steps) if form is not None), None)  # what it looks like in the end
        self.min_ttl = first[22] - frame.wire[22] + 1
        # The least MTU on the way; packets that do not fit take the ordinary way, which knows what to do about them.
        self.max_length = min(visited.mtu for visited, direction, _ in trail.visits if direction == "tx") + 14

    def replay(self, ns: Namespace, frame: Frame) -> bool:
        """Pass a frame on as the first of its flow was. False: nothing was done, it has to take the ordinary way."""
        wire = frame.wire
        size = len(wire)
        if (
            self.generation != ns.generation
            or size < 42
            or wire[:16] != self.head
            or wire[20:22] != self.frag
            or wire[22] < self.min_ttl
            or size > self.max_length
            or size - 14 != wire[16] << 8 | wire[17]
            or size - 34 != wire[38] << 8 | wire[39]
            or _from_bytes(wire[14:34], "big") % 0xFFFF
            or ns.tp.step
        ):
            return False
        port = self.port
        if port is not None and frame.id <= port.newest:
            return False  # it may be going round
        now = ns.sim.now
        ct = self.ct
        if ct is not None:
            timeout = self.unreplied
            status = ct.status
            if status != self.status or ct.timeout <= now:
                return False
            if status & SEEN_REPLY and now > ct.stream_at:
                if not status & (ASSURED | NAT_CLASH):
                    return False
                timeout = self.stream
            if self.verify and (wire[40] or wire[41]) and not l4_verify(_from_bytes(wire[26:30], "big"), _from_bytes(wire[30:34], "big"), 17, wire[34:]):
                return False
            ct.timeout = now + timeout
        if port is not None:
            port.newest = frame.id
            if self.fdb is not None:
                self.fdb.updated = now
        length = size - 14
        for counter in self.counters:
            counter[0] += 1
            counter[1] += length
        tp = ns.tp
        if tp.frame:
            for device, sent, form in self.steps:
                if form is not None:
                    frame = Frame.make(form.apply(wire), frame.id)
                tp.on_frame(device, "tx" if sent else "rx", frame)
        elif self.form is not None:
            frame = Frame.make(self.form.apply(wire), frame.id)
        for device, sent, _ in self.steps:
            if sent:
                device.tx_packets += 1
                device.tx_bytes += size
            else:
                device.rx_packets += 1
                device.rx_bytes += size
        self.last.put_on_wire(frame)
        return True


def key(wire: bytes) -> bytes:
    """What a device's flows are found by: addresses and ports."""
    return wire[26:38]


def worth_a_trail(skb: Skb) -> bool:
    """Whether the outcome for this packet may be kept: an unfragmented UDP packet without options, not in a broadcast frame."""
    l3 = skb.l3
    return len(l3) >= 28 and l3[0] == 0x45 and l3[9] == 17 and not (l3[6] & 0x3F or l3[7]) and not skb.eth[0] & 1


def begin(ns: Namespace, skb: Skb) -> Trail:
    """Note what this packet touches from now on."""
    trail = ns.trail = Trail(skb, ns.sim.ids)
    if ns.nf is not None:
        ns.nf.trail = []
    return trail


def end(ns: Namespace, device: NetDevice, first: Frame, trail: Trail, generation: int) -> None:
    """The packet's work in this namespace is done: keep the outcome if it is one that later packets share."""
    kept, ns.trail = ns.trail, None
    nf = ns.nf
    counters: list[Any] = []
    if nf is not None:
        counters, nf.trail = nf.trail or [], None
    if kept is not trail or generation != ns.generation or ns.sim.ids != trail.ids or not trail.visits or (nf is not None and not nf.cacheable):
        return
    skb = trail.skb
    last, direction, _ = trail.visits[-1]
    if direction != "tx" or not last.has_wire or any(frame.id != first.id or (way == "tx" and visited.has_wire) for visited, way, frame in trail.visits[:-1]):
        return  # it did not leave, or left more than once
    ct = skb.ct
    if ct is not None and (not ct.status & CONFIRMED or ct.status & (DYING | FIXED_TIMEOUT) or ct.acct):
        return
    if ct is None and skb.ctinfo != -1:
        return  # INVALID and UNTRACKED packets are judged one by one
    wire = first.wire
    if len(wire) != 14 + (wire[16] << 8 | wire[17]) or len(trail.visits[-1][2].wire) != len(wire):
        return
    port = device.port
    fdb = None
    if port is not None and port.learning:
        fdb = port.bridge.fdb.entries.get(wire[6:12])
        if fdb is None or fdb.port is not port or fdb.local:
            return
    flows = device.flows
    if flows is None or len(flows) >= FLOWS_PER_DEVICE:
        flows = device.flows = {}
    flows[key(wire)] = Flow(device, wire, trail, counters, fdb)
