"""TTL, TOS, DSCP, TCPMSS: targets that rewrite headers, with their checksums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net.netfilter.rule import CONTINUE, DROP, Rule, Target
from emu.net.netfilter.table import FORWARD, OUTPUT, POSTROUTING
from emu.wire.checksum import ones_sum, update

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netfilter.netfilter import Netfilter
    from emu.net.skb import Skb

SYN, MSS_OPTION = 0x02, 2
DEFAULT_MSS = 536
CLAMP = 0xFFFF


def patch_header(skb: Skb, at: int, value: int) -> None:
    """Change one byte of the IP header and its checksum with it."""
    l3 = skb.l3
    even = at & ~1
    old = l3[even] << 8 | l3[even + 1]
    new = (old & 0x00FF) | value << 8 if at == even else (old & 0xFF00) | value
    total = update(l3[10] << 8 | l3[11], old, new)
    patched = bytearray(l3)
    patched[at] = value
    patched[10:12] = total.to_bytes(2, "big")
    skb.set_l3(bytes(patched))


class SetTtl(Target):
    """TTL. `mode`: set, inc or dec; below 0 it drops (ttl_tg)."""

    name = "TTL"
    tables = ("mangle",)
    cacheable = False
    __slots__ = ("mode", "value")

    def __init__(self, mode: str, value: int) -> None:
        self.mode = mode
        self.value = value

    def run(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter, rule: Rule) -> int:
        new = self.value if self.mode == "set" else min(255, skb.ttl + self.value) if self.mode == "inc" else max(0, skb.ttl - self.value)
        if new != skb.ttl:
            patch_header(skb, 8, new)
            skb.ttl = new
        return CONTINUE


class SetTos(Target):
    """TOS: `tos = tos & ~mask ^ value`. DSCP is the same on the upper six bits."""

    tables = ("mangle",)
    cacheable = False
    __slots__ = ("mask", "name", "value")

    def __init__(self, name: str, value: int, mask: int) -> None:
        self.name = name
        self.value = value
        self.mask = mask

    def run(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter, rule: Rule) -> int:
        new = (skb.tos & ~self.mask & 0xFF) ^ self.value
        if new != skb.tos:
            patch_header(skb, 1, new)
            skb.tos = new
        return CONTINUE


class TcpMss(Target):
    """TCPMSS: the MSS option of a SYN becomes `mss`, or what fits the route's MTU (CLAMP); it never grows by clamping (tcpmss_mangle_packet)."""

    name = "TCPMSS"
    cacheable = False
    __slots__ = ("mss",)

    def __init__(self, mss: int) -> None:
        self.mss = mss

    @property
    def base_hooks(self) -> int:  # type: ignore[override]
        """Clamping needs a route."""
        return 1 << FORWARD | 1 << OUTPUT | 1 << POSTROUTING if self.mss == CLAMP else 0x1F

    def run(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter, rule: Rule) -> int:
        if skb.frag & 0x1FFF:
            return CONTINUE
        l3, start = skb.l3, skb.l4
        header = (l3[start + 12] >> 4) * 4 if len(l3) >= start + 20 else 0
        if header < 20 or len(l3) < start + header:
            return DROP
        if self.mss == CLAMP:
            mtu = _mtu_both_ways(skb, nf)
            if mtu <= 40:
                return DROP
            new = mtu - 40
        else:
            new = self.mss
        at = start + 20
        end = start + header
        while at < end - 3:
            kind = l3[at]
            if kind == MSS_OPTION and l3[at + 1] == 4:
                old = l3[at + 2] << 8 | l3[at + 3]
                if old > new:
                    _put(skb, at + 2, old, new)
                return CONTINUE
            at += 1 if kind < 2 else l3[at + 1] or 1
        # No option: only a bare SYN without data is given one, as RFC 1122's default would be more than it may send.
        if len(l3) > end or header >= 60:
            return CONTINUE
        _insert(skb, start, bytes((MSS_OPTION, 4)) + min(new, DEFAULT_MSS).to_bytes(2, "big"))
        return CONTINUE


def _mtu_both_ways(skb: Skb, nf: Netfilter) -> int:
    """The smaller of the MTU towards the destination and back to the source."""
    from emu.net import route

    there: int = skb.dst.mtu or (skb.dst.dev.mtu if skb.dst.dev is not None else 0) if skb.dst is not None else 0
    back = route.lookup_output(nf.ns, skb.saddr)
    if isinstance(back, int):
        return there
    return min(there, back.mtu or (back.dev.mtu if back.dev is not None else there))


def _put(skb: Skb, at: int, old: int, new: int) -> None:
    """Replace a 16-bit field of the TCP header (at an offset in `l3`), checksum patched. The kernel patches it as if the field stood at an even
    offset; behind a single NOP it does not, and the checksum comes out wrong there too (measured on 6.18).
    """
    l3, where = skb.l3, skb.l4 + 16
    patched = bytearray(l3)
    patched[at : at + 2] = new.to_bytes(2, "big")
    patched[where : where + 2] = update(l3[where] << 8 | l3[where + 1], old, new).to_bytes(2, "big")
    skb.set_l3(bytes(patched))


def _insert(skb: Skb, start: int, option: bytes) -> None:
    """Put four bytes of option first behind the fixed TCP header: lengths and both checksums follow."""
    l3 = skb.l3
    segment = bytearray(l3[start : start + 20] + option + l3[start + 20 :])
    segment[12] += 0x10
    old = l3[start + 16] << 8 | l3[start + 17]
    # In the sum: the option, the length of the pseudo header, and the word that holds the data offset.
    total = update(old, ones_sum(l3[start + 12 : start + 14]), ones_sum(option) + ones_sum(bytes(segment[12:14])) + 4)
    segment[16:18] = total.to_bytes(2, "big")
    header = bytearray(l3[:start])
    length = header[2] << 8 | header[3]
    header[2:4] = (length + 4).to_bytes(2, "big")
    header[10:12] = update(header[10] << 8 | header[11], length, length + 4).to_bytes(2, "big")
    skb.set_l3(bytes(header + segment))
