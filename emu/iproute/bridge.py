"""`bridge fdb` and `bridge link`: the forwarding database and the flags of ports; `ip link set BRIDGE type bridge` for the bridge itself."""

from __future__ import annotations

from emu.iproute import fdb_self, fdb_text
from emu.iproute.link_text import devices
from emu.iproute.port_text import port_record
from emu.iproute.record import render
from emu.net import bridge_if
from emu.net.bridge import Bridge
from emu.net.bridge_port import STATE_NAMES, BridgePort
from emu.net.fdb import FdbEntry
from emu.net.netns import Namespace, NetError
from emu.net.vxlan import Vxlan
from emu.sim import NS_PER_MS, NS_PER_S
from emu.trace.points import COMMAND
from emu.wire.addr import ZERO_MAC, mac_bytes, mac_text

ENOENT, EEXIST, EINVAL, ERANGE, EOPNOTSUPP, ENETDOWN = 2, 17, 22, 34, 95, 100


def _port(ns: Namespace, name: str) -> BridgePort:
    dev = ns.device(name)
    if not isinstance(dev.port, BridgePort):
        raise NetError(EOPNOTSUPP, f"Operation not supported: {name} in {ns.name} is not a port of a bridge")
    return dev.port


def _mac(mac: bytes | str, dev: str, ns: Namespace) -> bytes:
    raw = mac_bytes(mac) if isinstance(mac, str) else mac
    if len(raw) != 6 or raw == ZERO_MAC:
        raise NetError(EINVAL, f"Invalid argument: MAC {raw.hex(':')} on {dev} in {ns.name}")
    return raw


def _text(mac: bytes | str) -> str:
    return mac if isinstance(mac, str) else mac_text(mac)


def _place(ns: Namespace, name: str) -> tuple[Bridge, BridgePort | None]:
    """The bridge that an entry of device `name` is in; for the bridge itself there is no port."""
    dev = ns.device(name)
    if isinstance(dev, Bridge):
        return dev, None
    port = _port(ns, name)
    return port.bridge, port


# -- bridge fdb -------------------------------------------------------------------------------------------------------------------


def fdb_add(
    ns: Namespace, mac: bytes | str, dev: str, state: str = "permanent", *, sticky: bool = False, replace: bool = False, append: bool = False,
    self: bool = False, dst: str | None = None, port: int = 0, vni: int = 0, via: str | None = None,
) -> None:  # fmt: skip
    """`bridge fdb add MAC dev DEV master STATE`, or with `replace` `bridge fdb replace`. `permanent`: the bridge's own, frames go up; `static`:
    behind the port and does not age; `dynamic`: behind the port and ages. Raises NetError EEXIST if there is an entry.
    `self`: in the table of a VXLAN device, where `dst` (with `port`, `vni`, `via` DEV) is a tunnel endpoint; `append` gives the default entry
    (MAC 00:00:00:00:00:00) or a group's one more."""
    if state not in ("permanent", "static", "dynamic"):
        raise NetError(EINVAL, f'Invalid argument: "{state}" is not a state of an FDB entry (permanent, static, dynamic), for {dev} in {ns.name}')
    if self:
        verb = "replace" if replace else "append" if append else "add"
        fdb_self.add(ns, mac, dev, dst, verb, state, port, vni, via)
        if ns.tp.journal:
            words = "".join(f" {word} {value}" for word, value in (("dst", dst), ("port", port), ("vni", vni), ("via", via)) if value)
            ns.tp.on_journal(COMMAND, ns.name, f"bridge fdb {verb} {_text(mac)} dev {dev}{words} self {state}")
        return
    bridge, behind = _place(ns, dev)
    raw = _mac(mac, dev, ns)
    if raw in bridge.fdb.entries and not replace:
        raise NetError(EEXIST, f"File exists: {mac_text(raw)} in {bridge.name} in {ns.name}")
    if sticky and (state == "permanent" or behind is None):
        raise NetError(EINVAL, f"Sticky is only for entries of a port that are not permanent: {mac_text(raw)} on {dev} in {ns.name}")
    entry: FdbEntry[BridgePort] = FdbEntry(raw, behind, ns.sim.now, local=state == "permanent" or behind is None, static=state != "dynamic")
    entry.sticky = sticky
    bridge.fdb.add(entry)
    if ns.tp.journal:
        place = f"{'sticky ' if sticky else ''}{'master' if behind is not None else 'self'} {state}"
        ns.tp.on_journal(COMMAND, ns.name, f"bridge fdb {'replace' if replace else 'add'} {_text(mac)} dev {dev} {place}")


