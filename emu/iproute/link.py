"""`ip link`: make, change and remove devices. Every function names device and namespace when it refuses, with Linux's errno and words."""

from __future__ import annotations

import shlex

from emu.iproute import link_text
from emu.net import bridge_if, notifier
from emu.net.bridge import Bridge
from emu.net.bridge_port import BridgePort
from emu.net.device import NetDevice, random_mac
from emu.net.dummy import Dummy
from emu.net.netns import Namespace, NetError
from emu.net.veth import Veth, veth_pair
from emu.net.vxlan import DEFAULT_PORT, HEADROOM, Vxlan
from emu.net.vxlan_fdb import AGEING_S, Remote
from emu.sim import NS_PER_S
from emu.trace.points import COMMAND
from emu.wire.addr import ZERO_MAC, ip_int, ip_text, is_multicast_ip, mac_bytes, mac_text

ENOENT, EBUSY, EEXIST, ENODEV, EINVAL, ERANGE, ELOOP, EOPNOTSUPP, EADDRNOTAVAIL = 2, 16, 17, 19, 22, 34, 40, 95, 99
IFNAMSIZ = 16


def _check_name(ns: Namespace, name: str) -> None:
    """dev_valid_name."""
    if not name or len(name.encode()) >= IFNAMSIZ or name in (".", "..") or any(c in "/:" or c.isspace() for c in name):
        raise NetError(EINVAL, f'"{name}" is not a valid device name in {ns.name} (1 to 15 bytes, no "/", ":" or space)')
    if name in ns.devices:
        raise NetError(EEXIST, f'File exists: device "{name}" in {ns.name}')


def _mac(mac: bytes | str, name: str, ns: Namespace) -> bytes:
    """A MAC that a device may have (is_valid_ether_addr)."""
    raw = mac_bytes(mac) if isinstance(mac, str) else mac
    if len(raw) != 6 or raw[0] & 1 or raw == ZERO_MAC:
        raise NetError(EADDRNOTAVAIL, f"Cannot assign requested address: {mac_text(raw)} on {name} in {ns.name} (not a unicast MAC)")
    return raw


def _check_mtu(mtu: int, dev: NetDevice, ns: Namespace) -> None:
    if mtu < dev.min_mtu:
        raise NetError(EINVAL, f"mtu less than device minimum: {mtu} < {dev.min_mtu} on {dev.name} in {ns.name}")
    if mtu > dev.max_mtu:
        raise NetError(EINVAL, f"mtu greater than device maximum: {mtu} > {dev.max_mtu} on {dev.name} in {ns.name}")


def add_veth(
    ns_a: Namespace, name_a: str, ns_b: Namespace, name_b: str, mac_a: bytes | str | None = None, mac_b: bytes | str | None = None, mtu: int = 1500
) -> tuple[Veth, Veth]:
    """A veth pair, both ends down (`ip link add NAME_A netns A type veth peer name NAME_B netns B`). MACs are random unless given."""
    _check_name(ns_a, name_a)
    _check_name(ns_b, name_b)
    if ns_a is ns_b and name_a == name_b:
        raise NetError(EEXIST, f'File exists: device "{name_a}" in {ns_a.name}')
    sim = ns_a.sim
    # The peer is made first (veth_newlink), so it draws its MAC first.
    b = Veth(name_b, random_mac(sim) if mac_b is None else _mac(mac_b, name_b, ns_b), mtu)
    a = Veth(name_a, random_mac(sim) if mac_a is None else _mac(mac_a, name_a, ns_a), mtu)
    a.mac_set, b.mac_set = mac_a is not None, mac_b is not None
    _check_mtu(mtu, a, ns_a)
    ns_b.add_device(b)
    ns_a.add_device(a)
    veth_pair(a, b)
    notifier.call(b, notifier.REGISTER)
    notifier.call(a, notifier.REGISTER)
    if ns_a.tp.journal:
        size = f" mtu {mtu}" if mtu != 1500 else ""
        far = f" netns {ns_b.name}" if ns_b is not ns_a else ""
        made = f"ip link add {name_a} address {mac_text(a.mac)}{size} type veth peer name {name_b}{far} address {mac_text(b.mac)}{size}"
        ns_a.tp.on_journal(COMMAND, ns_a.name, made)
    return a, b


