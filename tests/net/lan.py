"""A small network for tests of devices, bridges and neighbours: namespaces on one bridge, and everything that happens written down.

    lan = Lan(hosts=3)            # h1, h2, h3 with 10.0.0.1-3/24 on eth0, ports p1, p2, p3 of br0 in `node`
    lan.ping("h1", "10.0.0.2")
    assert lan.seen("h2.eth0 rx") == [...]
"""

from __future__ import annotations

from typing import Any

from emu.fabric import World
from emu.iproute import link
from emu.net import addr, ip_output
from emu.net.addr import IfAddr
from emu.net.netns import Namespace
from emu.observe.ledger import Ledger
from emu.sim import NS_PER_S
from emu.trace.points import BORN
from emu.wire.addr import ip_int, mac_bytes, mac_text
from emu.wire.frame import Frame

BROADCAST = "ff:ff:ff:ff:ff:ff"
ECHO = b"\x08\x00\xf7\xff\x00\x00\x00\x00"


def mac(host: int) -> str:
    """The MAC of host number `host`."""
    return f"02:00:00:00:00:{host:02x}"


def arp(op: int, sha: str, sip: str, tip: str, tha: str = "00:00:00:00:00:00", *, to: str = BROADCAST, src: str = "") -> bytes:
    """The 42 bytes of an ARP packet: `op` 1 request, 2 reply."""
    body = b"\0\1\x08\0\6\4" + op.to_bytes(2, "big") + mac_bytes(sha) + ip_int(sip).to_bytes(4, "big") + mac_bytes(tha) + ip_int(tip).to_bytes(4, "big")
    return mac_bytes(to) + mac_bytes(src or sha) + b"\x08\x06" + body


def who_has(tip: str, tell: str, sha: str, to: str = BROADCAST) -> bytes:
    return arp(1, sha, tell, tip, to=to)


def is_at(sip: str, sha: str, to: str, tip: str) -> bytes:
    return arp(2, sha, sip, tip, to, to=to)


def frame(dst: str, src: str, payload: bytes = b"payload", ethertype: int = 0x88B5) -> bytes:
    """A frame of an ethertype for experiments (IEEE 802), which no stack handles."""
    return mac_bytes(dst) + mac_bytes(src) + ethertype.to_bytes(2, "big") + payload


class Record:
    """Everything that happened in a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.frames: list[tuple[int, str, bytes]] = []  # ns, "h1.eth0 rx", bytes
        self.steps: list[tuple[str, str, str]] = []  # namespace, kind, text
        self.drops: list[tuple[str, str, str]] = []  # namespace, reason, text
        world.tp.attach("frame", lambda t, dev, way, f: self.frames.append((t, f"{dev.netns.name}.{dev.name} {way}", f.wire)))
        world.tp.attach("step", lambda t, ns, i, kind, text: self.steps.append((ns.name, kind, text)))
        world.tp.attach("drop", lambda t, ns, dev, i, reason, text, wire: self.drops.append((ns.name, reason, text)))
        self.ledger = Ledger(world.tp)

    def forget(self) -> None:
        """Start the record anew; the ledger goes on."""
        del self.frames[:], self.steps[:], self.drops[:]

    def seen(self, where: str) -> list[bytes]:
        """The frames at `h1.eth0 rx`."""
        return [wire for _, place, wire in self.frames if place == where]

    def places(self) -> list[str]:
        """Where frames were seen, in order."""
        return [place for _, place, _ in self.frames]

    def text(self, kind: str) -> list[str]:
        """The texts of all steps of a kind."""
        return [text for _, k, text in self.steps if k == kind]

    def reasons(self) -> list[str]:
        return [reason for _, reason, _ in self.drops]


def give(ns: Namespace, dev: str, cidr: str) -> None:
    """Give a device an address."""
    ip, _, length = cidr.partition("/")
    addr.add(ns, ns.device(dev), IfAddr(ip_int(ip), int(length)))


def inject(dev: Any, wire: bytes) -> None:
    """A frame comes in by `dev` as if the medium had brought it; whoever made it is not in the ledger, so it is born here."""
    sim = dev.netns.sim
    made = Frame.make(wire, sim.new_id())
    if dev.netns.tp.life:
        dev.netns.tp.on_life(BORN, made.id)
    sim.post_soon(dev.receive, made)


class Lan(Record):
    """`hosts` namespaces on a bridge of a machine called `node`. The bridge has no address unless one is given."""

    def __init__(self, hosts: int = 2, seed: int = 1, bridge_ip: str = "") -> None:
        world = World(seed)
        super().__init__(world)
        self.sim = world.sim
        self.machine = world.add_machine("node")
        self.node = self.machine.netns
        self.bridge = link.add_bridge(self.node, "br0", "02:00:00:00:ff:01")
        link.set_up(self.node, "br0")
        if bridge_ip:
            give(self.node, "br0", bridge_ip)
        for number in range(1, hosts + 1):
            self.add_host(number)
        self.run(1)
        self.forget()

    def add_host(self, number: int) -> Namespace:
        ns = self.machine.add_netns(f"h{number}")
        link.add_veth(ns, "eth0", self.node, f"p{number}", mac(number), f"02:00:00:00:01:{number:02x}")
        link.set_up(self.node, f"p{number}")
        link.set_master(self.node, f"p{number}", "br0")
        give(ns, "eth0", f"10.0.0.{number}/24")
        link.set_up(ns, "lo")
        link.set_up(ns, "eth0")
        return ns

    def host(self, name: str) -> Namespace:
        return self.machine.namespace(name)

    def eth0(self, number: int) -> Any:
        return self.host(f"h{number}").device("eth0")

    def run(self, seconds: float = 0.01) -> None:
        self.sim.run(self.sim.now + round(seconds * NS_PER_S))

    def ping(self, name: str, ip: str, seconds: float = 0.01) -> int:
        """One echo request from a namespace; returns 0 or an errno."""
        error = ip_output.send(self.host(name), 1, ECHO, ip_int(ip))
        self.run(seconds)
        return error

    def send(self, number: int, wire: bytes, seconds: float = 0.01) -> None:
        """Host `number` sends these bytes out of its eth0, whatever they are."""
        self.queue(number, wire)
        self.run(seconds)

    def queue(self, number: int, wire: bytes) -> None:
        dev = self.eth0(number)
        skb = dev.netns.born(int.from_bytes(wire[12:14], "big"), wire[14:], wire[:14])
        dev.transmit(skb)

    def receive(self, number: int, wire: bytes, seconds: float = 0.01) -> None:
        """A frame comes in at host `number`'s eth0 from nowhere."""
        inject(self.eth0(number), wire)
        self.run(seconds)

    def neigh(self, name: str, ip: str) -> Any:
        ns = self.host(name)
        dev = ns.devices.get("eth0") or ns.devices["br0"]
        return ns.neigh.lookup(dev, ip_int(ip))

    def fdb(self) -> dict[str, str]:
        """MAC -> port of what the bridge has learned."""
        return {mac_text(e.mac): e.port.dev.name for e in self.bridge.fdb.entries.values() if e.port is not None and not e.local}
