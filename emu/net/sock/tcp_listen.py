"""A listening TCP socket: the machine's listener between IP and accept() (inet_csk_listen_start, tcp_conn_request, inet_csk_accept)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from emu.net import route
from emu.net.sock import table
from emu.net.sock.base import RTN_BROADCAST, RTN_MULTICAST, Socket
from emu.net.sock.errno import EADDRINUSE, EINVAL, os_error
from emu.net.sock.ports import remove, tcp_conflict
from emu.net.sock.tcp import TcpSocket, bind_port, isn_of, ts_offset_of
from emu.net.sock.tcp_output import transmit
from emu.net.sock.tcp_settings import settings_of
from emu.tcp.listener import Listener
from emu.tcp.segment import RST, SYN, Segment

if TYPE_CHECKING:
    from emu.net.netns import Namespace
    from emu.net.skb import Skb
    from emu.sim import Timer


class TcpListener(Socket):
    """`bind`, `listen(backlog)`, then `accept()` after each `on_event`; `close` resets what nobody accepted."""

    kind = "TCP listener"
    __slots__ = ("accept_queue", "bound_port", "machine", "timer", "timer_at")

    def __init__(self, ns: Namespace) -> None:
        super().__init__(ns)
        self.bound_port = False
        self.machine: Listener | None = None
        self.accept_queue: deque[tuple[TcpSocket, int]] = deque()
        self.timer: Timer | None = None
        self.timer_at: int | None = None

    @property
    def listening(self) -> bool:
        """LISTEN, not only bound."""
        return self.machine is not None

    def bind(self, addr: int = 0, port: int = 0) -> None:
        """Raises EADDRINUSE, EADDRNOTAVAIL; EINVAL when it is bound."""
        self.check_open()
        if self.sport:
            raise os_error(EINVAL)
        self.set_local(addr)
        bind_port(self, port)

    def listen(self, backlog: int = 128) -> None:
        """Let connections come; at most `backlog` + 1 wait for accept(), never more than net.core.somaxconn + 1. Raises EADDRINUSE."""
        self.check_open()
        ns = self.ns
        backlog = min(max(backlog, 0), ns.sysctl.core_somaxconn)
        if self.machine is not None:
            self.machine.backlog = backlog
            return
        if not self.sport:
            bind_port(self, 0)
        elif tcp_conflict(table.get(ns).tcp_bound, self, self.sport):
            raise os_error(EADDRINUSE)
        self.machine = Listener(backlog, settings_of(ns), self._isn, self._ts_offset)
        table.get(ns).listeners.setdefault(self.sport, []).insert(0, self)

    def accept(self) -> TcpSocket | None:
        """The connection that waited longest, None if none does."""
        self.check_open()
        if self.machine is None:
            raise os_error(EINVAL)
        if not self.accept_queue:
            return None
        child, cause = self.accept_queue.popleft()
        self.machine.accept()
        self.sim.cause = cause
        return child

    # -- the peer of the machine is (its address, our address) ----------------------------------------------------------------------

    def _isn(self, peer: Any, sport: int, dport: int) -> int:
        daddr, saddr = peer
        return isn_of(self.ns, saddr, sport, daddr, dport)

    def _ts_offset(self, peer: Any, sport: int, dport: int) -> int:
        daddr, saddr = peer
        return ts_offset_of(self.ns, saddr, daddr)

    def receive(self, skb: Skb, segment: Segment, isn: int | None = None) -> TcpSocket | None:
        """A segment for this port that belongs to no connection; returns the connection if the handshake is done with it."""
        machine = self.machine
        assert machine is not None
        if segment.flags & SYN and skb.dst is not None and skb.dst.type in (RTN_BROADCAST, RTN_MULTICAST):
            return None  # tcp_v4_conn_request: never answer a SYN sent to a broadcast address
        dst = self._route(skb.saddr, skb.daddr)
        mss_limit = (dst.mtu if dst is not None else 576) - 40
        waiting = machine.pending()
        advmss = dst.route.advmss if dst is not None and dst.route is not None else 0
        conn = machine.receive(segment, self.sim.now, (skb.saddr, skb.daddr), mss_limit, isn, advmss)
        child: TcpSocket | None = None
        if conn is not None:
            child = self._child(skb, conn, dst)
        self._send()
        if child is not None:
            child.flush()
            if machine.pending() > waiting:
                self.accept_queue.append((child, skb.id))
                self.wake(skb.id)
        self._arm()
        return child

    def _child(self, skb: Skb, conn: Any, dst: Any) -> TcpSocket:
        ns = self.ns
        child = TcpSocket(ns)
        child.saddr = child.rcv_saddr = skb.daddr
        child.daddr, child.sport, child.dport = skb.saddr, self.sport, skb.sport
        child.bound_dev = self.bound_dev
        child.reuse_address, child.reuse_port = self.reuse_address, self.reuse_port
        child.ttl, child.tos, child.mark, child.pmtudisc = self.ttl, self.tos, self.mark, self.pmtudisc
        child.bound_port = True
        child.connected = child.writable = True
        child.dst, child.dst_generation = dst, ns.generation
        child.confirm = True
        child.rx_cause = skb.id
        tables = table.get(ns)
        child.ip_id = tables.hash(skb.daddr, self.sport, skb.saddr, skb.sport, self.sim.now & 0xFFFFFFFF) & 0xFFFF
        tables.tcp_bound.setdefault(self.sport, []).append(child)
        child.adopt(conn)
        return child

    def _route(self, peer: int, local: int) -> Any:
        dst = route.lookup_output(self.ns, peer, local, self.bound_dev, self.tos, self.mark)
        return None if isinstance(dst, int) else dst

    def _send(self) -> None:
        machine = self.machine
        assert machine is not None
        ns = self.ns
        peer: Any
        for peer, segment in machine.segments_to_send(self.sim.now):
            daddr, saddr = peer
            dst = self._route(daddr, saddr)
            if dst is None:
                continue  # inet_csk_route_req fails: no SYN-ACK is made
            df = self.sets_df(dst)
            ttl = self.ttl if self.ttl >= 0 else dst.hoplimit or ns.sysctl.ip_default_ttl
            transmit(ns, segment, saddr, daddr, dst, ip_id=0, ttl=ttl, tos=self.tos, df=df, mark=self.mark, sk=None if segment.flags & RST else self)

    def _arm(self) -> None:
        machine = self.machine
        at = machine.next_timeout() if machine is not None else None
        if at is None or (self.timer_at is not None and self.timer_at <= at):
            return
        if self.timer is not None:
            self.timer.cancel()
        self.timer = self.sim.call_at(at, self._timer)
        self.timer_at = at

    def _timer(self) -> None:
        self.timer = self.timer_at = None
        if self.machine is not None:
            self.machine.handle_timer(self.sim.now)
            self._send()
            self._arm()

    # -- the end --------------------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Connections that nobody accepted are reset, half-open ones forgotten (inet_csk_listen_stop)."""
        if self.closed:
            return
        orphans = [child for child, _ in self.accept_queue]
        self.release()
        for child in orphans:
            child.abort()

    def release(self) -> None:
        self.closed = True
        if self.timer is not None:
            self.timer.cancel()
            self.timer = self.timer_at = None
        tables = table.get(self.ns)
        remove(tables.listeners, self, self.sport)
        remove(tables.tcp_bound, self, self.sport)
        self.accept_queue.clear()
        if self.machine is not None:
            self.machine.close()


def lookup(ns: Namespace, saddr: int, sport: int, daddr: int, dport: int, dev: Any) -> TcpListener | None:
    """The listener a SYN belongs to: of this address before of any, bound to this device before of any, one by hash of a SO_REUSEPORT group."""
    sockets = ns.sockets
    candidates: list[TcpListener] | None = sockets.listeners.get(dport) if sockets is not None else None
    if candidates is None:
        return None
    best: TcpListener | None = None
    best_score = -1
    for sk in candidates:
        if (sk.rcv_saddr and sk.rcv_saddr != daddr) or not sk.hears(dev):
            continue
        score = (4 if sk.rcv_saddr else 0) + (1 if sk.bound_dev is not None else 0)
        if score > best_score:
            best, best_score = sk, score
    if best is not None and best.reuse_port:
        group = [sk for sk in candidates if sk.reuse_port and sk.rcv_saddr == best.rcv_saddr and sk.bound_dev is best.bound_dev]
        group.reverse()
        best = group[sockets.hash(saddr, sport, daddr, dport) * len(group) >> 32]
    return best


