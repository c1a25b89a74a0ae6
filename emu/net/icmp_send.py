"""ICMP that this host sends (net/ipv4/icmp.c): errors with all the occasions to stay silent, replies, and how many of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net import addr, ip_output
from emu.net.fib import RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, SCOPE_LINK
from emu.net.ip_options import echo_options
from emu.net.route import Dst, lookup_output, spec_dst
from emu.net.skb import PACKET_HOST
from emu.wire.addr import ip_text
from emu.wire.checksum import checksum

if TYPE_CHECKING:
    from emu.net.netns import Namespace
    from emu.net.skb import Skb

ECHOREPLY, DEST_UNREACH, SOURCE_QUENCH, REDIRECT, ECHO, TIME_EXCEEDED, PARAMETERPROB, TIMESTAMP, TIMESTAMPREPLY = 0, 3, 4, 5, 8, 11, 12, 13, 14
FRAG_NEEDED = 4
NR_ICMP_TYPES = 18
ERRORS = frozenset((DEST_UNREACH, SOURCE_QUENCH, REDIRECT, TIME_EXCEEDED, PARAMETERPROB))
INADDR_DUMMY = 0xC0000008  # RFC 7600: what a router without any address signs errors with

UNREACH = {
    0: "net unreachable", 1: "host unreachable", 2: "protocol unreachable", 3: "port unreachable", 4: "fragmentation needed", 5: "source route failed",
    9: "net prohibited", 10: "host prohibited", 13: "admin prohibited",
}  # fmt: skip


def describe(type_: int, code: int, info: int = 0) -> str:
    """An ICMP message in words."""
    if type_ == DEST_UNREACH:
        return UNREACH.get(code, f"unreachable, code {code}") + (f", MTU {info}" if code == FRAG_NEEDED else "")
    if type_ == REDIRECT:
        return f"redirect to {ip_text(info)}"
    if type_ == TIME_EXCEEDED:
        return "time exceeded" if not code else "reassembly time exceeded"
    return {PARAMETERPROB: "parameter problem", ECHO: "echo request", ECHOREPLY: "echo reply"}.get(type_, f"type {type_} code {code}")


# -- rates --------------------------------------------------------------------------------------------------------------------------

MS = 1_000_000
BURST_FACTOR = 6
PEERS_LIMIT = 8192


class Rates:
    """How much ICMP went out lately: one bucket for the namespace, and a few words about every peer (struct inet_peer). Times in ms."""

    __slots__ = ("credit", "peers", "stamp")

    def __init__(self) -> None:
        self.credit = 0
        self.stamp = -1000
        self.peers: dict[int, list[int]] = {}  # address -> [tokens, last use, redirects sent, fragment queues begun]

    def peer(self, ip: int, now: int) -> list[int]:
        """The state kept about one address; new ones start with a minute's worth of tokens."""
        state = self.peers.get(ip)
        if state is None:
            if len(self.peers) >= PEERS_LIMIT:
                del self.peers[next(iter(self.peers))]
            state = self.peers[ip] = [0, now - 60_000, 0, 0]
        return state


def rates(ns: Namespace) -> Rates:
    """The namespace's rates, made when first needed."""
    state = ns.icmp
    if state is None:
        state = ns.icmp = Rates()
    return state


def _exempt(ns: Namespace, type_: int, code: int) -> bool:
    """icmpv4_mask_allow: path MTU discovery is never limited, nor types outside icmp_ratemask."""
    return type_ > NR_ICMP_TYPES or (type_ == DEST_UNREACH and code == FRAG_NEEDED) or not ns.sysctl.icmp_ratemask >> type_ & 1


def _global_allow(ns: Namespace) -> bool:
    """icmp_global_allow: icmp_msgs_per_sec on average, icmp_msgs_burst at once."""
    state = rates(ns)
    if state.credit > 0:
        return True
    now = ns.sim.now // MS
    elapsed = min(now - state.stamp, 1000)
    if elapsed < 20:
        return False
    gained = ns.sysctl.icmp_msgs_per_sec * elapsed // 1000
    if not gained:
        return False
    state.stamp = now
    state.credit = min(state.credit + gained, ns.sysctl.icmp_msgs_burst)
    return True


def _peer_allow(ns: Namespace, dst: Dst, daddr: int) -> bool:
    """icmpv4_xrlim_allow: one every icmp_ratelimit ms to each address, with a burst of six; none is counted on lo."""
    state = rates(ns)
    if dst.dev is not ns.lo:
        now = ns.sim.now // MS
        peer = state.peer(daddr, now)
        interval = ns.sysctl.icmp_ratelimit
        tokens = min(peer[0] + now - peer[1], BURST_FACTOR * interval)
        peer[1] = now
        if tokens < interval:
            peer[0] = tokens
            return False
        peer[0] = tokens - interval
    state.credit -= ns.sim.stream(f"{ns.kernel.name}/icmp").randrange(3)
    return True


