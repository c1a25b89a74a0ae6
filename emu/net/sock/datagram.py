"""What UDP and ping sockets share: binding and connecting, and errors from ICMP (net/ipv4/datagram.c, ip_sockglue.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net import route
from emu.net.sock.base import LOOPBACK, ORIGIN_ICMP, PMTUDISC_DONT, RTN_BROADCAST, QueuedError, Socket
from emu.net.sock.errno import EACCES, EDESTADDRREQ, EHOSTUNREACH, EINVAL, EMSGSIZE, ENOTCONN, EPROTO, EREMOTEIO, UNREACH, os_error

if TYPE_CHECKING:
    from emu.net.skb import Skb

DEST_UNREACH, SOURCE_QUENCH, REDIRECT, TIME_EXCEEDED, PARAMETERPROB = 3, 4, 5, 11, 12
FRAG_NEEDED = 4


class DatagramSocket(Socket):
    """Binding and connecting as UDP and ping sockets do it."""

    __slots__ = ()

    def check_unbound(self) -> None:
        if self.sport:
            raise os_error(EINVAL)

    def check_connected(self) -> None:
        if not self.daddr:
            self.check_open()
            raise os_error(EDESTADDRREQ)

    def bind(self, addr: int = 0, port: int = 0) -> None:
        raise NotImplementedError

    def get_port(self, port: int) -> None:
        """Take the port, 0 for any. Raises EADDRINUSE."""
        raise NotImplementedError

    def connected(self) -> None:
        """The peer changed."""

    def connect(self, addr: int, port: int = 0) -> None:
        """Fix the peer: no packet is sent; only it is received from, and ICMP errors about it are told. Raises ENETUNREACH, EACCES (__ip4_datagram_connect)."""
        self.check_open()
        addr = addr or self.saddr or LOOPBACK
        dst = route.lookup_output(self.ns, addr, self.saddr, self.bound_dev, self.tos, self.mark)
        if isinstance(dst, int):
            raise os_error(dst)
        if dst.type == RTN_BROADCAST and not self.broadcast:
            raise os_error(EACCES)
        if not self.sport:
            self.get_port(0)
        if not self.saddr:
            self.saddr = dst.prefsrc
        if not self.rcv_saddr:
            self.rcv_saddr = dst.prefsrc
        self.daddr, self.dport = addr, port
        self.connected()

    def disconnect(self) -> None:
        """connect() to AF_UNSPEC. Raises ENOTCONN."""
        if not self.daddr:
            raise os_error(ENOTCONN)
        self.daddr = self.dport = 0
        self.connected()

    def take_queued_error(self) -> QueuedError | None:
        """The next of the error queue (recvmsg with MSG_ERRQUEUE); needs `recverr`. The next one's number becomes the pending error."""
        if not self.error_queue:
            return None
        entry = self.error_queue.popleft()
        following = self.error_queue[0] if self.error_queue else None
        if following is not None and following.origin == ORIGIN_ICMP:
            self.error = following.errno
        elif entry.origin == ORIGIN_ICMP:
            self.error = 0
        if entry.frame_id:
            self.sim.cause = entry.frame_id
        return entry


def icmp_error(sk: DatagramSocket, skb: Skb, kind: int, code: int, info: int, daddr: int, dport: int, data: bytes, *, is_ping: bool = False) -> None:
    """Report an ICMP error to the socket whose packet it quotes (__udp4_lib_err, ping_err): to a connected socket when it is fatal, always with `recverr`."""
    error, hard = EHOSTUNREACH, False
    if kind == DEST_UNREACH:
        if code == FRAG_NEEDED:
            if sk.pmtudisc == PMTUDISC_DONT:
                return
            error, hard = EMSGSIZE, True
        elif code < len(UNREACH):
            error, hard = UNREACH[code]
    elif kind == PARAMETERPROB:
        error, hard = EPROTO, True
    elif kind in (SOURCE_QUENCH, REDIRECT):
        if not is_ping:
            return
        error = EREMOTEIO
    if sk.recverr:
        entry = QueuedError(error, ORIGIN_ICMP, kind, code, info, skb.saddr, daddr, dport, data, skb.ttl)
        entry.frame_id = skb.id
        sk.error_queue.append(entry)
    elif not hard or not sk.daddr:
        return
    sk.report_error(error, skb.id)
