"""Two hosts and a router between them, for tests of IP: everything that happens is written down.

net = Router()                                     # a 10.0.1.2 - 10.0.1.1 r 10.0.2.1 - 10.0.2.2 b, forwarding on
net.send("a", udp("10.0.1.2", "10.0.2.2", b"x"))   # the bytes of an IP packet, by a's default route
assert net.got("b") == [udp("10.0.1.2", "10.0.2.2", b"x", ttl=63)]
"""

from __future__ import annotations

from typing import Any

from emu.fabric import World
from emu.iproute import addr, link, neigh, route, sysctl
from emu.net import ip_output
from emu.net.ip_header import header, parse
from emu.net.netns import Namespace
from emu.net.route import lookup_output
from emu.sim import NS_PER_S
from emu.wire.addr import ip_int, mac_text
from emu.wire.checksum import checksum
from tests.net.lan import Record, inject


def ip(src: str, dst: str, proto: int, payload: bytes, *, ttl: int = 64, tos: int = 0, ident: int = 7, frag: int = 0, options: bytes = b"") -> bytes:
    """An IP packet."""
    length = 20 + len(options) + len(payload)
    return header(proto, length, ip_int(src), ip_int(dst), ttl, tos, ident, frag, options) + payload


def udp(src: str, dst: str, data: bytes = b"x", sport: int = 1000, dport: int = 2000, **fields: Any) -> bytes:
    """A UDP datagram without a checksum."""
    body = sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + (8 + len(data)).to_bytes(2, "big") + b"\0\0" + data
    return ip(src, dst, 17, body, **fields)


def icmp(src: str, dst: str, type_: int, code: int = 0, rest: bytes = b"\0\0\0\0", data: bytes = b"", **fields: Any) -> bytes:
    """An ICMP message."""
    body = bytes((type_, code, 0, 0)) + rest + data
    return ip(src, dst, 1, body[:2] + checksum(body).to_bytes(2, "big") + body[4:], **fields)


def echo(src: str, dst: str, data: bytes = b"abcdefgh", **fields: Any) -> bytes:
    return icmp(src, dst, 8, 0, b"\0\1\0\1", data, **fields)


def show(packet: bytes) -> str:
    """An IP packet in short: `10.0.1.1 > 10.0.1.2 icmp 11/0 ttl 64 tos c0`."""
    src, dst = (".".join(map(str, packet[at : at + 4])) for at in (12, 16))
    l4 = packet[(packet[0] & 15) * 4 :]
    what = {1: f"icmp {l4[0]}/{l4[1]}", 17: "udp", 6: "tcp"}.get(packet[9], f"proto {packet[9]}")
    frag = int.from_bytes(packet[6:8], "big")
    where = f" frag {(frag & 0x1FFF) * 8}{'+' if frag & 0x2000 else ''}" if frag & 0x3FFF else ""
    return f"{src} > {dst} {what} ttl {packet[8]}" + (f" tos {packet[1]:02x}" if packet[1] else "") + (" DF" if frag & 0x4000 else "") + where


class Router(Record):
    """`a`, `r` and `b`, one namespace each on a machine of its own. The router's devices are va and vb; neighbours are known."""

    def __init__(self, forward: bool = True, mtu_b: int = 1500) -> None:
        world = World(1)
        super().__init__(world)
        self.sim = world.sim
        self.a, self.r, self.b = (world.add_machine(name).netns for name in ("a", "r", "b"))
        link.add_veth(self.a, "eth0", self.r, "va", "02:00:00:00:01:02", "02:00:00:00:01:01")
        link.add_veth(self.b, "eth0", self.r, "vb", "02:00:00:00:02:02", "02:00:00:00:02:01", mtu_b)
        for ns in (self.a, self.r, self.b):
            for name in list(ns.devices):
                link.set_up(ns, name)
        for ns, dev, address in (
            (self.a, "eth0", "10.0.1.2/24"),
            (self.r, "va", "10.0.1.1/24"),
            (self.r, "vb", "10.0.2.1/24"),
            (self.b, "eth0", "10.0.2.2/24"),
        ):
            addr.add(ns, dev, address)
        route.add(self.a, "default", via="10.0.1.1")
        route.add(self.b, "default", via="10.0.2.1")
        for ns, dev, ip_, mac in (
            (self.a, "eth0", "10.0.1.1", "02:00:00:00:01:01"), (self.r, "va", "10.0.1.2", "02:00:00:00:01:02"),
            (self.r, "vb", "10.0.2.2", "02:00:00:00:02:02"), (self.b, "eth0", "10.0.2.1", "02:00:00:00:02:01"),
        ):  # fmt: skip
            neigh.replace(ns, ip_, dev, mac)
        if forward:
            sysctl.set(self.r, "net.ipv4.ip_forward", 1)
        self.run(1)
        self.forget()

    def run(self, seconds: float = 0.01) -> None:
        self.sim.run(self.sim.now + round(seconds * NS_PER_S))

    def send(self, name: str, packet: bytes, seconds: float = 0.01) -> None:
        """A host sends a packet whose header is given, by its routes (a raw socket with IP_HDRINCL)."""
        ns: Namespace = getattr(self, name)
        skb = ns.born(0x0800, packet)
        assert parse(skb) is None
        dst = lookup_output(ns, skb.daddr, anysrc=True)
        assert not isinstance(dst, int), dst
        skb.dst = dst
        ip_output.ip_local_out(ns, skb)
        self.run(seconds)

    def receive(self, name: str, dev: str, packet: bytes, seconds: float = 0.01, *, to: str = "") -> None:
        """A packet comes in by a device from nowhere."""
        device = getattr(self, name).device(dev)
        mac = bytes.fromhex(to.replace(":", "")) if to else device.mac
        inject(device, mac + b"\x02\0\0\0\0\x99\x08\0" + packet)
        self.run(seconds)

    def seen_ip(self, where: str) -> list[bytes]:
        """The IP packets at `a.lo rx`."""
        return [wire[14:] for wire in self.seen(where) if wire[12:14] == b"\x08\0"]

    def got(self, name: str, dev: str = "eth0") -> list[bytes]:
        """The IP packets that arrived at a device."""
        return self.seen_ip(f"{name}.{dev} rx")

    def sent(self, name: str, dev: str = "eth0") -> list[bytes]:
        """The IP packets that left by a device."""
        return self.seen_ip(f"{name}.{dev} tx")


__all__ = ["Router", "echo", "icmp", "ip", "mac_text", "show", "udp"]
