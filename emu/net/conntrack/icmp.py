"""ICMP: echo and its kind as connections, errors as RELATED to the connection they quote (nf_conntrack_proto_icmp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net.conntrack import tuples
from emu.net.skb import CT_IS_REPLY, CT_RELATED
from emu.wire.addr import ip_text
from emu.wire.checksum import verify

if TYPE_CHECKING:
    from emu.net.conntrack.table import Conntrack
    from emu.net.skb import Skb

NR_ICMP_TYPES = 18
ERRORS = frozenset({3, 4, 5, 11, 12})  # unreachable, source quench, redirect, time exceeded, parameter problem


def error(track: Conntrack, skb: Skb, hook: int) -> bool:
    """Deal with what is not a request or reply (nf_conntrack_icmpv4_error). True: done, `skb.ct` and `ctinfo` say what it is;
    False: an ordinary ICMP message, to be tracked by its own tuple.
    """
    l3 = skb.l3
    l4 = skb.l4
    if len(l3) - l4 < 8:
        return track.invalid(skb, "ICMP header cut short")
    if hook == 0 and track.sysctl.nf_conntrack_checksum and not verify(l3[l4:]):
        return track.invalid(skb, "bad ICMP checksum")
    kind = l3[l4]
    if kind > NR_ICMP_TYPES:
        return track.invalid(skb, f"no ICMP type {kind}")
    if kind not in ERRORS:
        return False
    quoted = tuples.of_quoted(l3, l4 + 8)
    if quoted is None:
        return track.invalid(skb, "the quoted packet is cut short")
    # The quoted packet went the other way, so its inverse is the direction this error travels in.
    inverse = tuples.invert(quoted)
    hit = track.find(inverse) if inverse is not None else None
    if hit is None:
        return track.invalid(skb, f"ICMP error about no connection we know ({tuples.text(quoted)})")
    ct, direction = hit
    expected = ct.reply[2] if direction else ct.orig[2]
    if skb.daddr != expected:
        # Else an error about A→B, sent to anybody, would pass as RELATED.
        return track.invalid(skb, f"ICMP error to {ip_text(skb.daddr)} about a connection of {ip_text(expected)}")
    skb.ct = ct
    skb.ctinfo = CT_RELATED + CT_IS_REPLY if direction else CT_RELATED
    if track.tp.step:
        track.step(skb, f"RELATED to {tuples.text(ct.orig)}")
    return True
