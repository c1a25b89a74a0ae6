"""The words of `ip link add` and `ip link set` (iproute2's iplink_parse), and what they do, in the kernel's order (do_setlink)."""

from __future__ import annotations

from typing import Any

from emu.iproute import bridge, link
from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.iproute.cmd.words import Words, garbage, integer, pick, wrong
from emu.net.bridge_port import DISABLED, FORWARDING
from emu.net.device import NetDevice
from emu.net.netns import Namespace

KEYWORDS = (
    "up", "down", "name", "index", "link*", "address*", "broadcast*", "brd", "txqueuelen*", "qlen", "txqlen", "mtu", "netns", "multicast", "allmulticast",
    "promisc", "trailers", "arp", "carrier", "vf", "master*", "vrf", "nomaster*", "dynamic*", "type*", "alias*", "group", "mode", "state",
    "numtxqueues*", "numrxqueues*", "addrgenmode", "link-netns", "link-netnsid", "protodown", "gso_max_size", "gso_max_segs", "gro_max_size",
)  # fmt: skip
# What is taken and changes nothing that an emulated frame could show; one word follows.
IGNORED = ("numtxqueues", "numrxqueues", "addrgenmode", "gso_max_size", "gso_max_segs", "gro_max_size")
# Switches of `ip link set` that are only shown, and those that have one position here.
SWITCHES = {"multicast": "multicast", "allmulticast": "allmulti"}
FIXED = {"dynamic": False, "trailers": True}
# Options of a bridge that have one value here: any other is refused.
BRIDGE_FIXED = {
    "stp_state": 0, "vlan_filtering": 0, "mcast_querier": 0, "mcast_stats_enabled": 0, "vlan_stats_enabled": 0, "no_linklocal_learn": 0,
    "nf_call_iptables": 0, "nf_call_ip6tables": 0, "nf_call_arptables": 0, "mcast_vlan_snooping": 0, "vlan_stats_per_port": 0,
}  # fmt: skip
# Numbers of STP and IGMP, which are off, so that they do nothing. `mcast_snooping` is taken: where nobody joins a group it changes no frame here.
BRIDGE_IDLE = (
    "forward_delay", "hello_time", "max_age", "priority", "mcast_snooping", "mcast_router", "mcast_query_use_ifaddr",
    "mcast_hash_elasticity", "mcast_hash_max", "mcast_last_member_count", "mcast_startup_query_count", "mcast_last_member_interval",
    "mcast_membership_interval", "mcast_querier_interval", "mcast_query_interval", "mcast_query_response_interval", "mcast_startup_query_interval",
    "mcast_igmp_version", "mcast_mld_version",
)  # fmt: skip
PORT_FLAGS = ("hairpin", "learning", "flood", "mcast_flood", "bcast_flood", "isolated")
# Flags of a port that are off here.
PORT_OFF = (
    "guard", "root_block", "fastleave", "proxy_arp", "proxy_arp_wifi", "mcast_to_unicast", "neigh_suppress", "vlan_tunnel", "locked", "mcast_fast_leave",
)  # fmt: skip
PORT_NUMBERS = {"state": 255, "priority": 65535, "cost": 0xFFFFFFFF}
PORT_FIXED = {"mcast_router": 1, "group_fwd_mask": 0}


class Settings:
    """What was asked for; None or empty: not mentioned."""

    def __init__(self) -> None:
        self.dev = self.name = self.kind = ""
        self.netns: Namespace | None = None
        self.address: bytes | None = None
        self.mtu: int | None = None
        self.master: str | None = None  # "": nomaster
        self.up: bool | None = None
        self.promisc: bool | None = None
        self.arp: bool | None = None
        self.carrier: bool | None = None
        self.group: int | None = None
        self.attributes: dict[str, str | int | bool] = {}  # what else LinkAttributes holds


def device(ns: Namespace, name: str, missing: Stop | None = None) -> NetDevice:
    """A device by name, or iproute2's complaint."""
    dev = ns.devices.get(name)
    if dev is None:
        raise missing or Stop(f'Cannot find device "{name}"\n', 1)
    return dev


def group_number(word: str) -> int:
    """A group of devices by name or number (rtnl_group_a2n)."""
    number = 0 if word == "default" else integer(word)
    if number is None or not 0 <= number < 1 << 31:
        raise wrong(word, 'Invalid "group" value\n')
    return number