def add_bridge(ns: Namespace, name: str, mac: bytes | str | None = None) -> Bridge:
    """A bridge without ports, down (`ip link add NAME type bridge`). With `mac` it keeps that MAC whatever ports come."""
    _check_name(ns, name)
    chosen = _mac(mac, name, ns) if mac is not None else random_mac(ns.sim)
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip link add {name} address {mac_text(chosen)} type bridge")
    return bridge_if.add_bridge(ns, name, chosen, mac is not None)


def add_dummy(ns: Namespace, name: str, mac: bytes | str | None = None) -> Dummy:
    """A dummy device, down (`ip link add NAME type dummy`)."""
    _check_name(ns, name)
    dev = Dummy(name, random_mac(ns.sim) if mac is None else _mac(mac, name, ns))
    dev.mac_set = mac is not None
    ns.add_device(dev)
    notifier.call(dev, notifier.REGISTER)
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip link add {name} address {mac_text(dev.mac)} type dummy")
    return dev


def add_vxlan(
    ns: Namespace, name: str, vni: int, *, local: str | None = None, dev: str | None = None, remote: str | None = None, dstport: int = DEFAULT_PORT,
    learning: bool = True, ttl: int | str = "auto", tos: int | str = 0, df: str = "unset", udpcsum: bool = True, srcport: tuple[int, int] = (0, 0),
    ageing: int = AGEING_S, mac: bytes | str | None = None, mtu: int = 0, proxy: bool = False, l2miss: bool = False, l3miss: bool = False,
) -> Vxlan:  # fmt: skip
    """A VXLAN device, down (`ip link add NAME type vxlan id VNI ...`). `dev`: the device below; its MTU less 50 is the new one's, and it takes the
    tunnel with it when it goes. `remote`: where frames for unknown MACs go. `ttl`: a number, auto or inherit; `tos`: a number or inherit.
    `proxy`: it answers ARP from its neighbour table."""
    _check_name(ns, name)
    if not 0 <= vni < 1 << 24:
        raise NetError(ERANGE, f"VXLAN ID must be lower than 16777216: {vni} of {name} in {ns.name}")
    if df not in ("unset", "set", "inherit"):
        raise NetError(EINVAL, f'Invalid argument: "{df}" is not unset, set or inherit, for df of {name} in {ns.name}')
    if any(isinstance(other, Vxlan) and (other.vni, other.udp_port) == (vni, dstport) and other.underlay is ns for other in ns.devices.values()):
        raise NetError(EEXIST, f"A VXLAN device with the specified VNI already exists: {vni} on UDP port {dstport} in {ns.name}")
    lower = ns.device(dev) if dev is not None else None
    far = ip_int(remote) if remote is not None else 0
    if is_multicast_ip(far):
        raise NetError(EOPNOTSUPP, f"Operation not supported: {name} in {ns.name}: group {ip_text(far)} (no multicast routing between tunnel endpoints here)")
    size = mtu or (lower.mtu - HEADROOM if lower else 1500)
    vxlan = Vxlan(name, random_mac(ns.sim) if mac is None else _mac(mac, name, ns), ns, vni, size, ageing or AGEING_S)
    vxlan.mac_set = mac is not None
    _check_mtu(vxlan.mtu, vxlan, ns)
    vxlan.local = ip_int(local) if local is not None else 0
    vxlan.lower, vxlan.remote, vxlan.udp_port, vxlan.ports = lower, far, dstport, srcport
    vxlan.learning, vxlan.df, vxlan.csum = learning, df, udpcsum
    vxlan.proxy, vxlan.l2miss, vxlan.l3miss = proxy, l2miss, l3miss
    vxlan.ttl = {"auto": 0, "inherit": -1}[ttl] if isinstance(ttl, str) else ttl
    vxlan.tos = 1 if tos == "inherit" else int(tos)
    ns.add_device(vxlan)
    if far:
        vxlan.fdb.set(ZERO_MAC, Remote(far, dev=lower), "permanent")
    notifier.call(vxlan, notifier.REGISTER)
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, _vxlan_command(vxlan, ttl, tos))
    return vxlan


