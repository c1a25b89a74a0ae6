"""An emulated world copied to the real kernel: the same namespaces, links, MACs, addresses, routes, sysctls and iptables rules.

Network cards become veth pairs; the switch becomes a namespace `switch` with a bridge.
"""

from __future__ import annotations

from emu.fabric import World
from emu.fabric.switch import SwitchPort
from emu.iproute import addr, iptables, route, sysctl
from emu.net.bridge import Bridge
from emu.net.device import NetDevice
from emu.net.netns import Namespace
from emu.net.nic import Nic
from emu.net.veth import Veth
from tests.kernel.lab import Lab

MACHINE_KEYS = ("net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables", "net.ipv4.conf.all.route_localnet", "net.ipv4.conf.all.rp_filter")
DEVICE_KEYS = ("arp_notify", "route_localnet", "rp_filter", "forwarding", "send_redirects")


def copy(world: World, lab: Lab) -> None:
    """Build `world` as it is now in an empty lab."""
    lab.add_netns("switch")
    lab.add_bridge("switch", "br0")
    for key in ("iptables", "arptables"):
        lab.sysctl("switch", f"net.bridge.bridge-nf-call-{key}", 0)
    lab.set_up("switch", "br0")
    for ns in world.namespaces():
        lab.add_netns(ns.name)
    made: set[int] = set()
    for ns in world.namespaces():
        for dev in ns.devices.values():
            add_device(lab, ns, dev, made)
    for ns in world.namespaces():
        configure(lab, ns)
    for ns in world.namespaces():
        for dev in ns.devices.values():
            if dev.master is not None:
                lab.wait_forwarding(ns.name, dev.name)
            elif isinstance(dev, Nic) and isinstance(dev.peer, SwitchPort):
                lab.wait_forwarding("switch", f"port-{ns.name}")
    lab.settle(1.2)


def add_device(lab: Lab, ns: Namespace, dev: NetDevice, made: set[int]) -> None:
    """The device (with its peer, once), down, with its MAC."""
    if id(dev) in made or dev is ns.lo:
        return
    made.add(id(dev))
    if isinstance(dev, Bridge):
        lab.add_bridge(ns.name, dev.name)
    elif isinstance(dev, (Veth, Nic)):
        peer = dev.peer
        if isinstance(peer, (Veth, Nic)) and not isinstance(peer, SwitchPort):
            made.add(id(peer))
            lab.add_veth(ns.name, dev.name, peer.netns.name, peer.name)
            lab.set_mac(peer.netns.name, peer.name, peer.mac.hex(":"))
        else:
            lab.add_veth(ns.name, dev.name, "switch", f"port-{ns.name}")
            lab.set_master("switch", f"port-{ns.name}", "br0")
            lab.set_up("switch", f"port-{ns.name}")
    else:
        raise NotImplementedError(f"{ns.name}: {dev!r}")
    lab.set_mac(ns.name, dev.name, dev.mac.hex(":"))


def configure(lab: Lab, ns: Namespace) -> None:
    """Everything about a namespace but its devices' existence."""
    for key in MACHINE_KEYS:
        lab.sysctl(ns.name, key, sysctl.get(ns, key))
    for dev in ns.devices.values():
        if dev is ns.lo:
            continue
        for key in DEVICE_KEYS:
            lab.sysctl(ns.name, f"net.ipv4.conf.{dev.name}.{key}", sysctl.get(ns, f"net.ipv4.conf.{dev.name}.{key}"))
        for address in addr.of(ns, dev.name):
            lab.add_address(ns.name, dev.name, address)
        if dev.master is not None:
            lab.set_master(ns.name, dev.name, dev.master.name)
            if dev.port.hairpin:
                lab.set_hairpin(ns.name, dev.name)
        if dev.up:
            lab.set_up(ns.name, dev.name)
    for line in route.show(ns).replace("\n\t", " ").splitlines():  # one with several nexthops takes several lines
        if "proto kernel" not in line:
            lab.run(ns.name, f"ip route add {line}")
    rules = iptables.save(ns)
    if rules:
        lab.restore(ns.name, rules)
