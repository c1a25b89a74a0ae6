"""ICMP input (icmp_rcv in net/ipv4/icmp.c): echo, timestamp, and errors handed to whom they concern."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net import icmp_send, pmtu, sockets
from emu.net.fib import RTN_BROADCAST, RTN_MULTICAST
from emu.net.icmp_send import (
    DEST_UNREACH,
    ECHO,
    ECHOREPLY,
    FRAG_NEEDED,
    NR_ICMP_TYPES,
    PARAMETERPROB,
    REDIRECT,
    SOURCE_QUENCH,
    TIME_EXCEEDED,
    TIMESTAMP,
    TIMESTAMPREPLY,
    describe,
)
from emu.net.route import addr_type
from emu.wire.checksum import verify

if TYPE_CHECKING:
    from emu.net.netns import Namespace
    from emu.net.skb import Skb

ADDRESS, ADDRESSREPLY = 17, 18
DAY_MS = 86_400_000


def rcv(ns: Namespace, skb: Skb) -> None:
    """An ICMP message for this host."""
    l3 = skb.l3
    l4 = skb.l4
    message = l3[l4:]
    if not verify(message):
        ns.drop(skb, "ICMP_CSUM", "bad ICMP checksum")
        return
    if len(message) < 8:
        ns.drop(skb, "NOT_SPECIFIED", "truncated ICMP header")
        return
    type_ = message[0]
    if type_ > NR_ICMP_TYPES:
        ns.drop(skb, "UNHANDLED_PROTO", f"unknown ICMP type {type_}")
        return
    kind = skb.dst.type if skb.dst is not None else 0
    if kind in (RTN_BROADCAST, RTN_MULTICAST):
        if type_ in (ECHO, TIMESTAMP):
            if ns.sysctl.icmp_echo_ignore_broadcasts:
                ns.drop(skb, "INVALID_PROTO", "ICMP request to a broadcast address (icmp_echo_ignore_broadcasts)")
                return
        elif type_ != ADDRESS and type_ != ADDRESSREPLY:
            ns.drop(skb, "INVALID_PROTO", "ICMP error to a broadcast address")
            return
    if type_ == ECHO:
        _echo(ns, skb, message)
    elif type_ == ECHOREPLY:
        if ns.sockets is not None:
            sockets.echo_reply(ns, skb)
        else:
            ns.drop(skb, "NO_SOCKET", "echo reply nobody waits for")
    elif type_ == REDIRECT:
        _error(ns, skb, message, int.from_bytes(message[4:8], "big"))
    elif type_ in (DEST_UNREACH, TIME_EXCEEDED, PARAMETERPROB, SOURCE_QUENCH):
        _unreach(ns, skb, message)
    elif type_ == TIMESTAMP:
        _timestamp(ns, skb, message)
    else:
        ns.delivered(skb, f"ICMP type {type_}, ignored")


def _echo(ns: Namespace, skb: Skb, message: bytes) -> None:
    if ns.sysctl.icmp_echo_ignore_all:
        ns.delivered(skb, "echo request, ignored (icmp_echo_ignore_all)")
        return
    ns.delivered(skb, "echo request")
    icmp_send.reply(ns, skb, b"\x00\x00\x00\x00" + message[4:])


def _timestamp(ns: Namespace, skb: Skb, message: bytes) -> None:
    """RFC 792: originate as sent, receive and transmit in ms since midnight."""
    if len(message) < 12:
        ns.drop(skb, "PKT_TOO_SMALL", "ICMP timestamp without a timestamp")
        return
    ns.delivered(skb, "timestamp request")
    stamp = (ns.sim.now // 1_000_000 % DAY_MS).to_bytes(4, "big")
    icmp_send.reply(ns, skb, bytes((TIMESTAMPREPLY, 0, 0, 0)) + message[4:12] + stamp + stamp)


def _unreach(ns: Namespace, skb: Skb, message: bytes) -> None:
    """icmp_unreach: errors other than redirects."""
    type_, code = message[0], message[1]
    if len(message) < 28:
        ns.drop(skb, "NOT_SPECIFIED", "ICMP error without the packet it is about")
        return
    if message[8] & 15 < 5:
        ns.drop(skb, "IP_INHDR", "ICMP error about a mangled header")
        return
    info = 0
    if type_ == DEST_UNREACH:
        if code & 15 == FRAG_NEEDED:
            mode = ns.sysctl.ip_no_pmtu_disc
            if mode == 2 or (mode == 3 and message[17] != 6):
                ns.delivered(skb, "fragmentation needed, ignored (ip_no_pmtu_disc)")
                return
            if mode != 1:
                info = int.from_bytes(message[6:8], "big")
        if code > 15:
            ns.delivered(skb, f"unreachable, unknown code {code}")
            return
    elif type_ == PARAMETERPROB:
        info = message[4]
    elif type_ == TIME_EXCEEDED and code == 1:
        ns.delivered(skb, "reassembly time exceeded, ignored")
        return
    if not ns.sysctl.icmp_ignore_bogus_error_responses and addr_type(ns, int.from_bytes(message[24:28], "big")) == RTN_BROADCAST:
        ns.delivered(skb, "ICMP error about a broadcast, ignored")
        return
    _error(ns, skb, message, info)


def _error(ns: Namespace, skb: Skb, message: bytes, info: int) -> None:
    """icmp_socket_deliver: the quoted packet's protocol decides; routing learns MTU and gateway."""
    quoted = message[8:]
    type_, code = message[0], message[1]
    if len(quoted) < 20 or len(quoted) < ((quoted[0] & 15) << 2) + 8:
        if type_ == REDIRECT and len(quoted) < 20:
            ns.drop(skb, "PKT_TOO_SMALL", "redirect without the packet it is about")
        else:
            ns.delivered(skb, "ICMP error with too little of the packet it is about")
        return
    if type_ == DEST_UNREACH and code == FRAG_NEEDED and ns.sysctl.ip_no_pmtu_disc != 1:
        pmtu.update(ns, skb, info, quoted)
    elif type_ == REDIRECT:
        pmtu.redirect(ns, skb, info, quoted)
    ns.delivered(skb, f"ICMP {describe(type_, code, info)}")
    handler = ns.err_handlers.get(quoted[9])
    if handler is not None:
        handler(ns, skb, type_, code, info, quoted)
