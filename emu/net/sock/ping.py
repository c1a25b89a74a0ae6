"""Ping sockets (net/ipv4/ping.c): ICMP echo without privileges. The identifier of the echo is the socket's port."""

from __future__ import annotations

from collections import deque
from struct import Struct
from typing import TYPE_CHECKING, Any

from emu.net import ip_output, route
from emu.net.sock import raw, table
from emu.net.sock.base import LOOPBACK, ORIGIN_LOCAL, PMTUDISC_DO, PMTUDISC_PROBE, PMTUDISC_WANT, RTN_BROADCAST, RTN_MULTICAST, QueuedError, text, truesize
from emu.net.sock.datagram import DatagramSocket, icmp_error
from emu.net.sock.errno import EACCES, EADDRINUSE, EINVAL, EMSGSIZE, ENOBUFS, os_error
from emu.net.sock.ports import remove
from emu.wire.checksum import checksum

if TYPE_CHECKING:
    from emu.net.netns import Namespace
    from emu.net.skb import Skb

IPPROTO_ICMP = 1
ICMP_ECHOREPLY, ICMP_ECHO = 0, 8
_ECHO = Struct("!BBHHH")
# (ICMP message from its header on, source address, TTL, destination address, device, frame id)
Reply = tuple[bytes, int, int, int, Any, int]


class PingSocket(DatagramSocket):
    """`sendto(message, addr)` sends an echo request, its identifier and checksum put in by the kernel; `recv` gives echo replies."""

    kind = "ping socket"
    __slots__ = ("queue",)

    def __init__(self, ns: Namespace) -> None:
        super().__init__(ns)
        self.queue: deque[Reply] = deque()

    def bind(self, addr: int = 0, port: int = 0) -> None:
        """`port`: the identifier, 0 for any. Raises EADDRINUSE, EADDRNOTAVAIL; EINVAL when it is bound."""
        self.check_open()
        self.check_unbound()
        self.set_local(addr)
        self.get_port(port)

    def get_port(self, port: int) -> None:
        tables = table.get(self.ns)
        sockets = tables.ping
        if not port:
            for step in range(1, 0x10000):
                port = (tables.ping_rover + step) & 0xFFFF or 1
                if port not in sockets:
                    tables.ping_rover = port
                    break
            else:
                raise os_error(EADDRINUSE)
        elif not self.reuse_address or not all(other.reuse_address for other in sockets.get(port, ())):
            if port in sockets:
                raise os_error(EADDRINUSE)
        self.sport = port
        sockets.setdefault(port, []).insert(0, self)

    def sendto(self, message: bytes, addr: int) -> int:
        """`message`: an ICMP echo request (8 bytes of header, then data). Raises EINVAL for another kind, ENETUNREACH, EACCES, EMSGSIZE ..."""
        self.check_open()
        self.raise_error()
        if len(message) < 8 or message[0] != ICMP_ECHO or message[1]:
            raise os_error(EINVAL)
        if len(message) > 0xFFFF - 20:
            raise os_error(EMSGSIZE)
        ns = self.ns
        if not self.sport:
            self.get_port(0)
        daddr = addr or self.saddr or LOOPBACK
        dst = route.lookup_output(ns, daddr, self.saddr, self.bound_dev, self.tos, self.mark)
        if isinstance(dst, int):
            raise os_error(dst)
        if dst.type == RTN_BROADCAST and not self.broadcast:
            raise os_error(EACCES)
        sequence = message[6] << 8 | message[7]
        body = message[8:]
        check = checksum(_ECHO.pack(ICMP_ECHO, 0, 0, self.sport, sequence) + body)
        ttl = self.ttl if self.ttl >= 0 else 1 if dst.type == RTN_MULTICAST else dst.hoplimit or ns.sysctl.ip_default_ttl
        error = ip_output.send(
            ns, IPPROTO_ICMP, _ECHO.pack(ICMP_ECHO, 0, check, self.sport, sequence) + body, daddr, self.saddr, ttl=ttl, tos=self.tos,
            df=self._df(len(message) + 20, dst),
            ip_id=0 if self.pmtudisc in (PMTUDISC_DO, PMTUDISC_PROBE) else None, dst=dst, oif=self.bound_dev, mark=self.mark, sk=self,
        )  # fmt: skip
        if error and (error != ENOBUFS or self.recverr):
            if error == EMSGSIZE and self.recverr:
                self.error_queue.append(QueuedError(EMSGSIZE, ORIGIN_LOCAL, 0, 0, dst.mtu, 0, daddr, 0, message))
            raise os_error(error)
        return len(message)

    def _df(self, length: int, dst: route.Dst) -> bool:
        """Whether DF is set: asked for, or allowed and the packet fits anyway."""
        return self.sets_df(dst) and (self.pmtudisc != PMTUDISC_WANT or length <= dst.mtu)

    def send(self, message: bytes) -> int:
        """Send to the peer. Raises EDESTADDRREQ unless connected."""
        self.check_connected()
        return self.sendto(message, self.daddr)

    def recv(self) -> Reply | None:
        """The next echo reply, None if there is none."""
        self.raise_error()
        if not self.queue:
            return None
        reply = self.queue.popleft()
        self.rmem -= truesize(len(reply[0]) + 20)
        self.sim.cause = reply[5]
        return reply

    def enqueue(self, skb: Skb) -> None:
        """Into the receive queue while the buffer has room."""
        message = skb.l3[skb.l4 :]
        size = truesize(len(message) + 20)
        if self.rmem + size > self.rcvbuf and self.rmem:
            self.ns.drop(skb, "SOCKET_RCVBUFF", f"receive buffer of ping socket {self.sport} is full")
            return
        self.rmem += size
        self.queue.append((message, skb.saddr, skb.ttl, skb.daddr, skb.iif or skb.dev, skb.id))
        self.ns.delivered(skb, f"to ping socket {text(skb.daddr)} id {self.sport}")
        self.wake(skb.id)

    def release(self) -> None:
        if not self.closed:
            self.closed = True
            remove(table.get(self.ns).ping, self, self.sport)
            self.queue.clear()


