"""ARP for IPv4 over Ethernet (RFC 826, net/ipv4/arp.c): asking, answering, and learning by Linux's rules.

Linux learns less than RFC 826 suggests: a request for one of our addresses makes an entry (STALE) of its sender; anything else only updates an
entry that exists, unless arp_accept says otherwise. A reply makes an entry REACHABLE only if it was sent to us alone.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from emu.net.device import ETH_P_ARP
from emu.net.neigh_entry import REACHABLE, STALE
from emu.net.skb import PACKET_HOST, PACKET_LOOPBACK, PACKET_OTHERHOST, Skb
from emu.sim import NS_PER_MS
from emu.wire.addr import BROADCAST_MAC, ZERO_MAC, ip_text, is_loopback_ip, is_multicast_ip, mac_text

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.neigh_entry import Neigh
    from emu.net.netns import Namespace
    from emu.net.sysctl import NeighParms

REQUEST, REPLY = 1, 2
ARPHRD_ETHER, ARPHRD_IEEE802 = 1, 6
_HEADER = Struct(">HHBBH6sI6sI")
_ETHERTYPE = b"\x08\x06"
RTN_UNICAST, RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST = 1, 2, 3, 5
RT_SCOPE_LINK, RT_SCOPE_HOST = 253, 254
_JIFFY_NS = 10 * NS_PER_MS


# -- sending ----------------------------------------------------------------------------------------------------------------------


def send(ns: Namespace, dev: NetDevice, op: int, sip: int, tip: int, *, eth_dst: bytes = BROADCAST_MAC, tha: bytes = ZERO_MAC) -> None:
    """Send one ARP packet out of `dev` (arp_send). `sip`, `tip`: sender's and target's address; `tha`: the target's MAC as the packet says it."""
    if not dev.arp:
        return
    packet = _HEADER.pack(ARPHRD_ETHER, 0x0800, 6, 4, op, dev.mac, sip, tha, tip)
    skb = ns.born(ETH_P_ARP, packet, eth_dst + dev.mac + _ETHERTYPE)
    skb.dev = dev
    if ns.tp.step:
        if op == REPLY:
            text = f"ARP: {ip_text(sip)} is at {mac_text(dev.mac)}, to {ip_text(tip)}"
        elif sip == tip:
            text = f"gratuitous ARP: {ip_text(sip)} is at {mac_text(dev.mac)}"
        else:
            text = f"ARP: who has {ip_text(tip)}? tell {ip_text(sip)}" + ("" if eth_dst == BROADCAST_MAC else f", asked of {mac_text(eth_dst)} alone")
        ns.tp.on_step(ns, skb.id, "arp", text)
    dev.transmit(skb)


def announce(dev: NetDevice, ip: int) -> None:
    """Tell everybody whose address this is: a request for itself (inetdev_send_gratuitous_arp)."""
    send(dev.netns, dev, REQUEST, ip, ip)


def solicit(ns: Namespace, entry: Neigh, skb: Skb | None, parms: NeighParms) -> None:
    """Ask for the MAC of a neighbour (arp_solicit): the one we know first, then everybody. `skb`: a packet that waits for the answer."""
    from emu.net import addr

    dev, target = entry.dev, entry.ip
    sip = _source(ns, dev, target, skb) or addr.select_source(ns, dev, target, RT_SCOPE_LINK)
    probes = entry.probes - parms.ucast_solicit
    if probes < 0:
        send(ns, dev, REQUEST, sip, target, eth_dst=entry.mac)
    elif probes >= parms.app_solicit:
        send(ns, dev, REQUEST, sip, target)


def _source(ns: Namespace, dev: NetDevice, target: int, skb: Skb | None) -> int:
    """The source of the waiting packet if arp_announce lets it be told, else 0."""
    from emu.net import addr, route

    level = ns.sysctl.conf_max(dev, "arp_announce")
    if skb is None or level >= 2:
        return 0
    saddr = int.from_bytes(skb.l3[12:16], "big")
    if route.addr_type(ns, saddr) != RTN_LOCAL:
        return 0
    if level == 1 and not addr.on_link(dev, target, saddr):
        return 0
    return saddr


