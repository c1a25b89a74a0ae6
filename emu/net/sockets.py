"""The socket tables of one namespace, and the protocols they answer for. A namespace without sockets has no tables.

`install` registers the receive functions; the tables (`sock.table`) are made by the first socket. Ports are per namespace and protocol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.net.sock import ping, raw, tcp_input, udp

if TYPE_CHECKING:
    from emu.net.netns import Namespace

IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP = 1, 6, 17


def install(ns: Namespace) -> None:
    """Register UDP and TCP with IP, and what ICMP errors do to sockets (inet_add_protocol)."""
    ns.protocols[IPPROTO_UDP] = udp.rcv
    ns.protocols[IPPROTO_TCP] = tcp_input.rcv
    ns.err_handlers[IPPROTO_UDP] = udp.err
    ns.err_handlers[IPPROTO_TCP] = tcp_input.err
    ns.err_handlers[IPPROTO_ICMP] = ping.err


def echo_reply(ns: Namespace, skb: Any) -> None:
    """An ICMP echo reply for this namespace, its checksum verified (ping_rcv)."""
    ping.rcv(ns, skb)


def raw_deliver(ns: Namespace, skb: Any) -> bool:
    """Copies for raw sockets, before the protocol's own handler (raw_local_deliver). Returns whether any took one."""
    sockets = ns.sockets
    return sockets is not None and bool(sockets.raw) and raw.deliver(ns, skb)


def destroy(ns: Namespace) -> None:
    """The namespace goes away: every socket dies with it, without a word on the wire."""
    sockets = ns.sockets
    if sockets is not None:
        for sk in sockets.all():
            sk.kill()
