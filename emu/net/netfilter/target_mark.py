"""MARK, CONNMARK, CT --notrack: what netfilter itself keeps about a packet and its connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net.netfilter.rule import CONTINUE, Rule, Target
from emu.net.skb import CT_UNTRACKED

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netfilter.netfilter import Netfilter
    from emu.net.skb import Skb


class SetMark(Target):
    """MARK: `mark = mark & ~mask ^ value`."""

    name = "MARK"
    __slots__ = ("mask", "value")

    def __init__(self, value: int, mask: int) -> None:
        self.value = value
        self.mask = mask

    def run(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter, rule: Rule) -> int:
        skb.mark = (skb.mark & ~self.mask) ^ self.value
        return CONTINUE


class SetConnmark(Target):
    """CONNMARK (connmark_tg). `mode`: set, save (packet to connection) or restore (connection to packet)."""

    name = "CONNMARK"
    needs_ct = True
    cacheable = False
    __slots__ = ("ctmark", "ctmask", "mode", "nfmask")

    def __init__(self, mode: str, ctmark: int = 0, ctmask: int = 0xFFFFFFFF, nfmask: int = 0xFFFFFFFF) -> None:
        self.mode = mode
        self.ctmark = ctmark
        self.ctmask = ctmask
        self.nfmask = nfmask

    def run(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter, rule: Rule) -> int:
        ct = skb.ct
        if ct is None:
            return CONTINUE
        if self.mode == "set":
            ct.mark = (ct.mark & ~self.ctmask) ^ self.ctmark
        elif self.mode == "save":
            ct.mark = (ct.mark & ~self.ctmask) ^ (skb.mark & self.nfmask)
        else:
            skb.mark = (skb.mark & ~self.nfmask) ^ (ct.mark & self.ctmask)
        return CONTINUE


class Notrack(Target):
    """CT --notrack: conntrack leaves this packet alone."""

    tables = ("raw",)
    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name  # CT or NOTRACK, as it was written

    def run(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter, rule: Rule) -> int:
        if skb.ct is None and skb.ctinfo != CT_UNTRACKED:
            skb.ctinfo = CT_UNTRACKED
        return CONTINUE
