"""`ip link`: add, set, delete, show."""

from __future__ import annotations

from emu.iproute import link
from emu.iproute.cmd import link_options as options_of
from emu.iproute.cmd import vxlan_options
from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.iproute.cmd.link_options import Settings
from emu.iproute.cmd.options import Options
from emu.iproute.cmd.words import Words, garbage, matches, pick, twice, wrong
from emu.iproute.link_text import brief_record, devices, link_record
from emu.iproute.record import render
from emu.net.bridge import Bridge
from emu.net.device import NetDevice
from emu.net.netns import Namespace, NetError
from emu.net.vxlan import Vxlan

VERBS = ("add*", "set*", "change*", "replace*", "delete*", "show*", "list*", "lst*", "xstats*", "afstats*", "property*", "help*")
# Kinds that Linux has and the emulator does not.
OTHER_KINDS = (
    "amt", "bareudp", "bond", "bond_slave", "can", "erspan", "geneve", "gre", "gretap", "gtp", "hsr", "ifb", "ip6erspan", "ip6gre",
    "ip6gretap", "ip6tnl", "ipip", "ipoib", "ipvlan", "ipvtap", "lowpan", "macsec", "macvlan", "macvtap", "netdevsim", "nlmon", "rmnet", "sit", "team",
    "vcan", "vlan", "vrf", "vti", "vxcan", "wireguard", "wwan", "xfrm",
)  # fmt: skip


def run(call: Invocation, options: Options, words: Words) -> int:
    """`ip link [show] ...`."""
    word = words.take() if words else "show"
    verb = pick(word, VERBS)
    if verb == "add":
        return _add(call, words)
    if verb in ("set", "change"):
        return _set(call, words)
    if verb == "delete":
        return _delete(call, words)
    if verb in ("show", "list", "lst"):
        return _show(call, options, words)
    if verb is None:
        raise Stop(f'Command "{word}" is unknown, try "ip link help".\n', 255)
    raise not_emulated(f"ip link {verb}", 255)


# -- add --------------------------------------------------------------------------------------------------------------------------


def _add(call: Invocation, words: Words) -> int:
    settings = options_of.parse(call, words, creating=True)
    if not settings.kind:
        raise Stop('Not enough information: "type" argument is required\n', 1)
    target = settings.netns or call.ns
    dev: NetDevice
    if settings.kind == "veth":
        dev = _add_veth(call, target, settings, words)
    elif settings.kind == "bridge":
        changes = options_of.bridge_options(words)
        name = _free_name(target, settings.name or "bridge%d")
        dev = link.add_bridge(target, name, settings.address)
        try:
            options_of.change_bridge(target, name, changes)
        except NetError:
            link.delete(target, name)
            raise
    elif settings.kind == "vxlan":
        dev = vxlan_options.add(call, target, _free_name(target, settings.name or "vxlan%d"), settings.address, words)
    elif settings.kind == "dummy":
        dev = link.add_dummy(target, _free_name(target, settings.name or "dummy%d"), settings.address)
    elif settings.kind in OTHER_KINDS:
        raise not_emulated(f"a device of type {settings.kind}", 2)
    else:
        raise Stop("Error: Unknown device type.\n", 2)
    settings.address, settings.netns, settings.name = None, None, dev.name
    try:
        options_of.apply(target, dev, settings)
    except (NetError, Stop):
        dev.unregister()
        raise
    return 0


def _add_veth(call: Invocation, target: Namespace, settings: Settings, words: Words) -> NetDevice:
    peer = Settings()
    if words:
        word = words.take()
        if not matches(word, "peer"):
            call.out.append("Usage: ip link <options> type veth [peer <options>]\nTo get <options> type 'ip link add help'\n")
            raise Stop("", 1)
        peer = options_of.parse(call, words, creating=True)
        if peer.kind:
            raise twice("type", peer.kind)
        if peer.up:  # it would be opened before it has its other end (veth_newlink)
            raise Stop("RTNETLINK answers: Transport endpoint is not connected\n", 2)
    if any(mtu is not None and not 68 <= mtu <= 65535 for mtu in (settings.mtu, peer.mtu)):
        raise Stop("RTNETLINK answers: Invalid argument\n", 2)
    place = peer.netns or target
    peer.name = _free_name(place, peer.name or "veth%d")
    name = _free_name(target, settings.name or "veth%d", [peer.name] if place is target else [])
    _, other = link.add_veth(target, name, place, peer.name, settings.address, peer.address)
    peer.address = peer.netns = None
    try:
        options_of.apply(place, other, peer)
    except (NetError, Stop):
        other.unregister()
        raise
    return target.device(name)


