"""UDP sockets (net/ipv4/udp.c, RFC 768): lookup, the receive queue, and what ICMP errors do to them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from emu.net import icmp_send
from emu.net.sock import raw, table
from emu.net.sock.base import RTN_BROADCAST, RTN_MULTICAST, text, truesize
from emu.net.sock.datagram import DatagramSocket, icmp_error
from emu.net.sock.errno import EADDRINUSE, EAGAIN, os_error
from emu.net.sock.ports import ephemeral, remove, udp_conflict
from emu.net.sock.udp_output import Header, header_for, send
from emu.trace.points import COPIED
from emu.wire.addr import is_multicast_ip

if TYPE_CHECKING:
    from emu.net.netns import Namespace
    from emu.net.skb import Skb

IPPROTO_UDP = 17
# (payload, source address, source port, destination address, device, TTL, TOS, frame id)
Datagram = tuple[bytes, int, int, int, Any, int, int, int]


class UdpSocket(DatagramSocket):
    """A UDP socket: `bind`, `connect`, `sendto`, `send`, `recv`, `close`; `on_event` when there is something to receive or an error."""

    kind = "UDP socket"
    __slots__ = ("headers", "headers_generation", "ip_id", "queue")

    def __init__(self, ns: Namespace) -> None:
        super().__init__(ns)
        self.queue: deque[Datagram] = deque()
        self.headers: dict[int, Header] = {}  # (address << 16 | port) -> what the next datagram there begins with; valid for one generation of the tables
        self.headers_generation = -1
        self.ip_id = 0  # of a connected socket (inet_id)

    # -- addresses ----------------------------------------------------------------------------------------------------------------

    def bind(self, addr: int = 0, port: int = 0) -> None:
        """Raises EADDRINUSE, EADDRNOTAVAIL; EINVAL when it is bound."""
        self.check_open()
        self.check_unbound()
        self.set_local(addr)
        self.get_port(port)

    def get_port(self, port: int) -> None:
        sockets = table.get(self.ns).udp
        if not port:
            port = ephemeral(self.ns, lambda candidate: udp_conflict(sockets, self, candidate))
        elif udp_conflict(sockets, self, port):
            port = 0
        if not port:
            self.rcv_saddr = self.saddr = 0
            raise os_error(EADDRINUSE)
        self.sport = port
        sockets.setdefault(port, []).insert(0, self)
        self.headers.clear()

    def connected(self) -> None:
        self.headers.clear()
        self.ip_id = table.get(self.ns).hash(self.saddr, self.sport, self.daddr, self.dport, self.sim.now) & 0xFFFF

    def options_changed(self) -> None:
        self.headers.clear()

    # -- sending ------------------------------------------------------------------------------------------------------------------

    def sendto(self, data: bytes, addr: int, port: int) -> int:
        """Send one datagram; returns its length. Raises what Linux raises: a pending error first, EMSGSIZE, EACCES (broadcast), ENETUNREACH ..."""
        if self.error:
            self.raise_error()
        if self.headers_generation != self.ns.generation:
            self.headers.clear()
            self.headers_generation = self.ns.generation
        header = self.headers.get(addr << 16 | port)
        if header is None or (header.expires and self.sim.now >= header.expires):
            header = header_for(self, addr, port)
        return send(self, header, data)

    def send(self, data: bytes) -> int:
        """Send to the peer. Raises EDESTADDRREQ unless connected."""
        self.check_connected()
        return self.sendto(data, self.daddr, self.dport)

    # -- receiving ----------------------------------------------------------------------------------------------------------------

    def recv(self) -> Datagram | None:
        """The next datagram, None if there is none. What the program does next is caused by its frame."""
        if self.error:
            self.raise_error()
        if not self.queue:
            return None
        datagram = self.queue.popleft()
        self.rmem -= truesize(len(datagram[0]) + 28)
        self.sim.cause = datagram[7]
        return datagram

    def recvfrom(self) -> tuple[bytes, tuple[str, int]]:
        """(payload, (address, port)). Raises EAGAIN when there is none."""
        self.check_open()
        datagram = self.recv()
        if datagram is None:
            raise os_error(EAGAIN)
        return datagram[0], (text(datagram[1]), datagram[2])

    def enqueue(self, skb: Skb, data: bytes) -> None:
        """__udp_enqueue_schedule_skb: into the queue while the receive buffer has room."""
        ns = self.ns
        size = truesize(len(data) + 28)
        if self.rmem + size > self.rcvbuf and self.rmem:
            ns.drop(skb, "SOCKET_RCVBUFF", f"receive buffer of UDP socket {self.local_text()} is full ({len(self.queue)} datagrams wait)")
            return
        self.rmem += size
        self.queue.append((data, skb.saddr, skb.sport, skb.daddr, skb.iif or skb.dev, skb.ttl, skb.tos, skb.id))
        ns.delivered(skb, f"to UDP socket {text(skb.daddr)}:{self.sport}" if ns.tp.step else "")
        if not self._waking:
            self.wake(skb.id)

    def release(self) -> None:
        if not self.closed:
            self.closed = True
            remove(table.get(self.ns).udp, self, self.sport)
            self.queue.clear()
            self.headers.clear()

    # -- lookup -------------------------------------------------------------------------------------------------------------------

    def score(self, saddr: int, sport: int, daddr: int, dev: Any) -> int:
        """compute_score: the more of the packet the socket names, the better; -1 where it names something else."""
        score = 2
        if self.rcv_saddr:
            if self.rcv_saddr != daddr:
                return -1
            score += 16  # a socket of this very address is looked for before those of any address (__udp4_lib_lookup)
        if self.daddr:
            if self.daddr != saddr or self.dport != sport:
                return -1
            score += 8
        if self.bound_dev is not None:
            if self.bound_dev is not dev:
                return -1
            score += 4
        return score


def lookup(ns: Namespace, saddr: int, sport: int, daddr: int, dport: int, dev: Any) -> UdpSocket | None:
    """The socket a unicast datagram belongs to: the best score, the latest bound of equals, one by hash of a SO_REUSEPORT group."""
    sockets = ns.sockets
    candidates: list[UdpSocket] | None = sockets.udp.get(dport) if sockets is not None else None
    if candidates is None:
        return None
    best: UdpSocket | None = None
    best_score = -1
    for sk in candidates:
        score = sk.score(saddr, sport, daddr, dev)
        if score > best_score:
            best, best_score = sk, score
    if best is not None and best.reuse_port and not best.daddr:
        group = [sk for sk in candidates if sk.reuse_port and not sk.daddr and sk.rcv_saddr == best.rcv_saddr and sk.bound_dev is best.bound_dev]
        group.reverse()  # in the order they were bound
        best = group[sockets.hash(saddr, sport, daddr, dport) * len(group) >> 32]
    return best


def rcv(ns: Namespace, skb: Skb) -> None:
    """A UDP packet for this namespace (__udp4_lib_rcv)."""
    l3 = skb.l3
    at = skb.l4
    room = len(l3) - at
    if room < 8:
        ns.drop(skb, "PKT_TOO_SMALL", "no room for a UDP header")
        return
    length = l3[at + 4] << 8 | l3[at + 5]
    if length < 8 or length > room:
        ns.drop(skb, "PKT_TOO_SMALL", f"UDP length {length} in a packet with {room} bytes")
        return
    segment = l3[at : at + length]
    saddr, daddr, sport, dport = skb.saddr, skb.daddr, skb.sport, skb.dport
    if segment[6] or segment[7]:  # checksum 0: none
        total = saddr + daddr + 17 + length + int.from_bytes(segment if not length & 1 else segment + b"\0", "big")  # 2**16 = 1 modulo 0xffff
        if total % 0xFFFF:
            ns.drop(skb, "UDP_CSUM", "bad UDP checksum")
            return
    dst = skb.dst
    if dst is not None and (dst.type == RTN_BROADCAST or dst.type == RTN_MULTICAST):
        deliver_to_all(ns, skb, segment[8:])
        return
    sk = lookup(ns, saddr, sport, daddr, dport, skb.iif or skb.dev)
    if sk is None:
        icmp_send.send_error(ns, skb, 3, 3)
        ns.drop(skb, "NO_SOCKET", f"UDP port {dport} is closed")
        return
    sk.enqueue(skb, segment[8:])


def deliver_to_all(ns: Namespace, skb: Skb, data: bytes) -> None:
    """A broadcast or multicast datagram goes to every socket that would take it, and makes no error (__udp4_lib_mcast_deliver)."""
    sockets = ns.sockets
    dev = skb.iif or skb.dev
    takers = [
        sk
        for sk in (sockets.udp.get(skb.dport, ()) if sockets is not None else ())
        if (not sk.rcv_saddr or sk.rcv_saddr == skb.daddr) and (not sk.daddr or (sk.daddr == skb.saddr and sk.dport == skb.sport)) and sk.hears(dev)
    ]
    if not takers:
        cast = "multicast" if is_multicast_ip(skb.daddr) else "broadcast"
        ns.delivered(skb, f"no socket wants {cast} UDP port {skb.dport}: ignored")  # consume_skb: Linux counts no drop
        return
    if len(takers) > 1 and ns.tp.life:
        ns.tp.on_life(COPIED, skb.id, len(takers) - 1)
    for sk in takers:
        sk.enqueue(skb, data)


def err(ns: Namespace, skb: Skb, kind: int, code: int, info: int, quoted: bytes) -> None:
    """An ICMP error about a datagram that a socket here sent (__udp4_lib_err). `quoted`: that datagram from its IP header on."""
    raw.err(ns, skb, kind, code, info, quoted)
    at = (quoted[0] & 15) * 4
    if len(quoted) < at + 8:
        return
    saddr, daddr = int.from_bytes(quoted[12:16], "big"), int.from_bytes(quoted[16:20], "big")
    sport, dport = quoted[at] << 8 | quoted[at + 1], quoted[at + 2] << 8 | quoted[at + 3]
    sk = lookup(ns, daddr, dport, saddr, sport, skb.iif or skb.dev)
    if sk is not None:
        icmp_error(sk, skb, kind, code, info, daddr, dport, quoted[at + 8 :])
