"""IPv4 options (RFC 791 section 3.1, net/ipv4/ip_options.c): checked on the way in, addresses and times recorded, echoed in answers.

Source routing is refused as Linux does by default (conf.all.accept_source_route = 0). Options nobody knows are carried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net.fib import RTN_LOCAL, RTN_UNICAST
from emu.net.ip_header import rechecksum
from emu.net.route import Dst, addr_type, output_source, spec_dst
from emu.wire.addr import ip_text

if TYPE_CHECKING:
    from emu.net.netns import Namespace
    from emu.net.skb import Skb

END, NOOP, RR, TIMESTAMP, LSRR, SSRR, RA, CIPSO = 0, 1, 7, 68, 131, 137, 148, 134
TS_ONLY, TS_ADDR, TS_PRESPEC = 0, 1, 3
COPIED = 0x80
DAY_MS = 86_400_000


class Options:
    """What was found (struct ip_options): offsets in the packet of record route and timestamp, 0 = none; whether we put an address or a time in."""

    __slots__ = ("rr", "rr_needaddr", "srr", "ts", "ts_needaddr", "ts_needtime")

    def __init__(self) -> None:
        self.rr = self.srr = self.ts = 0
        self.rr_needaddr = self.ts_needaddr = self.ts_needtime = False


def timestamp(ns: Namespace) -> bytes:
    """Milliseconds since midnight UT (inet_current_timestamp)."""
    return (ns.sim.now // 1_000_000 % DAY_MS).to_bytes(4, "big")


def compile_options(ns: Namespace, skb: Skb, raw: bytearray, opt: Options) -> int:
    """ip_options_compile: check the header `raw` and record into it. Returns 0, or where in it the fault is."""
    at = 20
    end = len(raw)
    while at < end:
        kind = raw[at]
        if kind == END:
            raw[at:] = bytes(end - at)
            return 0
        if kind == NOOP:
            at += 1
            continue
        if end - at < 2 or raw[at + 1] < 2 or raw[at + 1] > end - at:
            return at
        length = raw[at + 1]
        fault = 0
        if kind in (SSRR, LSRR):
            fault = at + 1 if length < 3 else at + 2 if raw[at + 2] < 4 else at if opt.srr else 0
            opt.srr = at
        elif kind == RR:
            fault = at if opt.rr else _record_route(ns, skb, raw, at, length, opt)
            opt.rr = at
        elif kind == TIMESTAMP:
            fault = at if opt.ts else _record_time(ns, skb, raw, at, length, opt)
            opt.ts = at
        elif kind == RA:
            fault = at + 1 if length < 4 else 0
        elif kind == CIPSO:
            fault = at
        if fault:
            return fault
        at += length
    return 0


def _record_route(ns: Namespace, skb: Skb, raw: bytearray, at: int, length: int, opt: Options) -> int:
    if length < 3:
        return at + 1
    pointer = raw[at + 2]
    if pointer < 4:
        return at + 2
    if pointer <= length:
        if pointer + 3 > length:
            return at + 2
        raw[at + pointer - 1 : at + pointer + 3] = _here(ns, skb)
        raw[at + 2] = pointer + 4
        opt.rr_needaddr = True
    return 0


def _record_time(ns: Namespace, skb: Skb, raw: bytearray, at: int, length: int, opt: Options) -> int:
    if length < 4:
        return at + 1
    pointer = raw[at + 2]
    if pointer < 5:
        return at + 2
    flag = raw[at + 3] & 15
    if pointer > length:
        if flag != TS_PRESPEC:
            overflow = raw[at + 3] >> 4
            if overflow == 15:
                return at + 3
            raw[at + 3] = flag | (overflow + 1) << 4
        return 0
    if pointer + 3 > length or (flag in (TS_ADDR, TS_PRESPEC) and pointer + 7 > length):
        return at + 2
    slot = at + pointer - 1
    if flag == TS_ONLY:
        raw[slot : slot + 4] = timestamp(ns)
        raw[at + 2] = pointer + 4
        opt.ts_needtime = True
    elif flag == TS_ADDR:
        raw[slot : slot + 8] = _here(ns, skb) + timestamp(ns)
        raw[at + 2] = pointer + 8
        opt.ts_needaddr = opt.ts_needtime = True
    elif flag == TS_PRESPEC:
        if addr_type(ns, int.from_bytes(raw[slot : slot + 4], "big")) != RTN_UNICAST:
            raw[slot + 4 : slot + 8] = timestamp(ns)
            raw[at + 2] = pointer + 8
            opt.ts_needtime = True
    return 0


def _here(ns: Namespace, skb: Skb) -> bytes:
    """The address this host records: the one it was sent to, or the one it would answer from."""
    return (skb.daddr if skb.dst is not None and skb.dst.type == RTN_LOCAL else spec_dst(ns, skb)).to_bytes(4, "big")


def rcv_options(ns: Namespace, skb: Skb) -> bool:
    """ip_rcv_options: False if the packet was dropped, with a parameter problem to its sender where an option is malformed."""
    from emu.net import icmp_send

    opt = Options()
    raw = bytearray(skb.l3[: skb.ihl])
    fault = compile_options(ns, skb, raw, opt)
    if fault:
        icmp_send.send_error(ns, skb, 12, 0, fault << 24)
        ns.drop(skb, "IP_INHDR", f"bad IP option at byte {fault}")
        return False
    if opt.srr:
        dev = skb.dev
        ns.drop(skb, "NOT_SPECIFIED", f"source route to {ip_text(skb.daddr)} refused (accept_source_route)" + (f" on {dev.name}" if dev is not None else ""))
        return False
    skb.options = opt
    _replace(skb, raw)
    return True


def _replace(skb: Skb, raw: bytearray) -> None:
    header = bytes(raw)
    if header != skb.l3[: skb.ihl]:
        skb.set_l3(rechecksum(header + skb.l3[skb.ihl :], skb.ihl))


def forward_options(ns: Namespace, skb: Skb, dst: Dst) -> None:
    """ip_forward_options: what was recorded on the way in becomes the address of the way out."""
    opt: Options | None = skb.options
    if opt is None or not (opt.rr_needaddr or opt.ts_needaddr):
        return
    raw = bytearray(skb.l3[: skb.ihl])
    source = output_source(ns, dst).to_bytes(4, "big")
    if opt.rr_needaddr:
        slot = opt.rr + raw[opt.rr + 2] - 5
        raw[slot : slot + 4] = source
    if opt.ts_needaddr:
        slot = opt.ts + raw[opt.ts + 2] - 9
        raw[slot : slot + 4] = source
    _replace(skb, raw)


def echo_options(ns: Namespace, skb: Skb, source: int) -> bytes:
    """The options of an answer to `skb`: route and times recorded so far, and our own address and time (ip_options_echo, ip_options_build)."""
    opt: Options | None = skb.options
    if opt is None:
        return b""
    header = skb.l3[: skb.ihl]
    made = b""
    if opt.rr:
        made += _echo_route(bytearray(header[opt.rr : opt.rr + header[opt.rr + 1]]), opt, source)
    if opt.ts:
        made += _echo_time(ns, bytearray(header[opt.ts : opt.ts + header[opt.ts + 1]]), opt, source)
    return made + bytes(-len(made) % 4)


def _echo_route(option: bytearray, opt: Options, source: int) -> bytes:
    pointer = option[2]
    if opt.rr_needaddr and pointer + 3 <= len(option):
        option[pointer - 1 : pointer + 3] = source.to_bytes(4, "big")
        option[2] = pointer + 4
    return bytes(option)


def _echo_time(ns: Namespace, option: bytearray, opt: Options, source: int) -> bytes:
    pointer = option[2]
    slot = pointer - 1
    size = (4 if opt.ts_needaddr else 0) + (4 if opt.ts_needtime else 0)
    if option[3] & 15 != TS_PRESPEC and size and slot + size <= len(option):
        option[slot : slot + size] = (source.to_bytes(4, "big") if opt.ts_needaddr else b"") + timestamp(ns)
        option[2] = pointer + size
    return bytes(option)


def without_uncopied(header: bytes) -> bytes:
    """The header for fragments after the first: options without the copied bit become no-ops (ip_options_fragment)."""
    if len(header) == 20:
        return header
    raw = bytearray(header)
    at = 20
    while at < len(raw):
        kind = raw[at]
        if kind == END:
            break
        if kind == NOOP:
            at += 1
            continue
        length = raw[at + 1] if at + 1 < len(raw) else 0
        if length < 2 or at + length > len(raw):
            break
        if not kind & COPIED:
            raw[at : at + length] = bytes((NOOP,)) * length
        at += length
    return bytes(raw)