def parse(call: Invocation, words: Words, creating: bool) -> Settings:
    """Read settings up to the end or past `type KIND`."""
    settings = Settings()
    while words:
        word = words.take()
        key = pick(word, KEYWORDS)
        if key is None:
            if word == "dev":
                word = words.take()
            elif word == "help":
                raise not_emulated("the help text of ip link", 255)
            if settings.dev:
                raise garbage("dev", word)
            settings.dev = _name(word, "dev")
        elif key == "type":
            settings.kind = words.take()
            break
        else:
            _keyword(call, settings, words, key, creating)
    if creating:
        if settings.name and settings.dev:
            raise Stop('both "name" and "dev" cannot be used when creating devices.\n', 255)
        settings.name = settings.name or settings.dev
    if len(settings.name.encode()) >= link.IFNAMSIZ:
        raise Stop("Error: Attribute failed policy validation.\n", 2)
    return settings


def _queue_length(words: Words) -> int:
    word = words.take()
    number = integer(word)
    if number is None or not 0 <= number < 1 << 31:
        raise wrong(word, 'Invalid "txqueuelen" value\n')
    return number


def _name(word: str, key: str) -> str:
    """check_ifname, and check_altifname, which does not mind how long it is."""
    if not word or "/" in word or any(char.isspace() for char in word) or (key == "name" and len(word.encode()) >= link.IFNAMSIZ):
        raise wrong(word, f'"{key}" not a valid ifname')
    return word


def _keyword(call: Invocation, settings: Settings, words: Words, key: str, creating: bool) -> None:
    if key in ("up", "down"):
        settings.up = key == "up"
    elif key == "name":
        settings.name = _name(words.take(), "name")
    elif key == "address":
        settings.address = words.mac()
    elif key == "mtu":
        word = words.take()
        number = integer(word)
        if number is None or not 0 <= number < 1 << 31:
            raise wrong(word, 'Invalid "mtu" value\n')
        settings.mtu = number
    elif key == "netns":
        word = words.take()
        settings.netns = call.machine.netns if word == "1" else call.namespace(word)
        if settings.netns is None:
            raise wrong(word, 'Invalid "netns" value\n')
    elif key == "promisc":
        settings.promisc = words.on_off("promisc")
    elif key == "arp":
        settings.arp = words.on_off("arp")
    elif key == "master":
        settings.master = words.take()
        if settings.master not in call.ns.devices:
            raise wrong(settings.master, "Device does not exist\n")
    elif key == "nomaster":
        settings.master = ""
    elif key in SWITCHES:
        settings.attributes[SWITCHES[key]] = words.on_off(key)
    elif key in FIXED:
        if words.on_off(key) != FIXED[key]:
            raise not_emulated(f"ip link set {key} {'off' if FIXED[key] else 'on'}", 2)
    elif key == "carrier":
        settings.carrier = words.on_off(key)
    elif key == "alias":
        settings.attributes["alias"] = words.take()
    elif key in ("txqueuelen", "qlen", "txqlen"):
        settings.attributes["txqlen"] = _queue_length(words)
    elif key == "group":
        settings.group = group_number(words.take())
    elif key in ("broadcast", "brd") and words and words.peek().lower() == "ff:ff:ff:ff:ff:ff":
        words.take()
    elif key == "mode":
        if (word := words.take()) not in ("default", "dormant"):
            raise wrong(word, "Invalid link mode\n")
        if word == "dormant":
            raise not_emulated("ip link set mode dormant", 2)
    elif key == "index" and not creating:
        raise Stop("index can be used only when creating devices or when moving device to another netns.\n", 255)
    elif key in IGNORED:
        words.take()
    else:
        raise not_emulated(f"ip link {'add' if creating else 'set'} {key}", 2)


