"""A bridge's ports, MAC, MTU, carrier: what changes when ports come, go, and go up and down (net/bridge/br_if.c, br_stp.c, br_stp_if.c, br.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net import notifier
from emu.net.bridge import Bridge
from emu.net.bridge_port import BLOCKING, DISABLED, FORWARDING, BridgePort
from emu.net.fdb import Fdb, FdbEntry
from emu.wire.addr import ZERO_MAC

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netns import Namespace

MAX_PORTS = 1023  # BR_MAX_PORTS: port numbers have ten bits


def add_bridge(ns: Namespace, name: str, mac: bytes, chosen: bool = False) -> Bridge:
    """A bridge in this namespace, down and without ports. `chosen`: a user gave the MAC, so it stays whatever ports come."""
    bridge = Bridge(name, mac)
    bridge.mac_set = chosen
    if chosen:
        bridge.carrier, bridge.carrier_changes, bridge.operstate = False, 1, "DOWN"  # the MAC was changed, see _select_carrier

    def changed() -> None:
        bridge.netns.generation += 1

    bridge.fdb = Fdb(ns.sim, changed)
    ns.add_device(bridge)
    bridge.fdb.add_local(mac, None)
    notifier.call(bridge, notifier.REGISTER)
    return bridge


# -- ports ------------------------------------------------------------------------------------------------------------------------


def add_port(bridge: Bridge, dev: NetDevice) -> BridgePort | None:
    """Enslave a device (br_add_if). None if the bridge has all the ports it can have; the caller checked everything else."""
    used = [port.number for port in bridge.ports]
    number = len(used) + 1
    if number in used or number > MAX_PORTS:
        taken = dict.fromkeys(used)
        number = next((n for n in range(1, MAX_PORTS + 1) if n not in taken), 0)
        if number == 0:
            return None
    port = BridgePort(bridge, dev, number)
    dev.master, dev.port = bridge, port
    dev.promiscuity += 1  # a port hears every frame
    bridge.ports.insert(0, port)  # list_add_rcu puts it at the head, and flooding walks from there
    bridge.fdb.add_local(dev.mac, port)
    recalculate_mac(bridge)
    if bridge.up and _oper_up(dev):
        _enable(port)
    _adjust_mtu(bridge)
    bridge.netns.generation += 1
    return port


def del_port(port: BridgePort) -> None:
    """Release a device (br_del_if)."""
    bridge, dev = port.bridge, port.dev
    _disable(port)
    bridge.ports.remove(port)
    for entry in list(bridge.fdb.entries.values()):
        if entry.port is port:
            if entry.local:
                _delete_local(bridge, port, entry)
            else:
                bridge.fdb.delete(entry)
    dev.master = dev.port = None
    dev.promiscuity -= 1
    recalculate_mac(bridge)
    _adjust_mtu(bridge)
    bridge.netns.generation += 1


def _oper_up(dev: NetDevice) -> bool:
    return dev.up and dev.carrier and not dev.linkwatch_pending


def _enable(port: BridgePort) -> None:
    """Without STP a port that comes up forwards at once (br_stp_enable_port, br_make_forwarding)."""
    if port.state == DISABLED:
        port.state = FORWARDING
        port.bridge.netns.generation += 1
        port.bridge.set_carrier(True)


def _disable(port: BridgePort) -> None:
    """Nothing passes, and what was learned is forgotten (br_stp_disable_port)."""
    if port.state == DISABLED:
        return
    bridge = port.bridge
    port.state = DISABLED
    bridge.netns.generation += 1
    bridge.fdb.flush_port(port)
    _select_carrier(bridge)


def set_state(port: BridgePort, state: int) -> None:
    """A user says so (br_set_port_state). Without STP a blocking port is made forwarding at once (br_port_state_selection)."""
    bridge = port.bridge
    port.state = FORWARDING if state == BLOCKING else state
    bridge.netns.generation += 1
    _select_carrier(bridge)


def _select_carrier(bridge: Bridge) -> None:
    """A bridge has carrier while a port forwards (br_port_state_selection); a new one has it until its MAC or a port changes for the first time."""
    bridge.set_carrier(any(port.state == FORWARDING for port in bridge.ports))


# -- MAC and MTU ------------------------------------------------------------------------------------------------------------------


def recalculate_mac(bridge: Bridge) -> None:
    """A bridge whose MAC nobody chose takes the lowest of its ports' (br_stp_recalculate_bridge_id); without ports it has none."""
    if bridge.mac_set:
        return
    lowest = min((port.dev.mac for port in bridge.ports), default=ZERO_MAC)
    if lowest != bridge.mac:
        change_mac(bridge, lowest)