def mapped_mac(ns: Namespace, dev: NetDevice, ip: int) -> bytes | None:
    """The MAC that needs no question: of multicast and broadcast addresses, and on devices without ARP (arp_constructor, arp_mc_map)."""
    from emu.net import route

    if is_multicast_ip(ip):
        return b"\x01\x00\x5e" + (ip & 0x7FFFFF).to_bytes(3, "big")
    if not dev.arp or not dev.needs_neighbour:
        return dev.mac
    return BROADCAST_MAC if route.addr_type(ns, ip) == RTN_BROADCAST else None


# -- receiving --------------------------------------------------------------------------------------------------------------------


def rcv(ns: Namespace, skb: Skb) -> None:
    """A frame of ethertype ARP (arp_rcv, arp_process). Consumed whatever it says, dropped if it makes no sense."""
    dev = skb.dev
    assert dev is not None
    if not dev.arp or skb.pkt_type in (PACKET_OTHERHOST, PACKET_LOOPBACK):
        ns.delivered(skb, "ARP for somebody else" if dev.arp else f"{dev.name} does not do ARP")
        return
    packet = skb.l3
    if len(packet) < 28:
        ns.drop(skb, "PKT_TOO_SMALL", f"ARP packet of {len(packet)} bytes, 28 are needed", dev)
        return
    hrd, pro, hln, pln, op, sha, sip, tha, tip = _HEADER.unpack_from(packet)
    if hln != 6 or pln != 4:
        _nonsense(ns, skb, f"address lengths {hln} and {pln} in ARP")
    elif hrd not in (ARPHRD_ETHER, ARPHRD_IEEE802) or pro != 0x0800:
        _nonsense(ns, skb, f"ARP for hardware type {hrd} and protocol 0x{pro:04x}")
    elif op not in (REQUEST, REPLY):
        _nonsense(ns, skb, f"ARP operation {op}")
    elif is_multicast_ip(tip) or (is_loopback_ip(tip) and not ns.sysctl.conf_or(dev, "route_localnet")):
        _nonsense(ns, skb, f"ARP for {ip_text(tip)}")
    elif sip == tip and ns.sysctl.conf_or(dev, "drop_gratuitous_arp"):
        _nonsense(ns, skb, f"gratuitous ARP on {dev.name}, and drop_gratuitous_arp is on")
    else:
        _process(ns, dev, skb, op, sha, sip, tha, tip)


def _nonsense(ns: Namespace, skb: Skb, text: str) -> None:
    ns.drop(skb, "NOT_SPECIFIED", text, skb.dev)


def _process(ns: Namespace, dev: NetDevice, skb: Skb, op: int, sha: bytes, sip: int, tha: bytes, tip: int, *, late: bool = False) -> None:
    """The rest of arp_process. `late`: a request that proxy_delay held back."""
    from emu.net import route

    if op == REQUEST:
        if sip == 0:  # RFC 5227 2.1.1: somebody checks that an address is free
            if route.addr_type(ns, tip) == RTN_LOCAL and not _ignored(ns, dev, sip, tip):
                send(ns, dev, REPLY, tip, sip, eth_dst=sha, tha=sha)
            ns.delivered(skb, f"ARP probe for {ip_text(tip)}")
            return
        if _answered(ns, dev, skb, sha, sip, tip, late):
            return
    elif sip == 0:
        ns.delivered(skb, "ARP reply from 0.0.0.0")
        return
    _learn(ns, dev, skb, op, sha, sip, tha, tip)
    ns.delivered(skb, f"ARP: {ip_text(sip)} is at {mac_text(sha)}" if op == REPLY else f"ARP: not asked for {ip_text(tip)} here")


