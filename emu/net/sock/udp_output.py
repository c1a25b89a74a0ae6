"""UDP's way out (udp_sendmsg): route once per destination, then one pack per datagram."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

from emu.net import ip_output, route
from emu.net.ip_ident import select_ident
from emu.net.sock.base import LOOPBACK, ORIGIN_LOCAL, PMTUDISC_DO, PMTUDISC_PROBE, RTN_BROADCAST, RTN_MULTICAST, QueuedError
from emu.net.sock.errno import EACCES, EINVAL, EMSGSIZE, ENOBUFS, os_error

if TYPE_CHECKING:
    from emu.net.netns import Namespace
    from emu.net.sock.udp import UdpSocket

ETH_P_IP, IPPROTO_UDP = 0x0800, 17
DF = 0x4000
_IP_UDP = Struct("!BBHHHBBHIIHHHH")
_UDP = Struct("!HHHH")


class Header:
    """Everything about a destination that does not change from datagram to datagram; `ip_sum` and `udp_sum` are one's complement sums of it."""

    __slots__ = ("daddr", "df", "dport", "dst", "expires", "ignore_df", "ip_sum", "mtu", "saddr", "tos", "ttl", "udp_sum")

    def __init__(self, sk: UdpSocket, dst: Any, saddr: int, daddr: int, dport: int) -> None:
        self.dst = dst
        self.expires: int = dst.expires
        self.saddr = saddr
        self.daddr = daddr
        self.dport = dport
        self.tos = sk.tos
        default: int = dst.hoplimit or sk.ns.sysctl.ip_default_ttl
        self.ttl = 1 if dst.type == RTN_MULTICAST else default if sk.ttl < 0 else sk.ttl
        self.df = DF if sk.sets_df(dst) else 0
        self.ignore_df = sk.pmtudisc < PMTUDISC_DO  # a smaller MTU on the way out fragments it, DF or not (ip_sk_ignore_df)
        self.mtu: int = dst.dev.mtu if sk.pmtudisc == PMTUDISC_PROBE else dst.mtu
        self.ip_sum = 0x4500 + sk.tos + self.df + (self.ttl << 8) + IPPROTO_UDP + saddr + daddr
        self.udp_sum = saddr + daddr + IPPROTO_UDP + sk.sport + dport


def header_for(sk: UdpSocket, addr: int, port: int) -> Header:
    """Route to a destination and remember it in the socket. Raises EINVAL, ENETUNREACH, EACCES ..."""
    sk.check_open()
    if not port:
        raise os_error(EINVAL)
    if not sk.sport:
        sk.get_port(0)
    daddr = addr or sk.saddr or LOOPBACK
    dst = route.lookup_output(sk.ns, daddr, sk.saddr, sk.bound_dev, sk.tos, sk.mark)
    if isinstance(dst, int):
        raise os_error(dst)
    if dst.type == RTN_BROADCAST and not sk.broadcast:
        raise os_error(EACCES)
    header = Header(sk, dst, sk.saddr or dst.prefsrc, daddr, port)
    if len(sk.headers) >= 1024:
        sk.headers.clear()
    sk.headers[addr << 16 | port] = header
    return header


def send(sk: UdpSocket, header: Header, data: bytes) -> int:
    """Make the datagram and let it go. Raises EMSGSIZE, EPERM ..."""
    ns = sk.ns
    size = len(data)
    length = size + 8
    total = size + 28
    saddr, daddr, sport, dport = header.saddr, header.daddr, sk.sport, header.dport
    checksum = 0xFFFF - (header.udp_sum + length + length + int.from_bytes(data if not size & 1 else data + b"\0", "big")) % 0xFFFF
    if total > header.mtu:
        return _send_big(sk, ns, header, _UDP.pack(sport, dport, length & 0xFFFF, checksum) + data)
    if sk.daddr:
        sk.ip_id = ip_id = sk.ip_id + 1 & 0xFFFF
    else:
        # With DF and no leave to fragment the id says nothing, and Linux sends 0 (ip_select_ident_segs).
        ip_id = select_ident(ns, saddr, daddr, IPPROTO_UDP) if header.ignore_df or not header.df else 0
    ip_checksum = 0xFFFF - (header.ip_sum + total + ip_id) % 0xFFFF
    tos, ttl, df = header.tos, header.ttl, header.df
    skb = ns.born(
        ETH_P_IP,
        _IP_UDP.pack(0x45, tos, total, ip_id, df, ttl, IPPROTO_UDP, ip_checksum & 0xFFFF, saddr, daddr, sport, dport, length, checksum) + data,
    )
    skb.saddr, skb.daddr, skb.sport, skb.dport = saddr, daddr, sport, dport
    skb.proto = IPPROTO_UDP
    skb.tos, skb.ttl, skb.ip_id, skb.frag = tos, ttl, ip_id, df
    skb.dst = dst = header.dst
    skb.dev = dst.dev
    skb.mark = sk.mark
    skb.sk = sk
    skb.ignore_df = header.ignore_df
    error = ip_output.ip_local_out(ns, skb)
    if error:
        raise os_error(error)
    return size


def _send_big(sk: UdpSocket, ns: Namespace, header: Header, segment: bytes) -> int:
    """More than the path takes at once: refused, or sent in fragments."""
    too_big = len(segment) > 0xFFFF - 20
    if too_big or sk.pmtudisc in (PMTUDISC_DO, PMTUDISC_PROBE):
        if sk.recverr and not too_big:
            sk.error_queue.append(QueuedError(EMSGSIZE, ORIGIN_LOCAL, 0, 0, header.mtu, 0, header.daddr, header.dport, segment[8:]))
        raise os_error(EMSGSIZE)
    error = ip_output.send(
        ns, IPPROTO_UDP, segment, header.daddr, header.saddr, ttl=header.ttl, tos=header.tos, df=False, dst=header.dst, mark=sk.mark, sk=sk,
    )  # fmt: skip
    if error and (error != ENOBUFS or sk.recverr):
        raise os_error(error)
    return len(segment) - 8


