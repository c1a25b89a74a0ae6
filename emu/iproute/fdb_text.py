"""Forwarding databases as `bridge fdb` prints them, text and JSON from one place (iproute2's bridge/fdb.c)."""

from __future__ import annotations

from emu.iproute.link_text import devices
from emu.iproute.nsid import nsid
from emu.iproute.record import Record
from emu.net.bridge import Bridge
from emu.net.bridge_port import BridgePort
from emu.net.device import NetDevice
from emu.net.fdb import FdbEntry
from emu.net.netns import Namespace
from emu.net.vxlan import Vxlan
from emu.net.vxlan_fdb import Remote
from emu.sim import NS_PER_S
from emu.wire.addr import ip_text, mac_text

# Groups that every device listens to: from its making (IPv6, also where it is disabled), and from its first up (IPv4).
ALL_NODES_6, ALL_HOSTS_4 = "33:33:00:00:00:01", "01:00:5e:00:00:01"
IPV6_MIN_MTU = 1280  # below it IPv6 leaves a device


def state(entry: FdbEntry[BridgePort]) -> str:
    """`permanent`, `static`, or nothing for what ages."""
    return "permanent" if entry.local else "static" if entry.static else ""


def _begin(mac: str, dev: NetDevice, with_dev: bool) -> Record:
    record = Record()
    record.add("mac", mac, mac)
    if with_dev:
        record.add("ifname", dev.name, f" dev {dev.name}")
    return record


def _end(record: Record, flags: list[str], master: Bridge | None, what: str) -> Record:
    record.add("flags", flags, "".join(f" {flag}" for flag in flags))
    if master is not None:
        record.add("master", master.name, f" master {master.name}")
    record.add("state", what, f" {what}\n")
    return record


def entry_record(bridge: Bridge, dev: NetDevice, entry: FdbEntry[BridgePort], with_dev: bool, stats: bool = False) -> Record:
    """An entry of a bridge; `stats`: seconds since it was used and updated."""
    record = _begin(mac_text(entry.mac), dev, with_dev)
    if stats:
        seconds = (dev.netns.sim.now - entry.updated) // NS_PER_S
        record.add("used", seconds, f" used {seconds}/{seconds}")
        record.add("updated", seconds)
    return _end(record, ["sticky"] if entry.sticky else [], bridge, state(entry))


def _group(dev: NetDevice, mac: str, with_dev: bool) -> Record:
    return _end(_begin(mac, dev, with_dev), ["self"], None, "permanent")


def _endpoint(vxlan: Vxlan, mac: bytes, remote: Remote, what: str, with_dev: bool) -> Record:
    record = _begin(mac_text(mac), vxlan, with_dev)
    record.add("dst", ip_text(remote.ip), f" dst {ip_text(remote.ip)}")
    for key, value in (("port", remote.port), ("vni", remote.vni)):
        if value:
            record.add(key, value, f" {key} {value}")
    if remote.dev is not None:
        record.add("viaIf", remote.dev.name, f" via {remote.dev.name}")
    if vxlan.underlay is not vxlan.netns:
        number = nsid(vxlan.netns, vxlan.underlay)
        record.add("linkNetNsId", number, f" link-netnsid {number}")
    return _end(record, ["self"], None, what)


def bridge_of(dev: NetDevice) -> Bridge | None:
    """The bridge that a device is, or is a port of."""
    return dev if isinstance(dev, Bridge) else dev.port.bridge if isinstance(dev.port, BridgePort) else None


def records(ns: Namespace, brport: NetDevice | None, br: Bridge | None, states: tuple[str, ...] | None, stats: bool) -> list[Record]:
    """`bridge fdb show [br BR] [dev DEV] [state ...]`: device by device; newest entry first."""
    found: list[Record] = []
    with_dev = brport is None
    for dev in devices(ns):
        bridge = bridge_of(dev)
        if dev.kind == "loopback" or (brport is not None and dev is not brport) or (br is not None and bridge is not br):
            continue
        port = dev.port if isinstance(dev.port, BridgePort) else None
        own = []
        if bridge is not None:
            entries = [entry for entry in reversed(bridge.fdb.entries.values()) if entry.port is port]
            own = [entry_record(bridge, dev, entry, with_dev, stats) for entry in entries]
        if isinstance(dev, Vxlan):
            table = reversed(dev.fdb.entries.values())
            listens = [_endpoint(dev, entry.mac, remote, entry.state, with_dev) for entry in table for remote in entry.remotes]
        else:
            groups = ([ALL_NODES_6] if dev.mtu >= IPV6_MIN_MTU else []) + ([ALL_HOSTS_4] if dev.up else [])
            listens = [_group(dev, mac, with_dev) for mac in groups]
        found += listens + own if dev is bridge else own + listens
    return [record for record in found if states is None or _in_state(record, states)]


def _in_state(record: Record, states: tuple[str, ...]) -> bool:
    """A tunnel's permanent entries are static too (NUD_PERMANENT and NUD_NOARP)."""
    state = record.data["state"]
    return state in states or (states == ("static",) and state == "permanent" and "dst" in record.data)