def lookup(ns: Namespace, ident: int, local: int, dev: Any) -> PingSocket | None:
    """ping_lookup: the identifier, and what the socket is bound to."""
    sockets = ns.sockets
    found: list[PingSocket] = sockets.ping.get(ident, []) if sockets is not None else []
    for sk in found:
        if (not sk.rcv_saddr or sk.rcv_saddr == local) and sk.hears(dev):
            return sk
    return None


def rcv(ns: Namespace, skb: Skb) -> None:
    """An ICMP echo reply for this namespace, its checksum verified (ping_rcv)."""
    at = skb.l4
    ident = skb.l3[at + 4] << 8 | skb.l3[at + 5]
    sk = lookup(ns, ident, skb.daddr, skb.iif or skb.dev)
    if sk is None:
        ns.drop(skb, "NO_SOCKET", f"no ping socket with id {ident}")
        return
    sk.enqueue(skb)


def err(ns: Namespace, skb: Skb, kind: int, code: int, info: int, quoted: bytes) -> None:
    """An ICMP error about an echo request that a socket here sent (ping_err). `quoted`: that packet from its IP header on."""
    raw.err(ns, skb, kind, code, info, quoted)
    at = (quoted[0] & 15) * 4
    if len(quoted) < at + 8 or quoted[at] != ICMP_ECHO:
        return
    sk = lookup(ns, quoted[at + 4] << 8 | quoted[at + 5], skb.daddr, skb.iif or skb.dev)
    if sk is not None:
        icmp_error(sk, skb, kind, code, info, int.from_bytes(quoted[16:20], "big"), 0, quoted[at:], is_ping=True)