def fdb_delete(
    ns: Namespace, mac: bytes | str, dev: str, *, self: bool = False, dst: str | None = None, port: int = 0, vni: int = 0, via: str | None = None
) -> None:
    """`bridge fdb del MAC dev DEV master`, or with `self` of a VXLAN device's table. Raises NetError ENOENT."""
    if self:
        fdb_self.delete(ns, mac, dev, dst, port, vni, via)
        if ns.tp.journal:
            words = "".join(f" {word} {value}" for word, value in (("dst", dst), ("port", port), ("vni", vni), ("via", via)) if value)
            ns.tp.on_journal(COMMAND, ns.name, f"bridge fdb del {_text(mac)} dev {dev}{words} self")
        return
    bridge, behind = _place(ns, dev)
    raw = _mac(mac, dev, ns)
    entry = bridge.fdb.entries.get(raw)
    if entry is None or entry.port is not behind:
        raise NetError(ENOENT, f"No such file or directory: {mac_text(raw)} on {dev} in {ns.name}")
    bridge.fdb.delete(entry)
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"bridge fdb del {_text(mac)} dev {dev} {'master' if behind is not None else 'self'}")


def fdb_flush_all(ns: Namespace, bridge: str) -> None:
    """`bridge fdb flush dev BRIDGE`, or of a VXLAN device: forget everything, also what is permanent or static."""
    dev = ns.device(bridge)
    if isinstance(dev, Vxlan):
        for known in list(dev.fdb.entries.values()):
            dev.fdb.remove(known)
        return
    fdb = _bridge(ns, bridge).fdb
    for entry in list(fdb.entries.values()):
        fdb.delete(entry)


def fdb_flush(ns: Namespace, bridge: str) -> None:
    """`ip link set BRIDGE type bridge fdb_flush`: forget what was learned."""
    fdb = _bridge(ns, bridge).fdb
    for entry in list(fdb.entries.values()):
        if not entry.static:
            fdb.delete(entry)
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip link set {bridge} type bridge fdb_flush")


def fdb_show(ns: Namespace, dev: str | None = None) -> str:
    """`bridge fdb show [dev DEV]`, or of a bridge with all its ports (`br BRIDGE`): newest entry first."""
    device = ns.device(dev) if dev is not None else None
    if isinstance(device, Bridge):
        return render(fdb_text.records(ns, None, device, None, False))
    return render(fdb_text.records(ns, device, None, None, False))


# -- bridge link ------------------------------------------------------------------------------------------------------------------


def link_set(
    ns: Namespace, dev: str, *, hairpin: bool | None = None, learning: bool | None = None, flood: bool | None = None, mcast_flood: bool | None = None,
    bcast_flood: bool | None = None, isolated: bool | None = None, state: int | None = None, cost: int | None = None, priority: int | None = None,
) -> None:  # fmt: skip
    """`bridge link set dev DEV hairpin on ...`: what is None stays. `state`: 0 to 4, see STATE_NAMES. Raises NetError EINVAL, ERANGE, ENETDOWN."""
    port = _port(ns, dev)
    if (cost is not None and not 1 <= cost <= 65535) or (priority is not None and not 0 <= priority < 64):
        raise NetError(ERANGE, f"Numerical result out of range: cost or priority of {dev} in {ns.name}")
    if state is not None:
        if not 0 <= state < len(STATE_NAMES):
            raise NetError(EINVAL, f"Invalid argument: {state} is no state of a port, for {dev} in {ns.name}")
        if state and not port.dev.running:
            raise NetError(ENETDOWN, f"Network is down: {dev} in {ns.name}")
        bridge_if.set_state(port, state)
    port.cost = port.cost if cost is None else cost
    port.priority = port.priority if priority is None else priority
    if hairpin is not None:
        port.hairpin = hairpin
    if learning is not None:
        port.learning = learning
    if flood is not None:
        port.flood = flood
    if mcast_flood is not None:
        port.mcast_flood = mcast_flood
    if bcast_flood is not None:
        port.bcast_flood = bcast_flood
    if isolated is not None:
        port.isolated = isolated
    ns.generation += 1
    if ns.tp.journal:
        given = (
            ("hairpin", hairpin), ("learning", learning), ("flood", flood), ("mcast_flood", mcast_flood), ("bcast_flood", bcast_flood), ("isolated", isolated)
        )  # fmt: skip
        words = "".join(f" {word} {'on' if value else 'off'}" for word, value in given if value is not None)
        ns.tp.on_journal(COMMAND, ns.name, f"bridge link set dev {dev}{words}")