def _answered(ns: Namespace, dev: NetDevice, skb: Skb, sha: bytes, sip: int, tip: int, late: bool) -> bool:
    """A request from `sip`: answer it if it is for us, or for somebody we stand in for. True: that was all there is to do with it."""
    from emu.net import route

    skb.saddr, skb.daddr, skb.tos, skb.iif = sip, tip, 0, dev
    dst = route.lookup_input(ns, skb)
    if dst.type == RTN_LOCAL:
        if _ignored(ns, dev, sip, tip) or (ns.sysctl.conf_or(dev, "arp_filter") and _filtered(ns, dev, sip, tip)):
            ns.delivered(skb, f"ARP: who has {ip_text(tip)}? not answered on {dev.name} (arp_ignore, arp_filter)")
            return True
        if _event_ns(ns, dev, sip, sha):
            send(ns, dev, REPLY, tip, sip, eth_dst=sha, tha=sha)
        ns.delivered(skb, f"ARP: who has {ip_text(tip)}? answered")
        return True
    if dst.type != RTN_UNICAST or not ns.sysctl.conf(dev).forwarding or not _stands_in(ns, dev, dst.dev, sip, tip):
        return False
    _event_ns(ns, dev, sip, sha)
    delay = ns.sysctl.neigh(dev).proxy_delay
    if late or skb.pkt_type == PACKET_HOST or delay == 0:
        send(ns, dev, REPLY, tip, sip, eth_dst=sha, tha=sha)
        ns.delivered(skb, f"ARP: who has {ip_text(tip)}? answered for it (proxy ARP)")
    elif ns.neigh.proxy_queue > ns.sysctl.neigh(dev).proxy_qlen:
        _nonsense(ns, skb, f"too many requests wait to be answered by proxy on {dev.name}")
    else:
        # pneigh_enqueue: the true owner, if it is there, answers first
        ns.neigh.proxy_queue += 1
        ns.held(skb)
        ns.sim.call_later(ns.sim.stream(f"{ns.name}/neigh").randrange(delay) * _JIFFY_NS, _process_late, ns, dev, skb)
    return True


def _process_late(ns: Namespace, dev: NetDevice, skb: Skb) -> None:
    ns.neigh.proxy_queue -= 1
    ns.released(skb)
    if dev.dead or not dev.up:
        ns.drop(skb, "QUEUE_PURGE", f"{dev.name} went down before the proxy answered", dev)
        return
    op, sha, sip, tha, tip = _HEADER.unpack_from(skb.l3)[4:]
    _process(ns, dev, skb, op, sha, sip, tha, tip, late=True)


def add_proxy(ns: Namespace, dev: NetDevice | None, ip: int) -> None:
    """Answer ARP for that address on that device, or on all (`ip neigh add proxy`)."""
    if ns.neigh.proxies is None:
        ns.neigh.proxies = {}
    if ip not in ns.neigh.proxies:  # for all devices already
        ns.neigh.proxies[_proxy_key(dev, ip)] = None


def delete_proxy(ns: Namespace, dev: NetDevice | None, ip: int) -> bool:
    """Answer no more. False if it was not so."""
    proxies: dict[int, None] | None = ns.neigh.proxies
    return proxies is not None and proxies.pop(_proxy_key(dev, ip), False) is None


def _proxy_key(dev: NetDevice | None, ip: int) -> int:
    return (dev.ifindex if dev is not None else 0) << 32 | ip


def _stands_in(ns: Namespace, dev: NetDevice, out: NetDevice, sip: int, tip: int) -> bool:
    """Proxy ARP (arp_fwd_proxy, arp_fwd_pvlan, pneigh_lookup)."""
    if out is not dev:
        if ns.sysctl.conf_or(dev, "proxy_arp"):
            medium = ns.sysctl.conf(dev).medium_id
            other = ns.sysctl.conf(out).medium_id
            if medium == 0 or (medium != -1 and other not in (medium, -1)):
                return True
        proxies = ns.neigh.proxies
        return proxies is not None and (dev.ifindex << 32 | tip in proxies or tip in proxies)
    # Private VLAN: answer on the device the target is on, for hosts that may not talk to each other directly (RFC 3069).
    return bool(ns.sysctl.conf(dev).proxy_arp_pvlan) and sip != tip


