"""`ip -d` and `ip -s`: what a device is made of, and what it counted."""

from __future__ import annotations

from emu.iproute.record import Record
from emu.iproute.vxlan_text import vxlan_record
from emu.net.bridge import Bridge
from emu.net.bridge_port import STATE_NAMES, BridgePort
from emu.net.device import NetDevice
from emu.net.vxlan import Vxlan
from emu.sim import NS_PER_MS
from emu.wire.addr import ZERO_MAC

QUEUES = (
    ("gso_max_size", 65536), ("gso_max_segs", 65535), ("tso_max_size", 524280), ("tso_max_segs", 65535), ("gro_max_size", 65536),
)  # fmt: skip
# Members of a bridge that nothing here changes: key, value, in iproute2's order around those that do.
BRIDGE_MULTICAST = (
    ("mcast_snooping", 1), ("no_linklocal_learn", 0), ("mcast_vlan_snooping", 0), ("mcast_router", 1), ("mcast_query_use_ifaddr", 0), ("mcast_querier", 0),
    ("mcast_hash_elasticity", 16), ("mcast_hash_max", 4096), ("mcast_last_member_cnt", 2), ("mcast_startup_query_cnt", 2), ("mcast_last_member_intvl", 100),
    ("mcast_membership_intvl", 26000), ("mcast_querier_intvl", 25500), ("mcast_query_intvl", 12500), ("mcast_query_response_intvl", 1000),
    ("mcast_startup_query_intvl", 3124), ("mcast_stats_enabled", 0), ("mcast_igmp_version", 2), ("mcast_mld_version", 1), ("nf_call_iptables", 0),
    ("nf_call_ip6tables", 0), ("nf_call_arptables", 0),
)  # fmt: skip
LONG = {"cnt": "count", "intvl": "interval"}


def bridge_id(bridge: Bridge) -> str:
    """`8000.2:0:0:0:0:10`: a bridge has none of its own before it has a MAC by choice or by a port."""
    mac = bridge.mac if bridge.mac_set or bridge.ports else ZERO_MAC
    return f"{bridge.options.get('priority', 32768):04x}." + ":".join(f"{octet:x}" for octet in mac)


def add_details(record: Record, dev: NetDevice, mode: bool) -> None:
    """The rest of the link line, and the lines of the kind and of the master's port."""
    promiscuity = dev.promiscuity
    record.add("promiscuity", promiscuity, f" promiscuity {promiscuity} ")
    allmulti = (dev.port is not None) + dev.attributes.allmulti
    record.add("allmulti", allmulti, f" allmulti {allmulti} ")
    low, high = (0, 0) if dev.kind in ("loopback", "dummy") else (dev.min_mtu, dev.max_mtu)
    record.add("min_mtu", low, f"minmtu {low} ")
    record.add("max_mtu", high, f"maxmtu {high} ")
    if dev.kind in ("veth", "bridge", "vxlan", "dummy"):
        _kind(record, dev)
    if mode:
        record.add("inet6_addr_gen_mode", "eui64", "addrgenmode eui64 ")
    queues = 2 if dev.kind == "veth" else 1
    record.add("num_tx_queues", queues, f"numtxqueues {queues} ")
    record.add("num_rx_queues", queues, f"numrxqueues {queues} ")
    for key, value in QUEUES:
        if key == "tso_max_size" and ((isinstance(dev, Vxlan) and dev.lower is None) or (isinstance(dev, Bridge) and not dev.ports)):
            value = 65536
        record.add(key, value, f"{key} {value} ")


def _kind(record: Record, dev: NetDevice) -> None:
    info = Record()
    info.add("info_kind", dev.kind, f"\n    {dev.kind} ")
    if isinstance(dev, Bridge):
        data = _bridge(dev)
        info.add("info_data", data.data, data.text)
    elif isinstance(dev, Vxlan):
        data = vxlan_record(dev)
        info.add("info_data", data.data, data.text)
    if isinstance(dev.port, BridgePort):
        info.add("info_slave_kind", "bridge", "\n    bridge_slave ")
        data = _port(dev.port)
        info.add("info_slave_data", data.data, data.text)
    record.add("linkinfo", info.data, info.text)


def _bridge(bridge: Bridge) -> Record:
    record = Record()
    ageing = bridge.fdb.ageing_ns // (10 * NS_PER_MS)
    numbers = (
        ("forward_delay", 1500), ("hello_time", 200), ("max_age", 2000), ("ageing_time", ageing), ("stp_state", 0), ("priority", 32768),
        ("vlan_filtering", 0),
    )  # fmt: skip
    for key, value in numbers:
        value = bridge.options.get(key, value)
        record.add(key, value, f"{key} {value} ")
    record.add("bridge_id", bridge_id(bridge), f"bridge_id {bridge_id(bridge)} ")
    record.add("root_id", bridge_id(bridge), f"designated_root {bridge_id(bridge)} ")
    for key in ("root_port", "root_path_cost", "topology_change", "topology_change_detected"):
        record.add(key, 0, f"{key} 0 ")
    for key in ("hello_timer", "tcn_timer", "topology_change_timer", "gc_timer"):
        record.add(key, 0.0, f"{key}    0.00 ")
    mask = f"{bridge.group_fwd_mask:#x}" if bridge.group_fwd_mask else "0"
    record.add("group_fwd_mask", mask, f"group_fwd_mask {mask} ")
    record.add("group_addr", "01:80:c2:00:00:00", "group_address 01:80:c2:00:00:00 ")
    for key, number in BRIDGE_MULTICAST:
        head, _, last = key.rpartition("_")
        word = f"{head}_{LONG[last]}" if last in LONG else key
        number = bridge.options.get(word, number)
        record.add(key, number, f"{word} {number} ")
    return record