def change_mac(bridge: Bridge, mac: bytes, chosen: bool = False) -> None:
    """Give the bridge another MAC (br_set_mac_address, br_stp_change_bridge_id)."""
    if mac == bridge.mac:
        bridge.set_mac(mac, chosen)
        return
    old = bridge.fdb.entries.get(bridge.mac)
    if old is not None and old.local and old.port is None and not old.added_by_user:
        _delete_local(bridge, None, old)
    bridge.set_mac(mac, chosen)
    bridge.fdb.add_local(mac, None)
    _select_carrier(bridge)


def _delete_local(bridge: Bridge, port: BridgePort | None, entry: FdbEntry[BridgePort]) -> None:
    """An address of `port` (None: of the bridge) is no longer its own; it stays local for another port or the bridge that has it too (fdb_delete_local)."""
    for other in bridge.ports:
        if other is not port and other.dev.mac == entry.mac:
            entry.port = other
            entry.added_by_user = False
            return
    if port is not None and bridge.mac == entry.mac:
        entry.port = None
        entry.added_by_user = False
        return
    bridge.fdb.delete(entry)


def _adjust_mtu(bridge: Bridge) -> None:
    """Follow the smallest MTU of the ports unless a user chose one (br_mtu_auto_adjust)."""
    if not bridge.mtu_set:
        bridge.set_mtu(min((port.dev.mtu for port in bridge.ports), default=1500))


# -- device events ----------------------------------------------------------------------------------------------------------------


def device_event(dev: NetDevice, event: str) -> None:
    """br_device_event, and the bridge's own ndo_open, ndo_stop and ndo_uninit."""
    if isinstance(dev, Bridge):
        _bridge_event(dev, event)
    port = dev.port
    if not isinstance(port, BridgePort):
        return
    bridge = port.bridge
    if event == notifier.CHANGE:  # br_port_carrier_check
        if bridge.up and _oper_up(dev):
            _enable(port)
        elif not _oper_up(dev):
            _disable(port)
    elif event == notifier.UP:
        if bridge.up and _oper_up(dev):
            _enable(port)
    elif event == notifier.DOWN:
        _disable(port)
    elif event == notifier.CHANGEADDR:
        _port_mac_changed(port)
    elif event == notifier.CHANGEMTU:
        _adjust_mtu(bridge)
    elif event == notifier.UNREGISTER:
        del_port(port)


def _port_mac_changed(port: BridgePort) -> None:
    """br_fdb_changeaddr: the local entry moves to the new MAC."""
    bridge = port.bridge
    for entry in list(bridge.fdb.entries.values()):
        if entry.port is port and entry.local and not entry.added_by_user:
            _delete_local(bridge, port, entry)
    bridge.fdb.add_local(port.dev.mac, port)
    recalculate_mac(bridge)


def _bridge_event(bridge: Bridge, event: str) -> None:
    if event == notifier.UP:  # br_stp_enable_bridge
        for port in bridge.ports:
            if _oper_up(port.dev):
                _enable(port)
    elif event == notifier.DOWN:  # br_stp_disable_bridge
        for port in bridge.ports:
            _disable(port)
    elif event == notifier.UNREGISTER:  # br_dev_delete
        for port in list(bridge.ports):
            del_port(port)
        bridge.fdb.stop()


notifier.register(notifier.BRIDGE, device_event)
