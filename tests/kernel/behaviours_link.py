"""Recorded: neighbours and links."""

from __future__ import annotations

from collections.abc import Callable
from socket import SOCK_DGRAM

from scapy.layers.l2 import ARP, Ether

from tests.kernel.lab import Lab
from tests.kernel.stories import Recording, closed_tcp
from tests.kernel.topologies import BROADCAST, hosts_on_a_bridge


def arp(lab: Lab) -> Recording:
    hosts_on_a_bridge(lab)
    recording = Recording("who learns what from which ARP frame", lab, [])
    lines: list[str] = []

    def step(title: str, action: Callable[[], object], settle: float = 0.1) -> None:
        recording.part(title, action, settle)
        known = [f"{name} knows {ip} as {lab.macs.get(mac, mac)} {state}" for name in ("x", "y", "z", "h") for ip, mac, state in lab.neighbours(name)]
        lines.append(f"after: {title}")
        lines.extend(f"  {line}" for line in sorted(known))

    def says(operation: int, spa: str, tpa: str, dst: str = BROADCAST, tha: str = "00:00:00:00:00:00") -> Callable[[], None]:
        mac = lab.mac("x", "eth0")
        frame = Ether(src=mac, dst=dst) / ARP(op=operation, hwsrc=mac, psrc=spa, hwdst=tha, pdst=tpa)
        return lambda: lab.inject("x", "eth0", bytes(frame))

    y, z, wrong = lab.mac("y", "eth0"), lab.mac("z", "eth0"), "02:00:00:00:00:99"
    step("x asks for y, z hears it", lambda: lab.ping("x", "10.9.0.2"))
    for title, known, wait in (("stale for long", "stale", 1.2), ("reachable for long", "reachable", 1.2), ("just updated", "reachable", 0.0)):
        lab.set_neighbour("z", "eth0", "10.9.0.1", wrong, known)
        lab.settle(wait)
        step(f"x asks for y, z knows a wrong MAC of x, {title}", says(1, "10.9.0.1", "10.9.0.2"))
    lab.flush_neighbours("z", "eth0")
    step("x announces itself by a request, z does not know it", says(1, "10.9.0.1", "10.9.0.1"))
    lab.set_neighbour("z", "eth0", "10.9.0.1", wrong, "reachable")
    step("x announces itself by a request, z knows a wrong MAC", says(1, "10.9.0.1", "10.9.0.1"))
    lab.set_neighbour("z", "eth0", "10.9.0.1", wrong, "reachable")
    step("x announces itself by a reply, z knows a wrong MAC", says(2, "10.9.0.1", "10.9.0.1", tha=BROADCAST))
    lab.set_neighbour("z", "eth0", "10.9.0.1", lab.mac("x", "eth0"), "stale")
    step("x answers z unasked, z had it stale", says(2, "10.9.0.1", "10.9.0.3", z, z))
    lab.flush_neighbours("z", "eth0")
    step("x answers z unasked, z does not know it", says(2, "10.9.0.1", "10.9.0.3", z, z))
    step("x probes y's address before using it", says(1, "0.0.0.0", "10.9.0.2"))
    step("x asks for y by unicast", says(1, "10.9.0.1", "10.9.0.2", y))
    step("x asks y in a frame to y for z's address", says(1, "10.9.0.1", "10.9.0.3", y))
    step("x asks for an address of another network that nobody has", says(1, "10.9.0.1", "10.77.0.1"))
    lab.add_address("y", "lo", "10.9.0.77/32")
    step("x asks for an address on y's lo", says(1, "10.9.0.1", "10.9.0.77"))
    step("x claims y's address", says(1, "10.9.0.2", "10.9.0.2"))
    step("nobody has 10.9.0.9: x pings it", lambda: lab.ping("x", "10.9.0.9", wait=3.5), 0.3)
    recording.texts.append(("neighbours", "\n".join(lines)))
    return recording


def held_packets(lab: Lab) -> Recording:
    hosts_on_a_bridge(lab, "xy")
    recording = Recording("packets that wait for an ARP reply", lab, [])

    def three_then_an_answer() -> None:
        with lab.socket("x", SOCK_DGRAM) as sender:
            for word in (b"one", b"two", b"three"):
                sender.sendto(word, ("10.9.0.9", 9))
            lab.settle(0.3)
            lab.add_address("y", "eth0", "10.9.0.9/24")
            lab.settle(1.2)

    recording.part("three datagrams, answered at the second request", three_then_an_answer)
    lab.sysctl("x", "net.ipv4.neigh.eth0.retrans_time_ms", 900)  # so that ARP gives up between two retransmissions of the SYN
    recording.part("TCP to nobody", lambda: closed_tcp(lab, "x", ("10.9.0.8", 80), 4.0), 0.3)
    return recording


