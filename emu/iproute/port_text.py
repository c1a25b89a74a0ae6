"""A port of a bridge as `bridge link` prints it."""

from __future__ import annotations

from emu.iproute.link_text import flags, peer_of
from emu.iproute.record import Record
from emu.net.bridge_port import STATE_NAMES
from emu.net.device import NetDevice


def port_record(dev: NetDevice, details: bool) -> Record:
    """One port; `details`: its flags in a second line."""
    record = Record()
    record.add("ifindex", dev.ifindex, f"{dev.ifindex}: ")
    link = _other_end(dev)
    if link:
        record.add("link", link)
    record.add("ifname", dev.name, f"{dev.name}{'@' if link else ''}{link}: ")
    words = [word for word in flags(dev) if word != "M-DOWN"]
    if link and link in dev.netns.devices and not dev.netns.devices[link].up:
        words.append("M-DOWN")
    record.add("flags", words, f"<{','.join(words)}> ")
    record.add("mtu", dev.mtu, f"mtu {dev.mtu} ")
    port = dev.port
    record.add("master", port.bridge.name, f"master {port.bridge.name} ")
    record.add("state", STATE_NAMES[port.state], f"state {STATE_NAMES[port.state]} ")
    record.add("priority", port.priority, f"priority {port.priority} ")
    record.add("cost", port.cost, f"cost {port.cost} \n")
    if details:
        switches = {
            "hairpin": port.hairpin, "guard": False, "root_block": False, "fastleave": False, "learning": port.learning, "flood": port.flood,
            "mcast_flood": port.mcast_flood, "bcast_flood": port.bcast_flood, "mcast_router": 1, "mcast_to_unicast": False, "neigh_suppress": False,
            "vlan_tunnel": False, "isolated": port.isolated, "locked": False,
        }  # fmt: skip
        record.say("    ")
        for key, value in switches.items():
            record.add(key, value, f"{key} {value if key == 'mcast_router' else 'on' if value else 'off'} ")
        record.say("\n")
    return record


def _other_end(dev: NetDevice) -> str:
    """What follows the `@`: `bridge` takes the other end's index for one of this namespace, also when it is in another one."""
    peer = peer_of(dev)
    if peer is None or peer.ifindex == dev.ifindex:
        return ""
    known = dev.netns.by_index.get(peer.ifindex)
    return known.name if known is not None else f"if{peer.ifindex}"
