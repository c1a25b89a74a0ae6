"""`type vxlan proxy`: the tunnel answers ARP itself, from its neighbour table (arp_reduce in drivers/net/vxlan/vxlan_core.c).

No question leaves it then: what its table does not know is not asked for, unless somebody who listens for misses fills the table in.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from emu.net.neigh_entry import CONNECTED
from emu.net.skb import PACKET_HOST, Skb
from emu.wire.addr import ip_text, is_loopback_ip, is_multicast_ip, mac_text

if TYPE_CHECKING:
    from emu.net.vxlan import Vxlan

ETH_P_ARP, REQUEST, REPLY = 0x0806, 1, 2
_ARP = Struct(">HHBBH6sI6sI")


def answer(vxlan: Vxlan, skb: Skb) -> Skb | None:
    """Take the ARP packet that was to be sent; the reply it gets, as it is received, or None."""
    ns = vxlan.netns
    reply = _reply(vxlan, skb.l3) if vxlan.arp and len(skb.l3) >= _ARP.size else None
    ns.delivered(skb, f"{vxlan.name} answers ARP itself" if reply else f"{vxlan.name} answers ARP itself, and has no answer")
    return reply


def _reply(vxlan: Vxlan, l3: bytes) -> Skb | None:
    hrd, pro, hln, pln, op, sha, sip, _tha, tip = _ARP.unpack_from(l3)
    if hrd not in (1, 6) or (pro, hln, pln, op) != (0x0800, 6, 4, REQUEST) or is_loopback_ip(tip) or is_multicast_ip(tip):
        return None
    ns = vxlan.netns
    entry = ns.neigh.lookup(vxlan, tip)
    if entry is None or not entry.state & CONNECTED:
        return None
    known = vxlan.fdb.find(entry.mac)
    if known is not None and known.remotes[0].ip == 0:  # behind this end of the tunnel: it answers for itself
        return None
    reply = ns.born(ETH_P_ARP, _ARP.pack(1, 0x0800, 6, 4, REPLY, entry.mac, tip, sha, sip), sha + entry.mac + b"\x08\x06")
    reply.dev = vxlan
    reply.pkt_type = PACKET_HOST
    if ns.tp.step:
        ns.tp.on_step(ns, reply.id, "arp", f"ARP: {ip_text(tip)} is at {mac_text(entry.mac)}, says {vxlan.name} for it")
    return reply