def apply(ns: Namespace, dev: NetDevice, settings: Settings) -> None:
    """do_setlink: the namespace first, then MAC, MTU, group, name, alias, master, flags, carrier; what was done before a refusal stays done."""
    if settings.netns is not None:
        link.move(ns, dev.name, settings.netns)
        ns = settings.netns
    if settings.address is not None:
        link.set_address(ns, dev.name, settings.address)
    if settings.mtu is not None:
        link.set_mtu(ns, dev.name, settings.mtu)
    if settings.group is not None:
        link.set_attribute(ns, dev.name, "group", settings.group)
    if settings.name and settings.name != dev.name:
        link.rename(ns, dev.name, settings.name)
    for key, value in settings.attributes.items():
        link.set_attribute(ns, dev.name, key, value)
    if settings.master is not None:
        link.set_master(ns, dev.name, settings.master or None)
    if settings.promisc is not None:
        link.set_promisc(ns, dev.name, settings.promisc)
    if settings.arp is not None:
        link.set_arp(ns, dev.name, settings.arp)
    if settings.up is not None:
        (link.set_up if settings.up else link.set_down)(ns, dev.name)
    if settings.carrier is not None:
        if dev.kind == "dummy":
            raise not_emulated("ip link set carrier on a dummy device", 2)
        raise Stop("RTNETLINK answers: Operation not supported\n", 2)


# -- what `type` takes ------------------------------------------------------------------------------------------------------------


def bridge_options(words: Words) -> dict[str, int]:
    """`type bridge ageing_time 30000 ...`: what to change."""
    changes: dict[str, int] = {}
    while words:
        word = words.take()
        if word == "fdb_flush":
            changes[word] = 1
        elif word in ("vlan_protocol", "vlan_default_pvid"):  # of VLAN filtering, which is off
            words.take()
        elif word == "group_address":
            raise not_emulated(f"type bridge {word}", 2)
        elif word not in ("ageing_time", "group_fwd_mask", "fdb_max_learned", *BRIDGE_FIXED, *BRIDGE_IDLE):
            raise Stop(f'bridge: unknown command "{word}"?\n', 1)
        else:
            key = word
            value = words.number(f"invalid {key}", 0, 65535 if key in ("priority", "group_fwd_mask") else 0xFFFFFFFF)
            if value != BRIDGE_FIXED.get(key, value):
                raise not_emulated(f"type bridge {key} {value}", 2)
            if key not in BRIDGE_FIXED:
                changes[key] = value
    return changes


def change_bridge(ns: Namespace, name: str, changes: dict[str, int]) -> None:
    """Change a bridge's own options."""
    for key, value in changes.items():
        if key == "ageing_time":
            bridge.set_ageing_time(ns, name, value / 100)
        elif key == "group_fwd_mask":
            bridge.set_group_fwd_mask(ns, name, value)
        elif key == "fdb_max_learned":
            bridge.set_fdb_max_learned(ns, name, value)
        elif key == "fdb_flush":
            bridge.fdb_flush(ns, name)
        else:
            bridge.set_option(ns, name, key, value)


def port_options(words: Words) -> dict[str, int]:
    """`type bridge_slave hairpin on ...`: what to change."""
    changes: dict[str, int] = {}
    while words:
        word = words.take()
        if word in PORT_FLAGS:
            changes[word] = words.one_of_on_off(word, 1)
        elif word in PORT_OFF:
            if words.one_of_on_off(word, 1):
                raise not_emulated(f"type bridge_slave {word} on", 2)
        elif word in PORT_NUMBERS:
            changes[word] = words.number(f"{word} is invalid", 0, PORT_NUMBERS[word])
        elif word in PORT_FIXED:
            if (number := words.number(f"invalid {word}", 0, 65535)) != PORT_FIXED[word]:
                raise not_emulated(f"type bridge_slave {word} {number}", 2)
        elif word == "fdb_flush":
            changes[word] = True
        elif word in ("backup_port", "nobackup_port"):
            raise not_emulated(f"type bridge_slave {word}", 2)
        else:
            raise Stop(f'bridge_slave: unknown option "{word}"?\n', 1)
    return changes


def change_port(ns: Namespace, dev: NetDevice, changes: dict[str, Any]) -> None:
    """Change the flags and numbers of a port."""
    flush = changes.pop("fdb_flush", False)
    if changes.get("state") == DISABLED and dev.running:
        changes["state"] = FORWARDING  # the change itself makes the bridge look at the port again (br_port_carrier_check)
    bridge.link_set(ns, dev.name, **changes)
    if flush:
        bridge.fdb_flush_port(ns, dev.name)