def link_show(ns: Namespace, dev: str | None = None) -> str:
    """`bridge -d link show [dev DEV]`: two lines for each port."""
    shown = [ns.device(dev)] if dev is not None else devices(ns)
    return render([port_record(device, True) for device in shown if isinstance(device.port, BridgePort)])


# -- the bridge itself ------------------------------------------------------------------------------------------------------------


def _bridge(ns: Namespace, name: str) -> Bridge:
    dev = ns.device(name)
    if not isinstance(dev, Bridge):
        raise NetError(EOPNOTSUPP, f"Operation not supported: {name} in {ns.name} is a {dev.kind}, not a bridge")
    return dev


def set_ageing_time(ns: Namespace, bridge: str, seconds: float) -> None:
    """`ip link set BRIDGE type bridge ageing_time N` (there in 1/100 s): learned entries end after it; 0: nothing is learned, all is flooded."""
    if not 0 <= seconds < 1 << 31:
        raise NetError(EINVAL, f"Invalid argument: ageing time of {seconds} s for {bridge} in {ns.name}")
    _bridge(ns, bridge).fdb.set_ageing(round(seconds * NS_PER_S) // (10 * NS_PER_MS) * 10 * NS_PER_MS)
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip link set {bridge} type bridge ageing_time {round(seconds * 100)}")


def set_group_fwd_mask(ns: Namespace, bridge: str, mask: int) -> None:
    """`ip link set BRIDGE type bridge group_fwd_mask MASK`: reserved group addresses 01:80:c2:00:00:0X to bridge (not 0, 1, 2)."""
    if mask & ~0xFFF8 or mask < 0:
        raise NetError(EINVAL, f"Invalid argument: group_fwd_mask {mask:#x} for {bridge} in {ns.name}")
    _bridge(ns, bridge).group_fwd_mask = mask
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip link set {bridge} type bridge group_fwd_mask {mask}")


def set_fdb_max_learned(ns: Namespace, bridge: str, entries: int) -> None:
    """`ip link set BRIDGE type bridge fdb_max_learned N`: no more are learned; 0: no limit."""
    if entries < 0:
        raise NetError(EINVAL, f"Invalid argument: fdb_max_learned {entries} for {bridge} in {ns.name}")
    _bridge(ns, bridge).fdb.max_learned = entries
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip link set {bridge} type bridge fdb_max_learned {entries}")


# What the kernel accepts of a bridge's numbers (br_set_hello_time, br_set_max_age).
RANGES = {"hello_time": (100, 1000), "max_age": (600, 4000)}


def set_option(ns: Namespace, bridge: str, option: str, value: int) -> None:
    """`ip link set BRIDGE type bridge forward_delay N` and its like: numbers of STP and IGMP snooping, which are off."""
    low, high = RANGES.get(option, (0, 1 << 64))
    if not low <= value <= high:
        raise NetError(ERANGE, f"Numerical result out of range: {option} {value} of {bridge} in {ns.name}")
    _bridge(ns, bridge).options[option] = value


def fdb_flush_port(ns: Namespace, dev: str) -> None:
    """`ip link set DEV type bridge_slave fdb_flush`: forget what was learned by a port."""
    port = _port(ns, dev)
    port.bridge.fdb.flush_port(port)
