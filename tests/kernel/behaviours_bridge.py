"""Recorded: what a bridge does with unusual frames and port settings, and what ARP's and routing's settings change."""

from __future__ import annotations

from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether

from tests.kernel.lab import Lab
from tests.kernel.stories import Recording
from tests.kernel.topologies import BROADCAST, hosts_at_a_router, hosts_on_a_bridge

NOBODY = "02:00:00:00:00:77"


def bridge(lab: Lab) -> Recording:
    hosts_on_a_bridge(lab)
    recording = Recording("unusual frames and port settings of a bridge", lab, [])
    mac = {name: lab.mac(name, "eth0") for name in "xyz"}
    br0 = lab.mac("h", "br0")

    def send(title: str, sender: str, frame: Ether | bytes) -> None:
        recording.part(title, lambda: lab.inject(sender, "eth0", bytes(frame)))

    udp = IP(src="10.9.0.1", dst="10.9.0.2", id=1) / UDP(sport=1000, dport=9) / b"x"
    recording.part("warm", lambda: (lab.ping("x", "10.9.0.2"), lab.ping("x", "10.9.0.3"), lab.ping("y", "10.9.0.3")))
    send("to a MAC nobody has", "x", Ether(src=mac["x"], dst=NOBODY) / udp)
    send("from a MAC seen at another port: it moves", "x", Ether(src=mac["z"], dst=mac["y"]) / udp)
    send("to the MAC that moved: not back to the port it came by", "x", Ether(src=mac["x"], dst=mac["z"]) / udp)
    send("the owner speaks: it moves back", "z", Ether(src=mac["z"], dst=mac["x"]) / udp)
    send("from the bridge's own MAC", "x", Ether(src=br0, dst=mac["y"]) / udp)
    send("from a broadcast MAC", "x", Ether(src=BROADCAST, dst=mac["y"]) / udp)
    send("from a multicast MAC", "x", Ether(src="01:00:5e:00:00:01", dst=mac["y"]) / udp)
    send("from no MAC", "x", Ether(src="00:00:00:00:00:00", dst=mac["y"]) / udp)
    send("to no MAC", "x", Ether(src=mac["x"], dst="00:00:00:00:00:00") / udp)
    send("multicast", "x", Ether(src=mac["x"], dst="01:00:5e:00:00:63") / IP(src="10.9.0.1", dst="239.0.0.99", id=1, ttl=4) / UDP(sport=1000, dport=9) / b"x")
    send("spanning tree's address", "x", Ether(src=mac["x"], dst="01:80:c2:00:00:00", type=0x1234) / b"stp?")
    send("pause frames' address", "x", Ether(src=mac["x"], dst="01:80:c2:00:00:01", type=0x8808) / b"\0\1\0\0")
    send("LLDP's address", "x", Ether(src=mac["x"], dst="01:80:c2:00:00:0e", type=0x88CC) / b"lldp")
    send("an ethertype nobody speaks, to y", "x", Ether(src=mac["x"], dst=mac["y"], type=0x1234) / b"hello")
    send("an ethertype nobody speaks, to all", "x", Ether(src=mac["x"], dst=BROADCAST, type=0x1234) / b"hello")
    send("a VLAN tag", "x", Ether(src=mac["x"], dst=mac["y"]) / Dot1Q(vlan=5) / udp)
    send("14 bytes", "x", bytes(Ether(src=mac["x"], dst=mac["y"], type=0x0800)))
    send("an IP header that lies about its length", "x", Ether(src=mac["x"], dst=mac["y"]) / IP(src="10.9.0.1", dst="10.9.0.2", id=1, len=500) / b"short")
    send("an IP header with a bad checksum", "x", Ether(src=mac["x"], dst=mac["y"]) / IP(src="10.9.0.1", dst="10.9.0.2", id=1, chksum=1) / ICMP(id=1, seq=1))
    send("padding after the packet", "x", bytes(Ether(src=mac["x"], dst=mac["y"]) / udp) + bytes(20))
    lab.set_bridge_port("h", "py", isolated=True)
    lab.set_bridge_port("h", "pz", isolated=True)
    recording.part("isolated port to isolated port", lambda: lab.ping("y", "10.9.0.3", wait=0.3))
    recording.part("isolated port to another", lambda: lab.ping("y", "10.9.0.1"))
    send("isolated port to all", "y", Ether(src=mac["y"], dst=BROADCAST) / ARP(op=1, hwsrc=mac["y"], psrc="10.9.0.2", pdst="10.9.0.9"))
    lab.set_bridge_port("h", "py", isolated=False)
    lab.set_bridge_port("h", "pz", isolated=False)
    lab.set_bridge_port("h", "pz", flood=False)
    send("unknown unicast where one port does not flood", "x", Ether(src=mac["x"], dst=NOBODY) / udp)
    send("broadcast where one port does not flood", "x", Ether(src=mac["x"], dst=BROADCAST, type=0x1234) / b"hello")
    lab.set_bridge_port("h", "pz", flood=True)
    lab.set_bridge_port("h", "px", learning=False)
    send("from a new MAC by a port that does not learn", "x", Ether(src=NOBODY, dst=mac["y"]) / udp)
    send("to that MAC", "y", Ether(src=mac["y"], dst=NOBODY) / udp)
    return recording


