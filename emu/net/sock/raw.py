"""Raw sockets (net/ipv4/raw.c): a copy of every packet of one IP protocol that reaches this namespace, its IP header included."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from emu.net import ip_output, route
from emu.net.sock import table
from emu.net.sock.base import LOOPBACK, RTN_BROADCAST, RTN_MULTICAST, text, truesize
from emu.net.sock.datagram import DatagramSocket, icmp_error
from emu.net.sock.errno import EACCES, EMSGSIZE, ENOBUFS, os_error
from emu.trace.points import COPIED

if TYPE_CHECKING:
    from emu.net.netns import Namespace
    from emu.net.skb import Skb

IPPROTO_ICMP = 1
# (IP packet, source address, device, frame id)
Packet = tuple[bytes, int, Any, int]


class RawSocket(DatagramSocket):
    """`proto`: the IP protocol. `icmp_filter`: bit per ICMP type that is not wanted (ICMP_FILTER)."""

    kind = "raw socket"
    __slots__ = ("icmp_filter", "proto", "queue")

    def __init__(self, ns: Namespace, proto: int = IPPROTO_ICMP) -> None:
        super().__init__(ns)
        self.proto = proto
        self.icmp_filter = 0
        self.queue: deque[Packet] = deque()
        table.get(ns).raw.append(self)
        ns.err_handlers.setdefault(proto, err)

    def bind(self, addr: int = 0, port: int = 0) -> None:
        """Receive what is sent to this address only. Raises EADDRNOTAVAIL."""
        self.check_open()
        self.set_local(addr)

    def get_port(self, port: int) -> None:
        """Raw sockets have no ports."""

    def sendto(self, payload: bytes, addr: int) -> int:
        """Send `payload` after an IP header of the kernel's making. Raises ENETUNREACH, EACCES, EMSGSIZE ..."""
        self.check_open()
        self.raise_error()
        ns = self.ns
        if len(payload) > 0xFFFF - 20:
            raise os_error(EMSGSIZE)
        daddr = addr or self.saddr or LOOPBACK
        dst = route.lookup_output(ns, daddr, self.saddr, self.bound_dev, self.tos, self.mark)
        if isinstance(dst, int):
            raise os_error(dst)
        if dst.type == RTN_BROADCAST and not self.broadcast:
            raise os_error(EACCES)
        ttl = self.ttl if self.ttl >= 0 else 1 if dst.type == RTN_MULTICAST else dst.hoplimit or ns.sysctl.ip_default_ttl
        error = ip_output.send(
            ns, self.proto, payload, daddr, self.saddr, ttl=ttl, tos=self.tos, df=self.sets_df(dst) and len(payload) + 20 <= dst.mtu,
            dst=dst, oif=self.bound_dev, mark=self.mark, sk=self,
        )  # fmt: skip
        if error and (error != ENOBUFS or self.recverr):
            raise os_error(error)
        return len(payload)

    def recv(self) -> Packet | None:
        """The next packet, None if there is none."""
        self.raise_error()
        if not self.queue:
            return None
        packet = self.queue.popleft()
        self.rmem -= truesize(len(packet[0]))
        self.sim.cause = packet[3]
        return packet

    def wants(self, skb: Skb) -> bool:
        """raw_v4_match and the ICMP filter."""
        if self.proto != skb.proto or (self.rcv_saddr and self.rcv_saddr != skb.daddr) or (self.daddr and self.daddr != skb.saddr):
            return False
        if not self.hears(skb.iif or skb.dev):
            return False
        if self.proto == IPPROTO_ICMP and self.icmp_filter and len(skb.l3) > skb.l4:
            kind = skb.l3[skb.l4]
            return kind >= 32 or not self.icmp_filter >> kind & 1
        return True

    def release(self) -> None:
        if not self.closed:
            self.closed = True
            table.get(self.ns).raw.remove(self)
            self.queue.clear()


def deliver(ns: Namespace, skb: Skb) -> bool:
    """A copy for every raw socket that wants the packet (raw_local_deliver). Returns whether one did; the packet itself goes on."""
    found = False
    for sk in list(ns.sockets.raw):
        if not sk.wants(skb):
            continue
        found = True
        if ns.tp.life:
            ns.tp.on_life(COPIED, skb.id, 1)
        size = truesize(len(skb.l3))
        if sk.rmem + size > sk.rcvbuf and sk.rmem:
            ns.drop(skb, "SOCKET_RCVBUFF", f"receive buffer of a raw socket for protocol {sk.proto} is full")
            continue
        sk.rmem += size
        sk.queue.append((skb.l3, skb.saddr, skb.iif or skb.dev, skb.id))
        ns.delivered(skb, f"a copy to raw socket for protocol {sk.proto} at {text(skb.daddr)}" if ns.tp.step else "")
        sk.wake(skb.id)
    return found


def err(ns: Namespace, skb: Skb, kind: int, code: int, info: int, quoted: bytes) -> None:
    """An ICMP error about a packet of a protocol that raw sockets here send (raw_icmp_error)."""
    sockets = ns.sockets
    if sockets is None or not sockets.raw:
        return
    saddr, daddr = int.from_bytes(quoted[12:16], "big"), int.from_bytes(quoted[16:20], "big")
    at = (quoted[0] & 15) * 4
    for sk in list(sockets.raw):
        if sk.proto == quoted[9] and (not sk.daddr or sk.daddr == daddr) and (not sk.rcv_saddr or sk.rcv_saddr == saddr):
            icmp_error(sk, skb, kind, code, info, daddr, 0, quoted[at:])