def allow_route_error(ns: Namespace, saddr: int) -> bool:
    """ip_error's own bucket about "no route", which shares its tokens with the limit above."""
    now = ns.sim.now // MS
    peer = rates(ns).peer(saddr, now)
    tokens = min(peer[0] + now - peer[1], ns.sysctl.route_error_burst)
    peer[1] = now
    allowed = bool(tokens >= ns.sysctl.route_error_cost)
    peer[0] = tokens - ns.sysctl.route_error_cost if allowed else tokens
    return allowed


# -- sending ------------------------------------------------------------------------------------------------------------------------


def send_error(ns: Namespace, skb: Skb, type_: int, code: int, info: int = 0) -> None:
    """Tell the sender of `skb` what became of it (__icmp_send). `info`: the MTU, the gateway, or the pointer << 24. Does not consume `skb`."""
    dst = skb.dst
    if dst is None or skb.pkt_type != PACKET_HOST or dst.type == RTN_BROADCAST or dst.type == RTN_MULTICAST or skb.frag & 0x1FFF:
        return
    l3 = skb.l3
    if skb.proto == 1:
        if len(l3) <= skb.l4 or l3[skb.l4] > NR_ICMP_TYPES or l3[skb.l4] in ERRORS:
            return
    limited = False
    if skb.dev is not ns.lo and not _exempt(ns, type_, code):
        if not _global_allow(ns):
            _silent(ns, skb, type_, code, info, "icmp_msgs_per_sec is used up")
            return
        limited = True
    saddr = skb.daddr
    if dst.type != RTN_LOCAL:
        saddr = 0
        if skb.iif is not None and ns.sysctl.icmp_errors_use_inbound_ifaddr:
            saddr = addr.select_source(ns, skb.iif, skb.saddr, SCOPE_LINK)
    tos = skb.tos & 0x1E | 0xC0
    mark = skb.mark if ns.sysctl.fwmark_reflect else 0
    out = lookup_output(ns, skb.saddr, saddr, None, tos, mark)
    if isinstance(out, int):
        return
    options = echo_options(ns, skb, saddr or out.prefsrc) if skb.ihl > 20 else b""
    if limited and not _peer_allow(ns, out, skb.saddr):
        _silent(ns, skb, type_, code, info, f"icmp_ratelimit for {ip_text(skb.saddr)}")
        return
    room = min(out.mtu, 576) - 28 - len(options)
    if room <= 20:
        return
    message = bytes((type_, code, 0, 0)) + (info & 0xFFFFFFFF).to_bytes(4, "big") + l3[:room]
    if ns.tp.step:
        ns.tp.on_step(ns, skb.id, "icmp", f"{describe(type_, code, info)} → {ip_text(skb.saddr)}")
    _push(ns, message, skb.saddr, saddr or out.prefsrc or INADDR_DUMMY, tos, mark, out, options, skb)


def _silent(ns: Namespace, skb: Skb, type_: int, code: int, info: int, why: str) -> None:
    if ns.tp.step:
        ns.tp.on_step(ns, skb.id, "icmp", f"{describe(type_, code, info)} not sent: {why}")


def _push(ns: Namespace, message: bytes, daddr: int, saddr: int, tos: int, mark: int, dst: Dst, options: bytes, about: Skb | None = None) -> None:
    """icmp_push_reply. The checksum field of `message` is zero."""
    message = message[:2] + checksum(message).to_bytes(2, "big") + message[4:]
    ip_output.send(ns, 1, message, daddr, saddr, ttl=dst.hoplimit or ns.sysctl.ip_default_ttl, tos=tos, dst=dst, mark=mark, options=options, about=about)


def reply(ns: Namespace, skb: Skb, message: bytes) -> bool:
    """Answer an ICMP request (icmp_reply). `message`: ICMP with a zero checksum field. Returns whether it was sent."""
    type_, code = message[0], message[1]
    limited = False
    if not _exempt(ns, type_, code):
        if not _global_allow(ns):
            return False
        limited = True
    dst = skb.dst
    saddr = skb.daddr if dst is not None and dst.type == RTN_LOCAL else spec_dst(ns, skb)
    mark = skb.mark if ns.sysctl.fwmark_reflect else 0
    out = lookup_output(ns, skb.saddr, saddr, None, skb.tos, mark)
    if isinstance(out, int) or (limited and not _peer_allow(ns, out, skb.saddr)):
        return False
    options = echo_options(ns, skb, saddr) if skb.ihl > 20 else b""
    _push(ns, message, skb.saddr, saddr or out.prefsrc, skb.tos, mark, out, options)
    return True


def send_redirect(ns: Namespace, skb: Skb, dst: Dst) -> None:
    """Tell a host on the same link which router to use itself (ip_rt_send_redirect): less and less often while it does not listen."""
    sysctl = ns.sysctl
    now = ns.sim.now // MS
    peer = rates(ns).peer(skb.saddr, now)
    if now > peer[1] + sysctl.route_redirect_silence:
        peer[0] = peer[2] = 0
    if peer[2] >= sysctl.route_redirect_number:
        peer[1] = now
        return
    if peer[2] == 0 or now > peer[1] + (sysctl.route_redirect_load << peer[2]):
        send_error(ns, skb, REDIRECT, 1, dst.gateway or skb.daddr)
        peer[1] = now
        peer[2] += 1