def _event_ns(ns: Namespace, dev: NetDevice, sip: int, sha: bytes) -> bool:
    """Somebody who asks is there, STALE (neigh_event_ns). False: the table is full."""
    neigh = ns.neigh
    entry = neigh.lookup(dev, sip) or neigh.create(dev, sip)
    if entry is None:
        return False
    neigh.update(entry, sha, STALE, override=True)
    return True


def _learn(ns: Namespace, dev: NetDevice, skb: Skb, op: int, sha: bytes, sip: int, tha: bytes, tip: int) -> None:
    """Update the table from a packet that was not a request for us."""
    from emu.net import route

    neigh = ns.neigh
    entry = neigh.lookup(dev, sip)
    accept = _accepted(ns, dev, sip)
    if entry is None and not accept:
        return
    unicast = route.addr_type(ns, sip) == RTN_UNICAST
    gratuitous = tip == sip and unicast and (op == REQUEST or tha == sha)
    if entry is None and (gratuitous or (op == REPLY and unicast)):
        entry = neigh.create(dev, sip)
    if entry is None:
        return
    # Of several answers the first counts: an entry is locked for a second, except for gratuitous ARP.
    override = gratuitous or ns.sim.now > entry.updated + ns.sysctl.neigh(dev).locktime * _JIFFY_NS
    state = REACHABLE if op == REPLY and skb.pkt_type == PACKET_HOST else STALE
    if ns.tp.step and entry.mac != sha and entry.mac != ZERO_MAC:
        said = f"{ip_text(sip)} moved from {mac_text(entry.mac)} to {mac_text(sha)}"
        ns.tp.on_step(ns, skb.id, "arp", said if override else f"ARP: {said}? ignored, the entry is locked")
    neigh.update(entry, sha, state, override=override)


# -- sysctls that say when to be silent -------------------------------------------------------------------------------------------


def _accepted(ns: Namespace, dev: NetDevice, sip: int) -> bool:
    """arp_accept: 1 for everybody, 2 for addresses of our own subnets."""
    level: int = ns.sysctl.conf_max(dev, "arp_accept")
    return level == 1 or (level == 2 and _confirm_addr(ns, dev, sip, 0, RT_SCOPE_LINK) != 0)


def _ignored(ns: Namespace, dev: NetDevice, sip: int, tip: int) -> bool:
    """arp_ignore: whether to be silent about one of our addresses."""
    level: int = ns.sysctl.conf_max(dev, "arp_ignore")
    if level == 1:  # only if it is an address of this device
        return _confirm_addr(ns, dev, 0, tip, RT_SCOPE_HOST) == 0
    if level == 2:  # and the sender is on its subnet
        return _confirm_addr(ns, dev, sip, tip, RT_SCOPE_HOST) == 0
    if level == 3:  # not for addresses of scope host
        return all(_confirm_addr(ns, other, 0, tip, RT_SCOPE_LINK) == 0 for other in ns.devices.values())
    return level == 8


def _filtered(ns: Namespace, dev: NetDevice, sip: int, tip: int) -> bool:
    """arp_filter: whether we would send to the asker by another device."""
    from emu.net import route

    dst = route.lookup_output(ns, sip, tip)
    return isinstance(dst, int) or dst.dev is not dev


def _confirm_addr(ns: Namespace, dev: NetDevice, dst: int, local: int, scope: int) -> int:
    """confirm_addr_indev: an address of `dev` that is `local` (0: any), in one subnet with `dst` (0: any), of at most this scope; 0 if none is."""
    floor = RT_SCOPE_LINK if ns.sysctl.conf_or(dev, "route_localnet") else RT_SCOPE_HOST
    found, same = 0, False
    for ifa in dev.addresses:
        ifa_scope = min(ifa.scope, floor)
        if not found and local in (ifa.local, 0) and ifa_scope <= scope:
            found = ifa.local
            if same:
                break
        if not same:
            same = not ((local and (local ^ ifa.address) & ifa.mask) or (dst and (dst ^ ifa.address) & ifa.mask))
            if same and found:
                if local or not dst or not (found ^ ifa.address) & ifa.mask:
                    break
                if ifa_scope <= scope:
                    found = ifa.local
                    break
                same = False
    return found if same else 0