def arp_settings(lab: Lab) -> Recording:
    hosts_at_a_router(lab)
    recording = Recording("arp_ignore, arp_announce, proxy_arp, arp_accept, arp_filter", lab, [])
    asks = Ether(src=lab.mac("a", "eth0"), dst=BROADCAST)

    def ask(title: str, address: str, sender: str = "10.1.0.2", settle: float = 0.1) -> None:
        frame = bytes(asks / ARP(op=1, hwsrc=lab.mac("a", "eth0"), psrc=sender, pdst=address))
        recording.part(title, lambda: lab.inject("a", "eth0", frame), settle)

    lab.add_address("r", "lo", "10.50.0.1/32")
    for value in (0, 1, 2, 8):
        lab.sysctl("r", "net.ipv4.conf.ra.arp_ignore", value)
        ask(f"arp_ignore={value}, the address of the interface", "10.1.0.1")
        ask(f"arp_ignore={value}, of another interface", "10.2.0.1")
        ask(f"arp_ignore={value}, of lo", "10.50.0.1")
        ask(f"arp_ignore={value}, asked from another network", "10.1.0.1", "10.77.0.1")
    lab.sysctl("r", "net.ipv4.conf.ra.arp_ignore", 0)
    ask("proxy_arp=0, a host behind", "10.2.0.2", settle=1.0)  # a proxy takes up to 0.8 s
    lab.sysctl("r", "net.ipv4.conf.ra.proxy_arp", 1)
    ask("proxy_arp=1, a host behind", "10.2.0.2", settle=1.0)  # a proxy takes up to 0.8 s
    ask("proxy_arp=1, a host on the same side", "10.1.0.77", settle=1.0)  # a proxy takes up to 0.8 s
    ask("proxy_arp=1, no route", "10.99.0.1", settle=1.0)  # a proxy takes up to 0.8 s
    lab.sysctl("r", "net.ipv4.conf.ra.proxy_arp", 0)
    for value in (0, 1, 2):
        lab.sysctl("r", "net.ipv4.conf.ra.arp_announce", value)
        lab.flush_neighbours("r", "ra")
        recording.part(f"arp_announce={value}, asks for itself with another address", lambda: lab.send_udp("r", ("10.1.0.2", 9), b"x", source="10.50.0.1"))
    lab.sysctl("r", "net.ipv4.conf.ra.arp_accept", 1)
    for operation in (1, 2):
        lab.flush_neighbours("r", "ra")
        frame = bytes(asks / ARP(op=operation, hwsrc=lab.mac("a", "eth0"), psrc="10.1.0.55", pdst="10.1.0.55"))
        recording.part(f"arp_accept=1, gratuitous {'reply' if operation == 2 else 'request'}", lambda frame=frame: lab.inject("a", "eth0", frame))
        recording.texts.append((f"neighbours after operation {operation}", "\n".join(str(entry[::2]) for entry in sorted(lab.neighbours("r")))))
    return recording


def routing(lab: Lab) -> Recording:
    hosts_at_a_router(lab)
    recording = Recording("which route, which source address", lab, [])
    lab.add_address("a", "eth0", "10.1.0.3/24")
    lab.add_address("a", "eth0", "10.6.0.1/24")
    lab.add_address("a", "lo", "10.60.0.1/32")
    lab.run_ip("a", "route add 10.2.0.0/24 via 10.1.0.1 src 10.1.0.3")
    lab.run_ip("a", "route add 10.2.0.2/32 via 10.1.0.1 src 10.60.0.1")
    lab.run_ip("a", "route add 10.7.0.0/16 via 10.6.0.9")
    lab.run_ip("a", "route add 10.8.0.0/16 via 10.1.0.1 metric 200")
    lab.run_ip("a", "route add 10.8.0.0/16 via 10.6.0.9 metric 100")
    lab.run_ip("a", "route add blackhole 10.9.0.0/16")
    lab.run_ip("a", "route add 10.9.1.0/24 via 10.1.0.1")
    lab.run_ip("a", "route add 172.16.0.1 via 10.55.0.1 dev eth0 onlink")
    recording.texts.append(("routes", lab.routes("a")))
    for address in ("10.2.0.2", "10.2.0.3", "10.1.0.1", "10.6.0.7", "10.7.0.1", "10.8.0.1", "10.9.1.1", "172.16.0.1", "10.1.0.3", "10.60.0.1"):
        recording.part(f"to {address}", lambda address=address: lab.send_udp("a", (address, 9), b"x"))
        lab.settle(0.2)
    return recording
