"""TCP connections as sockets: the pure machine of `emu.tcp` between a program and IP (net/ipv4/tcp.c, tcp_ipv4.c, af_inet.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.net import route
from emu.net.sock import table
from emu.net.sock.base import LOOPBACK, RTN_BROADCAST, RTN_MULTICAST, Socket
from emu.net.sock.errno import (
    EADDRINUSE,
    EADDRNOTAVAIL,
    EALREADY,
    ECONNABORTED,
    EINVAL,
    EISCONN,
    ENETUNREACH,
    ENOTCONN,
    EPIPE,
    os_error,
)  # fmt: skip
from emu.net.sock.ports import ephemeral, remove, tcp_conflict
from emu.net.sock.tcp_output import transmit
from emu.net.sock.tcp_settings import settings_of
from emu.tcp.connection import Connection
from emu.tcp.events import CLOSED, CONNECTED, EOF, READABLE, WRITABLE, Failed
from emu.tcp.segment import ACK, RST, Segment
from emu.tcp.states import State

if TYPE_CHECKING:
    from emu.net.netns import Namespace
    from emu.sim import Timer

SHUT_RD, SHUT_WR, SHUT_RDWR = 0, 1, 2
_TS_SALT = 0x7473


def isn_of(ns: Namespace, saddr: int, sport: int, daddr: int, dport: int) -> int:
    """The initial sequence number: a keyed hash of the four and a clock of 64 ns (secure_tcp_seq)."""
    return table.get(ns).hash(saddr, sport, daddr, dport) + (ns.sim.now >> 6) & 0xFFFFFFFF


def ts_offset_of(ns: Namespace, saddr: int, daddr: int) -> int:
    """What is added to the millisecond clock in timestamps (secure_tcp_ts_off)."""
    return table.get(ns).hash(saddr, 0, daddr, 0, _TS_SALT)


class TcpSocket(Socket):
    """`bind`, `connect`, `send`, `recv`, `shutdown`, `close`, `abort`; after `on_event` ask `connected`, `recv()`, `writable`, `error`, `dead`.

    `conn`: the machine, None before connect(). `connected`: the handshake is done. `eof`: the peer will send no more. `writable`: send() would take
    something. `dead`: nothing will come any more. A socket leaves the tables when the machine is done with it, TIME_WAIT included.
    """

    kind = "TCP socket"
    listening = False
    __slots__ = (
        "bound_port", "confirm", "conn", "connected", "dead", "dst", "dst_generation", "eof", "ip_id", "keepalive", "linger_zero", "nodelay", "rx_cause",
        "sent_end", "timer", "timer_at", "timer_cause", "writable",
    )  # fmt: skip

    def __init__(self, ns: Namespace) -> None:
        super().__init__(ns)
        self.bound_port = False  # bind() chose the port: connect() of others keeps off it (inet_bind_bucket.fastreuse >= 0)
        self.conn: Connection | None = None
        self.connected = self.eof = self.writable = self.dead = False
        self.nodelay = self.keepalive = self.linger_zero = False
        self.dst: Any = None
        self.dst_generation = -1
        self.ip_id = 0
        self.confirm = False  # an ACK made progress: the next packet out confirms the neighbour (sk_dst_pending_confirm)
        self.rx_cause = 0
        self.sent_end: int | None = None  # what comes after the last byte that was ever sent
        self.timer: Timer | None = None
        self.timer_at: int | None = None
        self.timer_cause = 0

    # -- opening ------------------------------------------------------------------------------------------------------------------

    def bind(self, addr: int = 0, port: int = 0) -> None:
        """Raises EADDRINUSE, EADDRNOTAVAIL; EINVAL when it is bound."""
        self.check_open()
        if self.sport:
            raise os_error(EINVAL)
        self.set_local(addr)
        bind_port(self, port)

    def connect(self, addr: int, port: int) -> None:
        """Send a SYN. The outcome comes by `on_event`: `connected`, or `error`. Raises ENETUNREACH, EADDRNOTAVAIL, EISCONN, EALREADY (tcp_v4_connect)."""
        self.check_open()
        if self.conn is not None:
            raise os_error(EISCONN if self.connected else EALREADY)
        ns = self.ns
        addr = addr or self.saddr or LOOPBACK
        dst = route.lookup_output(ns, addr, self.saddr, self.bound_dev, self.tos, self.mark)
        if isinstance(dst, int):
            raise os_error(dst)
        if dst.type in (RTN_BROADCAST, RTN_MULTICAST):
            raise os_error(ENETUNREACH)
        saddr = self.saddr or dst.prefsrc
        established = table.get(ns).established
        if not self.sport:
            # A port is free for connect() when nobody bound it and this very connection does not exist (__inet_hash_connect).
            bound = table.get(ns).tcp_bound

            def taken(port_: int) -> bool:
                if (saddr, port_, addr, port) in established:
                    return True
                return any(other.bound_port for other in bound.get(port_, ()))

            local = ephemeral(ns, taken)
            if not local:
                raise os_error(EADDRNOTAVAIL)
            self.sport = local
            bound.setdefault(local, []).insert(0, self)
        elif (saddr, self.sport, addr, port) in established:
            raise os_error(EADDRNOTAVAIL)
        self.saddr = self.rcv_saddr = saddr
        self.daddr, self.dport = addr, port
        self.dst, self.dst_generation = dst, ns.generation
        self.ip_id = table.get(ns).hash(saddr, self.sport, addr, port, ns.sim.now & 0xFFFFFFFF) & 0xFFFF
        conn = Connection(self.sport, port, isn_of(ns, saddr, self.sport, addr, port), ts_offset_of(ns, saddr, addr), dst.mtu - 40, settings_of(ns))
        conn.advmss = (dst.route.advmss if dst.route is not None else 0) or conn.advmss
        self.adopt(conn)
        conn.connect(ns.sim.now)
        self.flush()

    def adopt(self, conn: Connection) -> None:
        """Give the machine its socket and its place in the table."""
        self.conn = conn
        conn.nodelay = self.nodelay
        conn.keepalive = self.keepalive
        table.get(self.ns).established[(self.saddr, self.sport, self.daddr, self.dport)] = self

    # -- the program's calls ------------------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> int:
        """Hand over bytes; returns how many were taken, 0 when the send buffer is full (`on_event` and `writable` follow). Raises EPIPE, a pending error."""
        self.check_open()
        self.raise_error()
        conn = self.conn
        if conn is None or not (self.connected or self.dead):
            raise os_error(ENOTCONN)
        if conn.send_shutdown or conn.state in (State.CLOSE, State.TIME_WAIT):
            raise os_error(EPIPE)
        self._sync_mtu(conn)
        taken = conn.write(data)
        if taken < len(data):
            self.writable = False
        self.flush()
        return taken

    def recv(self, limit: int = -1) -> bytes | None:
        """Bytes, b"" at the end of the stream, None when nothing is there yet. Raises a pending error once the bytes are read."""
        self.check_open()
        conn = self.conn
        if conn is None:
            raise os_error(ENOTCONN)
        if conn.readable():
            data = conn.read(limit)
            self.sim.cause = self.rx_cause
            self.flush()
            return data
        self.raise_error()
        if self.eof or self.dead:
            return b""
        if not self.connected:
            raise os_error(ENOTCONN)
        return None

    def shutdown(self, how: int = SHUT_WR) -> None:
        """FIN after what is queued. Raises ENOTCONN."""
        self.check_open()
        conn = self.conn
        if conn is None or self.dead or not self.connected:
            raise os_error(ENOTCONN)
        if how != SHUT_WR:
            self.eof = True
        if how != SHUT_RD:
            conn.shutdown_write()
            self.flush()

    def close(self) -> None:
        """The program is done: FIN after what is queued, RST if bytes were left unread or with SO_LINGER 0. The machine ends the rest by itself."""
        if self.closed:
            return
        if self.linger_zero:
            self.abort()
            return
        self.closed = True
        conn = self.conn
        if conn is None or self.dead:
            self.release()
            return
        conn.close()
        self.flush()

    def abort(self) -> None:
        """RST at once."""
        if self.closed:
            return
        self.closed = True
        conn = self.conn
        if conn is None or self.dead:
            self.release()
            return
        if not self.connected:
            conn.close()  # a SYN nobody answered is just forgotten
        else:
            conn.abort()
        self.flush()

    def set_nodelay(self, on: bool) -> None:
        """TCP_NODELAY."""
        self.nodelay = on
        if self.conn is not None:
            self.conn.nodelay = on

    def set_keepalive(self, on: bool) -> None:
        """SO_KEEPALIVE."""
        self.keepalive = on
        if self.conn is not None:
            self.conn.keepalive = on
            self.flush()

    @property
    def state(self) -> State:
        """As in ss."""
        return self.conn.state if self.conn is not None else State.CLOSE

    # -- between machine and world ------------------------------------------------------------------------------------------------

    def flush(self, *, from_time_wait: bool = False) -> None:
        """Send what the machine wants sent, tell the program what it wants told, set the timer it wants set. After every verb."""
        conn = self.conn
        if conn is None:
            return
        now = self.sim.now
        segments = conn.segments_to_send(now)
        if segments:
            self._send(segments, from_time_wait)
        if conn.events:
            self._events(conn)
        if self.conn is not None:
            self._arm(conn)

    def _send(self, segments: list[Segment], from_time_wait: bool) -> None:
        ns = self.ns
        dst = self._route()
        ttl = self.ttl if self.ttl >= 0 else (dst.hoplimit if dst is not None else 0) or ns.sysctl.ip_default_ttl
        for segment in segments:
            if length := segment.seq_len:
                end = segment.seq + length & 0xFFFFFFFF
                if self.sent_end is not None and (end - self.sent_end - 1) & 0x80000000:  # it was sent before
                    if self._waits_for_neighbour(segment.seq):
                        continue
                else:
                    self.sent_end = end
            confirm, self.confirm = self.confirm, False
            # What a TIME_WAIT bucket answers, and RSTs that answer, Linux sends by a socket of its own that is connected to nobody: id 0.
            ip_id = 0
            if not from_time_wait and segment.flags & (RST | ACK) != RST:
                self.ip_id = ip_id = self.ip_id + 1 & 0xFFFF
            transmit(
                ns, segment, self.saddr, self.daddr, dst, ip_id=ip_id, ttl=ttl, tos=self.tos, df=self.sets_df(dst), mark=self.mark, sk=self,
                confirm=confirm,
            )  # fmt: skip

    def _route(self) -> route.Dst | None:
        """The way to the peer; looked up again when routes changed (__sk_dst_check)."""
        ns = self.ns
        dst: route.Dst | None = self.dst
        if self.dst_generation != ns.generation or dst is None or (dst.expires and self.sim.now >= dst.expires):
            found = route.lookup_output(ns, self.daddr, self.saddr, self.bound_dev, self.tos, self.mark)
            dst = self.dst = None if isinstance(found, int) else found
            self.dst_generation = ns.generation
        return dst

    def _sync_mtu(self, conn: Connection) -> None:
        """An open connection learns of its route's MTU when it writes and when a timer has it send again (tcp_current_mss)."""
        dst = self._route()
        if dst is not None and dst.mtu < conn.path_mtu:  # a larger one Linux takes up later, too
            conn.route_mtu(dst.mtu)

    def _waits_for_neighbour(self, sequence: int) -> bool:
        """Whether this segment still sits in a neighbour's queue (whose, NAT decided): then Linux does not send it again (skb_still_in_host_queue)."""
        queued = (skb for entry in self.ns.neigh if entry.queue for skb in entry.queue if skb.sk is self)
        return any(int.from_bytes(skb.l3[skb.l4 + 4 : skb.l4 + 8], "big") == sequence for skb in queued)

    def _events(self, conn: Connection) -> None:
        while True:
            event = conn.next_event()
            if event is None:
                return
            if event is READABLE:
                pass
            elif event is EOF:
                self.eof = True
            elif event is WRITABLE:
                self.writable = True
            elif event is CONNECTED:
                self.connected = self.writable = True
            elif event is CLOSED:
                self.dead = True
                self.release()
            elif isinstance(event, Failed):
                self.error = event.errno
                self.writable = True  # a write would tell the error
            if not self.closed:
                self.wake()

    def _arm(self, conn: Connection) -> None:
        at = conn.next_timeout()
        if at is None:
            return  # a timer that runs will find nothing to do
        timer_at = self.timer_at
        if timer_at is not None and timer_at <= at:
            self.timer_cause = self.sim.cause
            return  # it comes first and then looks again
        if self.timer is not None:
            self.timer.cancel()
        self.timer = self.sim.call_at(at, self._timer)
        self.timer_at = at
        self.timer_cause = self.sim.cause

    def _timer(self) -> None:
        self.timer = self.timer_at = None
        conn = self.conn
        if conn is None:
            return
        self.sim.cause = self.timer_cause
        now = self.sim.now
        at = conn.next_timeout()
        if at is not None and at <= now:
            self._sync_mtu(conn)
            conn.handle_timer(now)
            self.flush()
        else:
            self._arm(conn)

    def release(self) -> None:
        """Leave the tables: the machine is done, or the namespace is gone."""
        self.dead = True
        if self.timer is not None:
            self.timer.cancel()
            self.timer = self.timer_at = None
        tables = table.get(self.ns)
        key = (self.saddr, self.sport, self.daddr, self.dport)
        if tables.established.get(key) is self:
            del tables.established[key]
        remove(tables.tcp_bound, self, self.sport)

    def kill(self) -> None:
        """The namespace is gone: no packet, but the program hears of it."""
        self.error = self.error or ECONNABORTED
        self.release()
        self.conn = None if self.closed else self.conn
        if not self.closed:
            self.wake()


def bind_port(sk: Any, port: int) -> None:
    """Take a TCP port, 0 for any. Raises EADDRINUSE (inet_csk_get_port)."""
    bound = table.get(sk.ns).tcp_bound
    if not port:
        port = ephemeral(sk.ns, lambda candidate: tcp_conflict(bound, sk, candidate))
    elif tcp_conflict(bound, sk, port):
        port = 0
    if not port:
        sk.rcv_saddr = sk.saddr = 0
        raise os_error(EADDRINUSE)
    sk.sport = port
    sk.bound_port = True
    bound.setdefault(port, []).insert(0, sk)


