"""Small networks for recordings: hosts on a bridge, hosts at a router."""

from __future__ import annotations

from scapy.layers.inet import IP
from scapy.layers.l2 import Ether

from tests.kernel.lab import Lab

BROADCAST = "ff:ff:ff:ff:ff:ff"


def hosts_on_a_bridge(lab: Lab, names: str = "xyz") -> None:
    """Namespace h with br0 10.9.0.254/24, and hosts 10.9.0.1, .2, ... on its ports px, py, ..."""
    lab.add_netns("h")
    lab.add_bridge("h", "br0")
    lab.set_up("h", "br0")
    lab.add_address("h", "br0", "10.9.0.254/24")
    lab.pin_mac("h", "br0")
    for number, name in enumerate(names, 1):
        lab.add_netns(name)
        lab.add_veth(name, "eth0", "h", f"p{name}")
        lab.set_master("h", f"p{name}", "br0")
        lab.set_up("h", f"p{name}")
        lab.add_address(name, "eth0", f"10.9.0.{number}/24")
        lab.set_up(name, "eth0")
        lab.add_route(name, "default", "10.9.0.254")
        lab.wait_forwarding("h", f"p{name}")
    lab.settle()


def hosts_at_a_router(lab: Lab) -> None:
    """a 10.1.0.2 - (ra) r (rb) - 10.2.0.2 b."""
    for name in ("a", "r", "b"):
        lab.add_netns(name)
    for number, name in enumerate(("a", "b"), 1):
        lab.add_veth(name, "eth0", "r", f"r{name}")
        for netns, dev in ((name, "eth0"), ("r", f"r{name}")):  # no refreshes between what is recorded
            lab.sysctl(netns, f"net.ipv4.neigh.{dev}.delay_first_probe_time", 600)
        lab.add_address("r", f"r{name}", f"10.{number}.0.1/24")
        lab.add_address(name, "eth0", f"10.{number}.0.2/24")
        lab.set_up("r", f"r{name}")
        lab.set_up(name, "eth0")
        lab.add_route(name, "default", f"10.{number}.0.1")
    lab.sysctl("r", "net.ipv4.ip_forward", 1)
    lab.settle()


def frame_to_router(lab: Lab, packet: IP, sender: str = "a") -> bytes:
    """`packet` from a (or b) to the router, as bytes."""
    return bytes(Ether(src=lab.mac(sender, "eth0"), dst=lab.mac("r", f"r{sender}")) / packet)
