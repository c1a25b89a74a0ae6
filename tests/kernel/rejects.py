"""Recorded: every kind of REJECT against every kind of packet, and physdev on bridged and routed packets."""

from __future__ import annotations

from scapy.layers.inet import ICMP, IP, TCP, UDP

from tests.kernel.lab import Lab
from tests.kernel.stories import Recording, closed_tcp
from tests.kernel.topologies import frame_to_router, hosts_at_a_router, hosts_on_a_bridge

KINDS = ("net-unreachable", "host-unreachable", "proto-unreachable", "port-unreachable", "net-prohibited", "host-prohibited", "admin-prohibited")
FILTER = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{rules}\nCOMMIT\n"


def rejects(lab: Lab) -> Recording:
    hosts_at_a_router(lab)
    lab.sysctl("r", "net.ipv4.icmp_ratelimit", 0)
    recording = Recording("what REJECT answers, and to what it is silent", lab, ["r"])
    recording.part("warm", lambda: lab.ping("a", "10.2.0.2"))
    rules = [f"-A FORWARD -p udp -m udp --dport {7000 + number} -j REJECT --reject-with icmp-{kind}" for number, kind in enumerate(KINDS)]
    rules += ["-A FORWARD -p tcp -m tcp --dport 80 -j REJECT --reject-with tcp-reset", "-A FORWARD -p tcp -m tcp --dport 9001 -j REJECT"]
    rules += ["-A FORWARD -p icmp -m icmp --icmp-type 8 -j REJECT", "-A FORWARD -p icmp -m icmp --icmp-type 3 -j REJECT", "-A FORWARD -f -j REJECT"]
    rules += ["-A INPUT -p tcp -m tcp --dport 80 -j REJECT --reject-with tcp-reset", "-A INPUT -p udp -j REJECT"]
    rules += [
        "-A OUTPUT -d 10.2.0.2/32 -p tcp -m tcp --dport 9002 -j REJECT --reject-with tcp-reset",
        "-A OUTPUT -d 10.2.0.2/32 -p tcp -m tcp --dport 9003 -j REJECT",
    ]
    lab.restore("r", FILTER.format(rules="\n".join(rules)))
    there = {"src": "10.1.0.2", "dst": "10.2.0.2", "id": 1}

    def part(title: str, packet: IP) -> None:
        recording.part(title, lambda: lab.inject("a", "eth0", frame_to_router(lab, packet)))

    for number, kind in enumerate(KINDS):
        part(f"UDP, icmp-{kind}", IP(**there) / UDP(sport=5000, dport=7000 + number) / b"x")
    for flags in ("S", "A", "SA", "PA", "F", "R", "RA"):
        part(
            f"TCP {flags}, tcp-reset",
            IP(**there, flags="DF", tos=0x10) / TCP(sport=1000, dport=80, flags=flags, seq=5000, ack=7000) / (b"data" if "P" in flags else b""),
        )
    part("TCP, plain REJECT", IP(**there) / TCP(sport=1000, dport=9001, flags="S", seq=5000))
    part("TCP with a bad checksum, tcp-reset", IP(**there) / TCP(sport=1000, dport=80, flags="S", seq=5000, chksum=1))
    part("UDP with a bad checksum", IP(**there) / UDP(sport=5000, dport=7003, chksum=1) / b"x")
    part("UDP without a checksum", IP(**there) / UDP(sport=5000, dport=7003, chksum=0) / b"x")
    part("an echo request", IP(**there) / ICMP(id=7, seq=1) / b"data")
    part("an ICMP error", IP(**there) / ICMP(type=3, code=3) / bytes(IP(src="10.2.0.2", dst="10.1.0.2", id=2) / UDP(sport=9, dport=9)))
    part("a later fragment", IP(**there, frag=100, proto=17) / b"12345678")
    part("time to live 2 is 1 when it is quoted", IP(**there, ttl=2) / UDP(sport=5000, dport=7003) / b"x")
    part("1400 bytes are quoted in part", IP(**there) / UDP(sport=5000, dport=7003) / (b"x" * 1400))
    for dst, title in (("10.1.0.1", "for the router itself"), ("10.2.0.1", "for the router's other address"), ("10.1.0.255", "for all")):
        part(f"UDP {title}", IP(src="10.1.0.2", dst=dst, id=1) / UDP(sport=5000, dport=53) / b"x")
        part(f"TCP {title}", IP(src="10.1.0.2", dst=dst, id=1) / TCP(sport=1000, dport=80, flags="S", seq=5000))
    recording.part("the router's own connection, tcp-reset", lambda: closed_tcp(lab, "r", ("10.2.0.2", 9002)))
    recording.part("the router's own connection, plain REJECT", lambda: closed_tcp(lab, "r", ("10.2.0.2", 9003)))
    return recording


def physdev(lab: Lab) -> Recording:
    hosts_on_a_bridge(lab)
    lab.sysctl("h", "net.ipv4.ip_forward", 1)
    lab.sysctl("h", "net.ipv4.conf.br0.send_redirects", 0)
    lab.sysctl("h", "net.ipv4.conf.all.send_redirects", 0)
    tests = [
        "-m physdev --physdev-is-in",
        "-m physdev --physdev-is-bridged",
        "-m physdev ! --physdev-is-bridged",
        "-m physdev --physdev-in px",
        "-i br0",
        "-i px",
    ]
    tests += ["-m physdev ! --physdev-in px", "-m physdev --physdev-in p+"]
    out = ["-o br0", "-o py", "-m physdev --physdev-out py", "-m physdev --physdev-is-out", "-m physdev --physdev-is-bridged", "-m physdev --physdev-in px"]
    out += ["-m physdev --physdev-in px --physdev-out py"]
    rules = [f"-A {chain} {test}" for chain in ("PREROUTING", "INPUT") for test in tests]
    rules += [f"-A FORWARD {test}" for test in dict.fromkeys(tests + out)] + [f"-A POSTROUTING {test}" for test in out]
    lines = ["*mangle", *(f":{chain} ACCEPT [0:0]" for chain in ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")), *rules, "COMMIT"]
    lab.restore("h", "\n".join(lines) + "\n")
    recording = Recording("physdev on bridged, delivered, local and routed packets", lab, [])

    def part(title: str, name: str, address: str) -> None:
        lab.restore("h", "\n".join(lines) + "\n")
        recording.part(title, lambda: lab.ping(name, address))
        recording.texts.append((title, "\n".join(line for line in lab.saved_rules("h").splitlines() if line.startswith("["))))

    part("bridged", "x", "10.9.0.2")
    part("to the bridge", "x", "10.9.0.254")
    part("from the bridge", "h", "10.9.0.1")
    lab.set_neighbour("x", "eth0", "10.9.0.77", "02:00:00:00:00:77", "permanent")
    part("flooded", "x", "10.9.0.77")
    part("for all", "x", "10.9.0.255")
    lab.add_route("x", "10.9.0.3/32", "10.9.0.254")
    part("routed to the same bridge", "x", "10.9.0.3")
    return recording
