"""Devices as `ip link` and `ip addr` print them (iproute2's print_linkinfo), text and JSON from one place."""

from __future__ import annotations

from emu.iproute.link_details import add_details, add_stats
from emu.iproute.nsid import link_netns, nsid
from emu.iproute.record import Record
from emu.net.device import NetDevice
from emu.net.netns import Namespace
from emu.net.veth import Veth
from emu.net.vxlan import Vxlan
from emu.wire.addr import mac_text


def flags(dev: NetDevice) -> list[str]:
    """The words between `<` and `>` (print_link_flags)."""
    loopback = dev.kind == "loopback"
    words = [] if dev.carrier or not dev.up else ["NO-CARRIER"]
    words += ["LOOPBACK"] if loopback else ["BROADCAST"]
    multicast = dev.attributes.multicast
    words += ["MULTICAST"] if (multicast if multicast is not None else dev.kind not in ("loopback", "dummy")) else []
    words += ["ALLMULTI"] if dev.attributes.allmulti else []
    words += ["NOARP"] if not dev.arp else []
    words += ["PROMISC"] if dev.promisc else []
    words += ["UP"] if dev.up else []
    words += ["LOWER_UP"] if dev.up and dev.carrier else []
    peer = peer_of(dev)
    if peer is not None and peer.netns is dev.netns and not peer.up:
        words.append("M-DOWN")
    return words


def devices(ns: Namespace) -> list[NetDevice]:
    """Those of a namespace in the order in which they are listed: by index."""
    return [ns.by_index[index] for index in sorted(ns.by_index)]


def peer_of(dev: NetDevice) -> Veth | None:
    """The other end of a veth."""
    return dev.peer if isinstance(dev, Veth) else None


def operstate(dev: NetDevice) -> str:
    """`state ...`: DOWN unless the device is up."""
    return dev.operstate if dev.up else "DOWN"


def _name(record: Record, dev: NetDevice) -> str:
    """`v0@v1`, `v0@if3`."""
    peer = peer_of(dev)
    if peer is None and isinstance(dev, Vxlan) and dev.underlay is not dev.netns:
        record.add("link_index", dev.ifindex)
        record.add("ifname", dev.name)
        return f"{dev.name}@if{dev.ifindex}"
    if peer is None:
        record.add("ifname", dev.name)
        return dev.name
    if peer.netns is dev.netns:
        record.add("link", peer.name)
    else:
        record.add("link_index", peer.ifindex)
    record.add("ifname", dev.name)
    return f"{dev.name}@{peer.name if peer.netns is dev.netns else f'if{peer.ifindex}'}"


def link_record(dev: NetDevice, *, mode: bool = True, link_line: bool = True, details: int = 0, stats: int = 0) -> Record:
    """One device. `mode`: with the link mode (`ip link` shows it, `ip addr` does not). `link_line`: with its MAC and what follows."""
    record = Record()
    record.add("ifindex", dev.ifindex, f"{dev.ifindex}: ")
    record.say(f"{_name(record, dev)}: ")
    words = flags(dev)
    record.add("flags", words, f"<{','.join(words)}> ")
    record.add("mtu", dev.mtu, f"mtu {dev.mtu} ")
    qdisc = "noqueue" if dev.up or dev.was_up else "noop"
    record.add("qdisc", qdisc, f"qdisc {qdisc} ")
    if dev.master is not None:
        record.add("master", dev.master.name, f"master {dev.master.name} ")
    record.add("operstate", operstate(dev), f"state {operstate(dev)} ")
    if mode:
        record.add("linkmode", "DEFAULT", "mode DEFAULT ")
    attributes = dev.attributes
    group = str(attributes.group or "default")
    record.add("group", group, f"group {group} ")
    if attributes.txqlen:
        record.add("txqlen", attributes.txqlen, f"qlen {attributes.txqlen}")
    if link_line:
        _link_line(record, dev)
        if details:
            add_details(record, dev, mode)
        if attributes.alias and mode:
            record.add("ifalias", attributes.alias, f"\n    alias {attributes.alias}")
        if stats:
            record.say("\n")
            add_stats(record, dev, stats)
    record.say("\n")
    return record


def _link_line(record: Record, dev: NetDevice) -> None:
    loopback = dev.kind == "loopback"
    kind = "loopback" if loopback else "ether"
    record.add("link_type", kind, f"\n    link/{kind}")
    record.add("address", mac_text(dev.mac), f" {mac_text(dev.mac)}")
    broadcast = "00:00:00:00:00:00" if loopback else "ff:ff:ff:ff:ff:ff"
    record.add("broadcast", broadcast, f" brd {broadcast}")
    other = link_netns(dev)
    if other is not dev.netns:
        number = nsid(dev.netns, other)
        named = other.kernel.init_net is not other
        record.add("link_netnsid", number, f" link-netns {other.name}" if named else f" link-netnsid {number}")


def brief_record(dev: NetDevice, *, addr: bool = False) -> Record:
    """`ip -br link`; with `addr` the beginning of a line of `ip -br addr`, without its newline."""
    record = Record()
    record.say(f"{_name(record, dev):<16} ")
    record.add("operstate", operstate(dev), f"{operstate(dev):<14} ")
    if not addr:
        record.add("address", mac_text(dev.mac), f"{mac_text(dev.mac):<17} ")
        words = flags(dev)
        record.add("flags", words, f"<{','.join(words)}> \n")
    return record
