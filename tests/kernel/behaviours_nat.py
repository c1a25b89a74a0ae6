"""Recorded: a router that translates and rejects."""

from __future__ import annotations

from scapy.layers.inet import ICMP, IP, TCP, UDP

from tests.kernel.lab import Lab
from tests.kernel.stories import Recording, closed_tcp, http_exchange, udp_exchange
from tests.kernel.topologies import frame_to_router, hosts_at_a_router

NAT_RULES = """\
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -d 10.1.0.1/32 -p tcp -m tcp --dport 8000 -j DNAT --to-destination 10.2.0.2:8080
-A PREROUTING -d 10.1.0.1/32 -p udp -m udp --dport 5300 -j DNAT --to-destination 10.2.0.2:5000
-A PREROUTING -d 10.3.0.0/16 -p udp -j REDIRECT --to-ports 7000
-A PREROUTING -d 10.5.0.77/32 -j DNAT --to-destination 10.2.0.2
-A OUTPUT -d 10.4.0.1/32 -p udp -m udp --dport 53 -j DNAT --to-destination 10.2.0.2:5000
-A POSTROUTING -o rb -p udp -m udp --dport 5001 -j MASQUERADE
-A POSTROUTING -o rb -p udp -m udp --dport 5002 -j SNAT --to-source 10.2.0.9
-A POSTROUTING -o rb -p udp -m udp --dport 5004 -j MASQUERADE --to-ports 2000
-A POSTROUTING -o rb -p icmp -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate INVALID
-A FORWARD -m conntrack --ctstate NEW
-A FORWARD -m conntrack --ctstate RELATED
-A FORWARD -m conntrack --ctstate ESTABLISHED
-A FORWARD -m conntrack --ctstate DNAT
-A FORWARD -m conntrack --ctstate SNAT
-A FORWARD -p tcp -m tcp --dport 9003 -j REJECT --reject-with tcp-reset
-A FORWARD -p udp -m udp --dport 9004 -j REJECT --reject-with icmp-admin-prohibited
-A FORWARD -p tcp -m tcp --dport 9005 -j DROP
COMMIT
"""


def nat(lab: Lab) -> Recording:
    hosts_at_a_router(lab)
    lab.restore("r", NAT_RULES)
    lab.add_address("r", "rb", "10.2.0.9/24")
    lab.add_route("r", "10.4.0.0/16", "10.2.0.2")  # OUTPUT is asked only about what has a route
    recording = Recording("a router that translates", lab, ["r"])
    recording.part("warm", lambda: lab.ping("a", "10.2.0.2"))
    recording.part("DNAT, TCP", lambda: http_exchange(lab, "a", ("10.1.0.1", 8000), "b", ("10.2.0.2", 8080)))
    recording.part("DNAT, UDP", lambda: udp_exchange(lab, "a", ("10.1.0.1", 5300), "b", ("10.2.0.2", 5000)))
    recording.part("DNAT, TCP, backend's port is closed", lambda: closed_tcp(lab, "a", ("10.1.0.1", 8000)))
    recording.part("DNAT, UDP, backend's port is closed", lambda: lab.send_udp("a", ("10.1.0.1", 5300), b"x", 5400))
    recording.part("DNAT of an address: ping", lambda: lab.ping("a", "10.5.0.77"))
    recording.part("REDIRECT", lambda: udp_exchange(lab, "a", ("10.3.1.1", 4000), "r", ("0.0.0.0", 7000)))
    recording.part("DNAT in OUTPUT", lambda: udp_exchange(lab, "r", ("10.4.0.1", 53), "b", ("10.2.0.2", 5000)))
    recording.part("MASQUERADE keeps a free port", lambda: udp_exchange(lab, "a", ("10.2.0.2", 5001), "b", ("10.2.0.2", 5001)))
    recording.part("SNAT to a second address", lambda: udp_exchange(lab, "a", ("10.2.0.2", 5002), "b", ("10.2.0.2", 5002)))
    recording.part(
        "MASQUERADE to a range: two fit, the third is dropped", lambda: [lab.send_udp("a", ("10.2.0.2", 5004), b"x", port) for port in (5401, 5402, 5403)]
    )
    recording.part("an error comes back through SNAT", lambda: lab.send_udp("a", ("10.2.0.2", 5002), b"x", 5404))
    recording.part("time to live runs out behind SNAT", lambda: lab.send_udp("a", ("10.2.0.2", 5002), b"x", 5405, ttl=2))
    recording.part("REJECT with a reset", lambda: closed_tcp(lab, "a", ("10.2.0.2", 9003)))
    lab.settle(2.1)
    recording.part("REJECT as prohibited", lambda: lab.send_udp("a", ("10.2.0.2", 9004), b"x", 5406))
    recording.part("DROP", lambda: closed_tcp(lab, "a", ("10.2.0.2", 9005), 0.3))
    packet = IP(src="10.1.0.2", dst="10.2.0.2", id=1, flags="DF")
    for title, body in (
        ("ACK picked up in the middle", TCP(sport=1111, dport=2222, flags="A", seq=1000, ack=2000, window=1000)),
        ("SYN+ACK out of nowhere", TCP(sport=1112, dport=2222, flags="SA", seq=1000, ack=2000)),
        ("RST out of nowhere", TCP(sport=1113, dport=2222, flags="R", seq=1000)),
        ("no flags", TCP(sport=1114, dport=2222, flags=0, seq=1000)),
        ("UDP with a bad checksum", UDP(sport=5407, dport=5002, chksum=0x1234) / b"x"),
        ("an echo reply nobody asked for", ICMP(type=0, id=77, seq=1)),
    ):
        recording.part(title, lambda body=body: lab.inject("a", "eth0", frame_to_router(lab, packet / body)))
    return recording
