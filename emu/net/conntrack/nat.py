"""NAT at the hooks (nf_nat_core.c, nf_nat_proto.c, nf_nat_masquerade.c, nf_nat_redirect.c).

The rules of the nat table see only the first packet of a connection. They call `setup`, which writes the translation into the connection;
if they do not, a null binding is made. From then on, also for the answers and for ICMP errors, packets are translated from the connection
alone: destinations in PREROUTING and OUTPUT, sources in INPUT and POSTROUTING.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emu.net import notifier
from emu.net.conntrack import tuples
from emu.net.conntrack.entry import CONFIRMED, DST_NAT, DST_NAT_DONE, SRC_NAT, SRC_NAT_DONE, Entry
from emu.net.conntrack.nat_packet import DST, SRC, icmp_error, nat_packet
from emu.net.conntrack.nat_tuple import PERSISTENT, RANDOM, RANDOM_FULLY, NatRange, unique_tuple
from emu.net.skb import CT_IS_REPLY, CT_NEW, CT_RELATED
from emu.wire.addr import ip_text

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netns import Namespace
    from emu.net.skb import Skb

PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING = range(5)
_SIDE = (DST, SRC, DST, DST, SRC)  # HOOK2MANIP


def hook(ns: Namespace, hooknum: int, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, run_rules: Callable[[], bool] | None) -> bool:
    """NAT's turn at a hook: PREROUTING, INPUT, OUTPUT or POSTROUTING. `run_rules()` runs the nat table's chain for the packet and is called for
    the first packet of a connection only; it says False if a rule dropped the packet (and called `ns.drop`). None: no rules there.
    False: the packet is gone (dropped by a rule, or here with `ns.drop`). True: go on with the packet, perhaps rewritten; in PREROUTING a
    packet with a new destination has lost `skb.dst`, in OUTPUT it is for the caller to route it again.
    """
    ct: Entry | None = skb.ct
    if ct is None:
        return True
    ctinfo = skb.ctinfo
    side = _SIDE[hooknum]
    direction = 1 if ctinfo >= CT_IS_REPLY else 0
    daddr = skb.daddr
    shown = False
    if ctinfo == CT_RELATED or ctinfo == CT_RELATED + CT_IS_REPLY:
        if skb.proto == tuples.IPPROTO_ICMP:
            before = skb.saddr if side == SRC else daddr
            done = icmp_error(skb, ct, direction, side)
            if done is False:
                ns.drop(skb, "NETFILTER_DROP", "NAT: an ICMP error that cannot be translated")
                return False
            if done and ns.tp.step:
                after = skb.daddr if side else skb.saddr
                ns.tp.on_step(ns, skb.id, "nat", f"ICMP error {'to' if side else 'from'} {ip_text(before)} → {ip_text(after)}, and inside")
            if skb.daddr != daddr and hooknum == PREROUTING:
                skb.dst = None
            return True
        first = True
    else:
        first = ctinfo == CT_NEW
    if first:
        done_bit = DST_NAT_DONE if side else SRC_NAT_DONE
        if not ct.status & done_bit:
            shown = True  # `setup` shows what it does
            if run_rules is not None and not run_rules():
                return False
            if skb.ct is not ct:  # a rule untracked it
                return True
            if not ct.status & done_bit and not _null_binding(ns, ct, side):
                ns.drop(skb, "NETFILTER_DROP", "NAT: no free tuple")
                return False
        elif not _same_way_out(ns, hooknum, skb, ct, direction, outdev):
            return False
    elif not _same_way_out(ns, hooknum, skb, ct, direction, outdev):
        return False

    if ns.tp.step and not shown:
        old = _end(skb, side)
        done = nat_packet(skb, ct, direction, side)
        if done:
            # In the direction of the first packet it is the translation itself, in the other one it is taken back.
            name = ("SNAT", "DNAT")[side] if not direction else ("un-DNAT", "un-SNAT")[side]
            ns.tp.on_step(ns, skb.id, "nat", f"{name} {old} → {_end(skb, side)} (conntrack: {tuples.text(ct.orig)})")
    else:
        done = nat_packet(skb, ct, direction, side)
    if done is False:
        ns.drop(skb, "NETFILTER_DROP", "NAT: header cut short")
        return False
    if side and done and hooknum == PREROUTING and skb.daddr != daddr:
        skb.dst = None  # nf_nat_ipv4_pre_routing
    return True


def _end(skb: Skb, side: int) -> str:
    ip, port = (skb.daddr, skb.dport) if side else (skb.saddr, skb.sport)
    if skb.proto == 6 or skb.proto == 17:
        return f"{ip_text(ip)}:{port}"
    return f"{ip_text(ip)} id {skb.sport}" if skb.proto == 1 else ip_text(ip)


def _same_way_out(ns: Namespace, hooknum: int, skb: Skb, ct: Entry, direction: int, outdev: NetDevice | None) -> bool:
    """A masqueraded connection whose route now leaves by another device ends (nf_nat_oif_changed)."""
    if hooknum != POSTROUTING or not ct.masq_index or direction or outdev is None or outdev.ifindex == ct.masq_index:
        return True
    if ct.acct:
        ct.account(skb.ctinfo, len(skb.l3))
    ns.ct.kill(ct)
    ns.drop(skb, "NETFILTER_DROP", f"masqueraded connection would now leave by {outdev.name}: connection deleted")
    return False


# -- setting up -------------------------------------------------------------------------------------------------------------------


def setup(ns: Namespace, skb: Skb, allowed: NatRange, side: int, why: str = "") -> bool:
    """Translate the connection of `skb` on one `side` (SRC or DST) into the range (nf_nat_setup_info); the packet itself is rewritten when the
    rules are done. `why`: who wants it, for the step. Nothing happens if that side is decided already or the connection is not new.
    False: it cannot be (the caller drops). Called by the targets DNAT, SNAT, MASQUERADE (which also sets `ct.masq_index`), REDIRECT.
    """
    ct: Entry | None = skb.ct
    if ct is None:
        return True
    if ct.status & (CONFIRMED | (DST_NAT_DONE if side else SRC_NAT_DONE)):
        return True
    before = tuples.invert(ct.reply)
    if not _setup(ns, ct, allowed, side):
        return False
    if ns.tp.step and before is not None:
        after = tuples.invert(ct.reply) or before
        if after != before:
            text = f"{'DNAT' if side else 'SNAT'} {_tuple_end(before, side)} → {_tuple_end(after, side)}"
            ns.tp.on_step(ns, skb.id, "nat", f"{text} ({why})" if why else text)
    return True


def _tuple_end(tup: tuples.Tuple, side: int) -> str:
    if tup[0] == 6 or tup[0] == 17:
        return f"{ip_text(tup[1 + side])}:{tup[3 + side]}"
    return f"{ip_text(tup[1 + side])} id {tup[3]}" if tup[0] == 1 else ip_text(tup[1 + side])


def _setup(ns: Namespace, ct: Entry, allowed: NatRange, side: int) -> bool:
    current = tuples.invert(ct.reply)
    if current is None:
        return False
    chosen = unique_tuple(ns.ct, ct, current, allowed, side, ns.sim.stream(f"{ns.name}/nat"))
    if chosen != current:
        reply = tuples.invert(chosen)
        if reply is None:
            return False
        ct.reply = reply  # so that the answers are recognised (nf_conntrack_alter_reply)
        ct.nat = None
        ct.status |= DST_NAT if side else SRC_NAT
    ct.status |= DST_NAT_DONE if side else SRC_NAT_DONE
    return True


def _null_binding(ns: Namespace, ct: Entry, side: int) -> bool:
    """No rule wants to translate; yet the tuple must be unique, so that a port may change after all (nf_nat_alloc_null_binding)."""
    ip = ct.reply[1] if side else ct.reply[2]
    return _setup(ns, ct, NatRange(0, ip, ip), side)


# -- what ends masqueraded connections --------------------------------------------------------------------------------------------


def _device_event(device: NetDevice, event: str) -> None:
    """Forget the connections masqueraded behind a device that went down (masq_device_event)."""
    track = device.netns.ct
    if event == notifier.DOWN and track is not None:
        index = device.ifindex
        track.remove_if(lambda ct: ct.masq_index == index)


notifier.register(notifier.BRIDGE + 1, _device_event)


def address_gone(ns: Namespace, device: NetDevice, ip: int) -> None:
    """Forget the connections masqueraded as an address that was removed from a device (masq_inet_event)."""
    if ns.ct is not None:
        index = device.ifindex
        ns.ct.remove_if(lambda ct: ct.masq_index == index and ct.reply[2] == ip)


__all__ = ["DST", "PERSISTENT", "RANDOM", "RANDOM_FULLY", "SRC", "NatRange", "address_gone", "hook", "setup"]