def _vxlan_command(vxlan: Vxlan, ttl: int | str, tos: int | str) -> str:
    words = f"ip link add {vxlan.name} address {mac_text(vxlan.mac)} mtu {vxlan.mtu} type vxlan id {vxlan.vni}"
    words += f" local {ip_text(vxlan.local)}" if vxlan.local else ""
    words += f" remote {ip_text(vxlan.remote)}" if vxlan.remote else ""
    words += f" dev {vxlan.lower.name}" if vxlan.lower is not None else ""
    words += f" srcport {vxlan.ports[0]} {vxlan.ports[1]}" if vxlan.ports != (0, 0) else ""
    words += f" dstport {vxlan.udp_port} {'' if vxlan.learning else 'no'}learning"
    words += f" ttl {ttl}" if ttl != "auto" else ""
    words += f" tos {tos}" if tos else ""
    words += f" df {vxlan.df}" if vxlan.df != "unset" else ""
    words += "" if vxlan.csum else " noudpcsum"
    words += (" proxy" if vxlan.proxy else "") + (" l2miss" if vxlan.l2miss else "") + (" l3miss" if vxlan.l3miss else "")
    return words + (f" ageing {vxlan.fdb.ageing_ns // NS_PER_S}" if vxlan.fdb.ageing_ns != AGEING_S * NS_PER_S else "")


def change_vxlan(
    ns: Namespace, name: str, *, remote: str | None = None, local: str | None = None, ttl: int | str | None = None, tos: int | str | None = None,
    df: str | None = None, ageing: int | None = None, learning: bool | None = None,
) -> None:  # fmt: skip
    """`ip link set NAME type vxlan ...`: what is None stays (vxlan_changelink). A new `remote` takes the place of the old one for unknown MACs."""
    vxlan = ns.device(name)
    if not isinstance(vxlan, Vxlan):
        raise NetError(EOPNOTSUPP, f"Operation not supported: {name} in {ns.name} is a {vxlan.kind}, not a VXLAN device")
    if remote is not None and ip_int(remote) != vxlan.remote:
        default = vxlan.fdb.entries.get(ZERO_MAC)
        old = [known for known in default.remotes if known.ip == vxlan.remote] if default is not None else []
        new = Remote(ip_int(remote), dev=vxlan.lower)
        if default is None:
            vxlan.fdb.set(ZERO_MAC, new, "permanent")
        else:
            vxlan.fdb.append(default, new)
            for gone in old:
                vxlan.fdb.remove(default, gone)
        vxlan.remote = new.ip
    if local is not None:
        vxlan.local = ip_int(local)
    if ttl is not None:
        vxlan.ttl = {"auto": 0, "inherit": -1}[ttl] if isinstance(ttl, str) else ttl
    if tos is not None:
        vxlan.tos = 1 if tos == "inherit" else int(tos)
    vxlan.df = vxlan.df if df is None else df
    vxlan.learning = vxlan.learning if learning is None else learning
    if ageing is not None:
        vxlan.fdb.set_ageing(ageing or AGEING_S)
    ns.generation += 1
    if ns.tp.journal:
        given = (("remote", remote), ("local", local), ("ttl", ttl), ("tos", tos), ("df", df), ("ageing", ageing))
        words = "".join(f" {word} {value}" for word, value in given if value is not None)
        words += "" if learning is None else " learning" if learning else " nolearning"
        ns.tp.on_journal(COMMAND, ns.name, f"ip link set {name} type vxlan{words}")


def delete(ns: Namespace, name: str) -> None:
    """Remove a device; a veth takes its peer with it, a bridge releases its ports (`ip link delete`)."""
    dev = ns.device(name)
    if dev.kind in ("loopback", "nic"):
        raise NetError(EOPNOTSUPP, f"Operation not supported: {name} in {ns.name} cannot be deleted")
    dev.unregister()
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip link del {name}")


def set_up(ns: Namespace, name: str) -> None:
    """`ip link set NAME up`."""
    ns.device(name).open()
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip link set {name} up")


def set_down(ns: Namespace, name: str) -> None:
    """`ip link set NAME down`: its routes go, its neighbours are forgotten."""
    ns.device(name).close()
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip link set {name} down")