def _free_name(ns: Namespace, name: str, taken: list[str] | None = None) -> str:
    """dev_alloc_name: `%d` is the first number that makes a free name."""
    if "%d" not in name:
        return name
    number = 0
    while (made := name.replace("%d", str(number), 1)) in ns.devices or made in (taken or []):
        number += 1
    return made


# -- set and delete ---------------------------------------------------------------------------------------------------------------


def _set(call: Invocation, words: Words) -> int:
    settings = options_of.parse(call, words, creating=False)
    if not settings.dev and settings.group is not None:
        group, settings.group = settings.group, None
        for dev in _group(call, group):
            options_of.apply(call.ns, dev, settings)
        return 0
    if not settings.dev:
        raise Stop('Not enough information: "dev" argument is required.\n', 255)
    dev = options_of.device(call.ns, settings.dev)
    if settings.kind == "bridge_slave":
        options_of.change_port(call.ns, dev, options_of.port_options(words))
    elif settings.kind == "bridge":
        changes = options_of.bridge_options(words)
        if not isinstance(dev, Bridge):
            raise Stop("RTNETLINK answers: Operation not supported\n", 2)
        options_of.change_bridge(call.ns, dev.name, changes)
    elif settings.kind == "vxlan" and isinstance(dev, Vxlan):
        vxlan_options.change(call, dev, words)
    elif settings.kind and words:
        raise not_emulated(f"ip link set type {settings.kind}", 2)
    options_of.apply(call.ns, dev, settings)
    return 0


def _delete(call: Invocation, words: Words) -> int:
    settings = options_of.parse(call, words, creating=False)
    if not settings.dev and settings.group is not None:
        doomed = _group(call, settings.group)
        if not doomed:
            raise Stop("RTNETLINK answers: No such device\n", 2)
        for dev in doomed:
            if not dev.dead:  # the other end of a veth that went before
                link.delete(call.ns, dev.name)
        return 0
    if not settings.dev:
        raise Stop('Not enough information: "dev" argument is required.\n', 255)
    link.delete(call.ns, options_of.device(call.ns, settings.dev).name)
    return 0


def _group(call: Invocation, number: int) -> list[NetDevice]:
    return [dev for dev in devices(call.ns) if dev.attributes.group == number]


# -- show -------------------------------------------------------------------------------------------------------------------------


def _show(call: Invocation, options: Options, words: Words) -> int:
    name = master = kind = ""
    up = nomaster = False
    group: int | None = None
    while words:
        word = words.take()
        key = pick(word, ("up", "group", "master", "vrf", "nomaster", "type", "dev"))
        if key == "up":
            up = True
        elif key == "master":
            master = words.take()
            if master not in call.ns.devices:
                raise wrong(master, "Device does not exist\n")
        elif key == "nomaster":
            nomaster = True
        elif key == "type":
            kind = words.take()
        elif key == "group":
            group = options_of.group_number(words.take())
        elif key == "vrf":
            raise not_emulated(f"ip link show {key}", 255)
        else:
            if name:
                raise garbage("dev", word)
            name = words.take() if key == "dev" else word
    if name and name not in call.ns.devices:
        raise Stop(f'Device "{name}" does not exist.\n', 1)
    shown = [
        dev for dev in devices(call.ns)
        if (not name or dev.name == name) and (not up or dev.up) and (not master or (dev.master is not None and dev.master.name == master))
        and not (nomaster and dev.master is not None) and (group is None or dev.attributes.group == group)
        and (not kind or dev.kind == kind or (kind == "bridge_slave" and dev.port is not None))
    ]  # fmt: skip
    if options.brief:
        records = [brief_record(dev) for dev in shown]
    else:
        records = [link_record(dev, details=options.details, stats=options.stats) for dev in shown]
    call.out.append(render(records, bool(options.json), bool(options.pretty), bool(options.oneline)))
    return 0
