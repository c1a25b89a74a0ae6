"""TCP's way in (tcp_v4_rcv): connection, else listener, else a RST; and what ICMP errors do to connections (tcp_v4_err)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net import route
from emu.net.skb import PACKET_HOST
from emu.net.sock import raw, tcp_listen
from emu.net.sock.base import PMTUDISC_DONT, text
from emu.net.sock.datagram import DEST_UNREACH, FRAG_NEEDED, PARAMETERPROB, TIME_EXCEEDED
from emu.net.sock.errno import EHOSTUNREACH, EPROTO, UNREACH
from emu.net.sock.tcp import TcpSocket
from emu.net.sock.tcp_output import transmit
from emu.tcp.segment import ACK, SYN, Segment, decode, reset_for
from emu.tcp.states import State

if TYPE_CHECKING:
    from emu.net.netns import Namespace
    from emu.net.skb import Skb

MASK = 0xFFFFFFFF


def rcv(ns: Namespace, skb: Skb) -> None:
    """A TCP packet for this namespace."""
    if skb.pkt_type != PACKET_HOST:
        ns.drop(skb, "NOT_SPECIFIED", "TCP in a frame that is not addressed to this host alone")
        return
    data = skb.l3[skb.l4 :]
    segment = decode(data)
    if segment is None:
        ns.drop(skb, "PKT_TOO_SMALL", "the TCP header does not fit")
        return
    length = len(data)
    if (skb.saddr + skb.daddr + 6 + length + int.from_bytes(data if not length & 1 else data + b"\0", "big")) % 0xFFFF:
        ns.drop(skb, "TCP_CSUM", "bad TCP checksum")
        return
    sockets = ns.sockets
    sk: TcpSocket | None = sockets.established.get((skb.daddr, segment.dport, skb.saddr, segment.sport)) if sockets is not None else None
    isn: int | None = None
    if sk is not None and sk.hears(skb.iif or skb.dev):
        conn = sk.conn
        if conn is not None:
            time_wait = conn.state is State.TIME_WAIT
            if time_wait and segment.flags & (SYN | ACK) == SYN:
                isn = conn.time_wait_isn(segment)
            # Closed by the program and waiting for the peer's FIN: in Linux that too is but a TIME_WAIT bucket.
            time_wait = time_wait or (conn.state is State.FIN_WAIT2 and conn.life_at is not None)
            listener = tcp_listen.lookup(ns, skb.saddr, segment.sport, skb.daddr, segment.dport, skb.iif or skb.dev) if isn is not None else None
            if listener is None:
                _to_connection(ns, skb, sk, segment, from_time_wait=time_wait)
                return
            sk.release()  # the old connection makes room for the new one
    listener = tcp_listen.lookup(ns, skb.saddr, segment.sport, skb.daddr, segment.dport, skb.iif or skb.dev)
    if listener is not None:
        ns.delivered(skb, f"to TCP listener {listener.local_text()}" if ns.tp.step else "")
        listener.receive(skb, segment, isn)
        return
    _send_reset(ns, skb, segment)
    ns.drop(skb, "NO_SOCKET", f"TCP port {segment.dport} is closed" if segment.flags & (SYN | ACK) == SYN else "no such TCP connection")


def _to_connection(ns: Namespace, skb: Skb, sk: TcpSocket, segment: Segment, *, from_time_wait: bool) -> None:
    conn = sk.conn
    assert conn is not None
    if ns.tp.step:
        ns.delivered(skb, f"to TCP socket {text(skb.daddr)}:{segment.dport} ({conn.state.name})")
    else:
        ns.delivered(skb)
    if segment.payload or segment.flags & 1:
        sk.rx_cause = skb.id
    una = conn.snd_una
    conn.receive(segment, ns.sim.now)
    if conn.snd_una != una:
        sk.confirm = True
    sk.flush(from_time_wait=from_time_wait)


def _send_reset(ns: Namespace, skb: Skb, segment: Segment) -> None:
    """Answer a segment that no socket wants (tcp_v4_send_reset): DF, IP id 0."""
    if skb.dst is not None and skb.dst.type != 2:  # RTN_LOCAL
        return
    answer = reset_for(segment)
    if answer is None:
        return
    dst = route.lookup_output(ns, skb.saddr, skb.daddr)
    if isinstance(dst, int):
        return
    transmit(ns, answer, skb.daddr, skb.saddr, dst, ip_id=0, ttl=dst.hoplimit or ns.sysctl.ip_default_ttl)


def err(ns: Namespace, skb: Skb, kind: int, code: int, info: int, quoted: bytes) -> None:
    """An ICMP error about a segment that was sent from here. `quoted`: the packet from its IP header on; 8 bytes of TCP are enough."""
    raw.err(ns, skb, kind, code, info, quoted)
    at = (quoted[0] & 15) * 4
    sockets = ns.sockets
    if len(quoted) < at + 8 or sockets is None:
        return
    saddr, daddr = int.from_bytes(quoted[12:16], "big"), int.from_bytes(quoted[16:20], "big")
    sport, dport = quoted[at] << 8 | quoted[at + 1], quoted[at + 2] << 8 | quoted[at + 3]
    sk: TcpSocket | None = sockets.established.get((saddr, sport, daddr, dport))
    conn = sk.conn if sk is not None else None
    if sk is None or conn is None or conn.state is State.TIME_WAIT:
        return
    seq = int.from_bytes(quoted[at + 4 : at + 8], "big")
    if (seq - conn.snd_una) & MASK > (conn.snd_nxt - conn.snd_una) & MASK:
        return  # not about anything under way: forged or late
    now = ns.sim.now
    if kind == DEST_UNREACH and code == FRAG_NEEDED:
        if sk.pmtudisc != PMTUDISC_DONT and info:
            conn.pmtu(info, now)
            sk.flush()
        return
    if kind == DEST_UNREACH and code < len(UNREACH):
        error = UNREACH[code][0]
    elif kind == PARAMETERPROB:
        error = EPROTO
    elif kind == TIME_EXCEEDED:
        error = EHOSTUNREACH
    else:
        return
    # In SYN_SENT every error ends connect(), later it is only remembered (the comment in tcp_v4_err names RFC 1122, 4.2.3.9).
    conn.icmp_error(error, conn.state in (State.SYN_SENT, State.SYN_RECV), now)
    sk.flush()