def _port(port: BridgePort) -> Record:
    record = Record()

    def switch(key: str, on: bool, name: str = "") -> None:
        record.add(key, on, f"{name or key} {'on' if on else 'off'} ")

    record.add("state", STATE_NAMES[port.state], f"state {STATE_NAMES[port.state]} ")
    record.add("priority", port.priority, f"priority {port.priority} ")
    record.add("cost", port.cost, f"cost {port.cost} ")
    switch("hairpin", port.hairpin)
    for key in ("guard", "root_block", "fastleave"):
        switch(key, False)
    switch("learning", port.learning)
    switch("flood", port.flood)
    number = port.number
    identity = port.priority << 10 | number
    record.add("id", f"{identity:#x}", f"port_id {identity:#x} ")
    record.add("no", f"{number:#x}", f"port_no {number:#x} ")
    record.add("designated_port", identity, f"designated_port {identity} ")
    record.add("designated_cost", 0, "designated_cost 0 ")
    record.add("bridge_id", bridge_id(port.bridge), f"designated_bridge {bridge_id(port.bridge)} ")
    record.add("root_id", bridge_id(port.bridge), f"designated_root {bridge_id(port.bridge)} ")
    for key in ("hold_timer", "message_age_timer", "forward_delay_timer"):
        record.add(key, 0.0, f"{key}    0.00 ")
    record.add("topology_change_ack", 0, "topology_change_ack 0 ")
    record.add("config_pending", 0, "config_pending 0 ")
    switch("proxy_arp", False)
    switch("proxy_arp_wifi", False)
    record.add("multicast_router", 1, "mcast_router 1 ")
    record.say("mcast_fast_leave off ")
    switch("mcast_flood", port.mcast_flood)
    switch("bcast_flood", port.bcast_flood)
    switch("mcast_to_unicast", False)
    switch("neigh_suppress", False)
    record.add("group_fwd_mask", "0", "group_fwd_mask 0 ")
    record.add("group_fwd_mask_str", "0x0", "group_fwd_mask_str 0x0 ")
    switch("vlan_tunnel", False)
    switch("isolated", port.isolated)
    switch("locked", False)
    return record


def add_stats(record: Record, dev: NetDevice, level: int) -> None:
    """`ip -s`: what it counted; twice: the kinds of errors too, of which there are none."""
    has = dev.statistics()
    rx = {"bytes": has["rx_bytes"], "packets": has["rx_packets"], "errors": 0, "dropped": has["rx_dropped"], "over_errors": 0, "multicast": 0}
    tx = {"bytes": has["tx_bytes"], "packets": has["tx_packets"], "errors": 0, "dropped": has["tx_dropped"], "carrier_errors": 0, "collisions": 0}
    widths = [max(width, len(str(a)), len(str(b))) for width, a, b in zip((6, 7, 6, 7, 7, 7), rx.values(), tx.values(), strict=True)]
    text = "    RX: " + _table(("bytes", "packets", "errors", "dropped", "missed", "mcast"), list(rx.values()), widths)
    if level > 1:
        rx |= dict.fromkeys(("length_errors", "crc_errors", "frame_errors", "fifo_errors", "missed_errors"), 0)
        text += "\n    RX errors: " + _table(("length", "crc", "frame", "fifo", "overrun"), [0] * 5, [7, 6, 7, 7, 7])
    text += "\n    TX: " + _table(("bytes", "packets", "errors", "dropped", "carrier", "collsns"), list(tx.values()), widths)
    if level > 1:
        tx |= dict.fromkeys(("aborted_errors", "fifo_errors", "window_errors", "heartbeat_errors"), 0)
        tx["carrier_changes"] = dev.carrier_changes
        text += "\n    TX errors: " + _table(("aborted", "fifo", "window", "heartbt", "transns"), [0] * 4 + [dev.carrier_changes], [7, 6, 7, 7, 7])
    record.add("stats64", {"rx": rx, "tx": tx}, text)


def _table(heads: tuple[str, ...], values: list[int], widths: list[int]) -> str:
    """Two lines of columns (print_stats64); the table of errors has another indent and nothing after its heads."""
    errors = len(heads) == 5
    top = " ".join(f"{head:>{width}}" for head, width in zip(heads, widths, strict=True))
    bottom = " ".join(f"{value:>{width}}" for value, width in zip(values, widths, strict=True))
    return f"{top}{'' if errors else ' ' * 11}\n{' ' * (15 if errors else 8)}{bottom} "