def neighbour_states(lab: Lab) -> Recording:
    """Sampled six tenths into each second: the kernel's timers are up to some 300 ms late."""
    hosts_on_a_bridge(lab, "xy")
    for name in "xy":  # how long an entry stays reachable is drawn by lot, half to one and a half of this
        lab.sysctl(name, "net.ipv4.neigh.eth0.base_reachable_time_ms", 600_000)
    recording = Recording("the life of a neighbour entry, second by second", lab, [])
    lines: list[str] = []

    def watch(title: str, seconds: int, action: Callable[[], object]) -> None:
        def go() -> None:
            action()
            lab.settle(0.6)
            for second in range(seconds):
                for name, other in (("x", "10.9.0.2"), ("y", "10.9.0.1"), ("x", "10.9.0.9")):
                    lines.extend(f"{title}, {second}.6 s: {name} has {ip} {state}" for ip, _mac, state in lab.neighbours(name) if ip == other)
                lab.settle(1.0)

        recording.part(title, go)

    wrong, right = "02:00:00:00:00:99", lab.mac("y", "eth0")
    watch("x pings y", 7, lambda: lab.ping("x", "10.9.0.2"))
    lab.set_neighbour("x", "eth0", "10.9.0.2", right, "stale")
    watch("stale and right, one datagram", 7, lambda: lab.send_udp("x", ("10.9.0.2", 9), b"x"))
    lab.set_neighbour("x", "eth0", "10.9.0.2", wrong, "stale")
    watch("stale and wrong, one datagram", 9, lambda: lab.send_udp("x", ("10.9.0.2", 9), b"x"))
    watch("the next datagram", 2, lambda: lab.send_udp("x", ("10.9.0.2", 9), b"x"))
    watch("nobody is there", 4, lambda: lab.send_udp("x", ("10.9.0.9", 9), b"x"))
    recording.texts.append(("states", "\n".join(lines)))
    return recording


def links(lab: Lab) -> Recording:
    recording = Recording("links go up and down", lab, [])
    lines: list[str] = []
    lab.add_netns("n")
    lab.add_netns("p")

    def step(title: str, action: Callable[[], object]) -> None:
        recording.part(title, action, 1.2)  # link events are told up to a second late
        lines.append(f"after: {title}")
        lines.extend(f"  {name}: {line}" for name in ("n", "p") for line in lab.routes(name).splitlines())

    lab.add_bridge("n", "cbr0")
    step("bridge up", lambda: lab.set_up("n", "cbr0"))
    step("bridge has an address", lambda: lab.add_address("n", "cbr0", "10.244.1.1/24"))
    lab.add_veth("p", "eth0", "n", "va")
    step("host end up", lambda: lab.set_up("n", "va"))
    step("host end enslaved", lambda: lab.set_master("n", "va", "cbr0"))
    lab.sysctl("p", "net.ipv4.conf.eth0.arp_notify", 1)
    step("address on a device that is down", lambda: lab.add_address("p", "eth0", "10.244.1.2/24"))
    step("pod's end up", lambda: lab.set_up("p", "eth0"))
    step("default route", lambda: lab.add_route("p", "default", "10.244.1.1"))
    step("a second address", lambda: lab.add_address("p", "eth0", "10.244.1.9/24"))
    step("pod's end down", lambda: lab.set_down("p", "eth0"))
    step("pod's end up again", lambda: lab.set_up("p", "eth0"))
    step("another MAC", lambda: lab.set_mac("p", "eth0", "02:00:00:00:00:55"))
    step("host end down", lambda: lab.set_down("n", "va"))
    step("host end up again", lambda: lab.set_up("n", "va"))
    step("bridge down", lambda: lab.set_down("n", "cbr0"))
    step("bridge up again", lambda: lab.set_up("n", "cbr0"))
    step("first address deleted", lambda: lab.delete_address("p", "eth0", "10.244.1.2/24"))
    step("pod's end deleted", lambda: lab.delete_link("p", "eth0"))
    recording.texts.append(("routes", "\n".join(lines)))
    return recording


LINK: dict[str, Callable[[Lab], Recording]] = {"arp": arp, "held-packets": held_packets, "neighbour-states": neighbour_states, "links": links}