def set_master(ns: Namespace, name: str, bridge: str | None) -> None:
    """`ip link set NAME master BRIDGE`, or `nomaster` with None."""
    dev = ns.device(name)
    if bridge is None:
        if isinstance(dev.port, BridgePort):
            bridge_if.del_port(dev.port)
        if ns.tp.journal:
            ns.tp.on_journal(COMMAND, ns.name, f"ip link set {name} nomaster")
        return
    master = ns.device(bridge)
    if not isinstance(master, Bridge):
        raise NetError(EOPNOTSUPP, f"Operation not supported: {bridge} in {ns.name} is a {master.kind}, not a bridge, and takes no ports")
    if dev.master is master:
        return
    if dev.kind == "loopback":
        raise NetError(EINVAL, f"Invalid argument: {name} in {ns.name} cannot be a port of {bridge}")
    if isinstance(dev, Bridge):
        raise NetError(ELOOP, f"Can not enslave a bridge to a bridge: {name} to {bridge} in {ns.name}")
    if isinstance(dev.port, BridgePort):
        bridge_if.del_port(dev.port)  # do_set_master releases it from the old master first
    if bridge_if.add_port(master, dev) is None:
        raise NetError(EBUSY, f"{bridge} in {ns.name} has {bridge_if.MAX_PORTS} ports already: no room for {name}")
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip link set {name} master {bridge}")


def set_mtu(ns: Namespace, name: str, mtu: int) -> None:
    """`ip link set NAME mtu MTU`."""
    dev = ns.device(name)
    _check_mtu(mtu, dev, ns)
    if isinstance(dev, Bridge):
        dev.mtu_set = True
    if isinstance(dev, Vxlan) and dev.lower is not None and mtu > dev.lower.mtu - HEADROOM:
        raise NetError(EINVAL, f"Invalid argument: mtu {mtu} of {name} in {ns.name}: {dev.lower.mtu} of {dev.lower.name} less {HEADROOM}")
    dev.set_mtu(mtu)
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip link set {name} mtu {mtu}")


def set_address(ns: Namespace, name: str, mac: bytes | str) -> None:
    """`ip link set NAME address MAC`; a bridge keeps it from now on."""
    dev = ns.device(name)
    raw = _mac(mac, name, ns)
    if isinstance(dev, Bridge):
        bridge_if.change_mac(dev, raw, chosen=True)
    else:
        dev.set_mac(raw)
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip link set {name} address {mac_text(raw)}")


def set_promisc(ns: Namespace, name: str, promisc: bool = True) -> None:
    """`ip link set NAME promisc on|off`."""
    dev = ns.device(name)
    if dev.promisc != promisc:
        dev.promisc = promisc
        dev.set_promiscuity(1 if promisc else -1)
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip link set {name} promisc {'on' if promisc else 'off'}")


def set_attribute(ns: Namespace, name: str, key: str, value: str | int | bool) -> None:
    """`ip link set NAME alias|group|txqlen|multicast|allmulti ...`: see LinkAttributes."""
    dev = ns.device(name)
    dev.attributes = dev.attributes.changed(key, value)
    if ns.tp.journal:
        word = {"allmulti": "allmulticast"}.get(key, key)
        shown = shlex.quote(value) if isinstance(value, str) else {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
        ns.tp.on_journal(COMMAND, ns.name, f"ip link set {name} {word} {shown}")


def set_arp(ns: Namespace, name: str, arp: bool = True) -> None:
    """`ip link set NAME arp on|off`: whether the device asks and answers; its neighbours are forgotten (arp_netdev_event)."""
    dev = ns.device(name)
    if dev.arp != arp:
        dev.arp = arp
        ns.neigh.flush(dev)
        ns.generation += 1
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip link set {name} arp {'on' if arp else 'off'}")


def rename(ns: Namespace, name: str, new: str) -> None:
    """`ip link set NAME name NEW`."""
    dev = ns.device(name)
    if new == name:
        return
    _check_name(ns, new)
    del ns.devices[name]
    dev.name = new
    ns.devices[new] = dev
    notifier.call(dev, notifier.CHANGENAME)
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip link set {name} name {new}")


def move(ns: Namespace, name: str, target: Namespace) -> NetDevice:
    """`ip link set NAME netns TARGET`: it arrives down and without addresses; a veth keeps its peer."""
    dev = ns.device(name)
    if isinstance(dev, Bridge) or dev.kind == "loopback":
        raise NetError(EINVAL, f"The interface netns is immutable: {name} in {ns.name}")
    if target is ns:
        return dev
    if name in target.devices:
        raise NetError(EEXIST, f'File exists: device "{name}" in {target.name}')
    dev.leave()
    dev.join(target)
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip link set {name} netns {target.name}")
    return dev


def show(ns: Namespace, name: str | None = None) -> str:
    """`ip link show`: two lines for each device."""
    return "".join(link_text.link_record(dev).text for dev in ([ns.device(name)] if name is not None else link_text.devices(ns)))
