"""Recorded: which packets each iptables match counts."""

from __future__ import annotations

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether

from tests.kernel.lab import Lab
from tests.kernel.stories import Recording
from tests.kernel.topologies import BROADCAST, frame_to_router, hosts_at_a_router

MATCHES = """\
-p tcp
-p udp
-p icmp
! -p tcp
-p 200
-s 10.1.0.0/16
! -s 10.1.0.2
-d 10.2.0.2
-d 10.1.0.0/24
! -d 10.2.0.0/16
-i ra
! -i ra
-i r+
-f
! -f
-p tcp -m tcp --sport 1000
-p tcp -m tcp --dport 1:1024
-p tcp -m tcp --sport 1001:
-p tcp -m tcp ! --dport 80
-p tcp -m tcp --tcp-flags SYN,ACK,FIN,RST SYN
-p tcp -m tcp --tcp-flags ALL FIN,PSH,URG
-p tcp -m tcp --tcp-flags ALL NONE
-p tcp --syn
-p tcp ! --syn
-p tcp -m tcp --tcp-option 8
-p udp -m udp --dport 53
-p udp -m udp --sport 5000:6000
-p udp -m udp ! --sport 5000:6000
-p icmp -m icmp --icmp-type 8
-p icmp -m icmp --icmp-type echo-reply
-p icmp -m icmp --icmp-type 3/3
-p icmp -m icmp --icmp-type destination-unreachable
-p icmp -m icmp --icmp-type any
-p tcp -m multiport --dports 80,443,8000:9000
-p udp -m multiport --sports 5000,5400
-p tcp -m multiport --ports 1000,80
-p tcp -m multiport ! --dports 80
-m conntrack --ctstate NEW
-m conntrack --ctstate INVALID
-m conntrack --ctstate ESTABLISHED
-m conntrack --ctstate RELATED
-m conntrack --ctstate UNTRACKED
-m conntrack --ctstate NEW,INVALID
-m conntrack ! --ctstate NEW
-m state --state NEW
-m conntrack --ctproto 17
-m conntrack --ctorigdst 10.2.0.2
-m conntrack --ctorigsrc 10.1.0.0/16
-m conntrack --ctdir ORIGINAL
-m conntrack --ctdir REPLY
-m conntrack --ctstatus CONFIRMED
-m conntrack --ctstatus SEEN_REPLY
-m conntrack --ctstatus NONE
-m addrtype --dst-type LOCAL
-m addrtype --dst-type UNICAST
-m addrtype --dst-type BROADCAST
-m addrtype ! --dst-type LOCAL
-m addrtype --src-type UNICAST
-m addrtype --src-type LOCAL
-m mark --mark 0x1
-m mark --mark 0x10/0xf0
-m mark ! --mark 0x0
-m statistic --mode nth --every 3 --packet 0
-m statistic --mode nth --every 4 --packet 2
-m recent --name seen --set
-m recent --name seen --rcheck --hitcount 3
-m recent --name seen --rcheck --seconds 60 --rdest
-m recent --name dest --set --rdest
-m recent --name dest --update --hitcount 2 --rdest
-m limit --limit 1/min --limit-burst 3
-m comment --comment "a rule that matches all"
"""

TARGETS = """\
*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p udp -m udp --dport 7000 -j CT --notrack
-A PREROUTING -p tcp -m tcp --dport 7001 -j NOTRACK
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:MARKS - [0:0]
:TEST - [0:0]
:AWAY - [0:0]
:BACK - [0:0]
-A PREROUTING -j MARKS
-A PREROUTING -j TEST
-A PREROUTING -g AWAY
-A PREROUTING -m comment --comment "never reached: a goto does not come back"
-A MARKS -p udp -j MARK --set-xmark 0x11/0xffffffff
-A MARKS -p udp -m mark --mark 0x11 -j MARK --or-mark 0x100
-A MARKS -p icmp -j MARK --set-xmark 0x30/0xf0
-A MARKS -p icmp -j MARK --xor-mark 0x10
-A MARKS -p tcp -j MARK --set-mark 0x7
-A MARKS -p tcp -j MARK --and-mark 0x1
-A MARKS -p tcp -j RETURN
-A MARKS -m comment --comment "all but tcp"
-A AWAY -p udp -j BACK
-A AWAY -m comment --comment "whoever came back or did not go"
-A BACK -m udp -p udp --dport 53 -j RETURN
-A BACK -m comment --comment "accepted"
-A BACK -j ACCEPT
{tests}
COMMIT
"""


def matches(lab: Lab) -> Recording:
    hosts_at_a_router(lab)
    recording = Recording("which packets each match counts", lab, ["r"])
    lab.ping("a", "10.2.0.2")
    lab.ping("b", "10.1.0.2")
    lab.restore("r", TARGETS.format(tests="\n".join(f"-A TEST {match}" for match in MATCHES.splitlines())))
    lab.restore("b", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT ! -p icmp -j DROP\nCOMMIT\n")  # b answers pings only
    there, here = {"src": "10.1.0.2", "dst": "10.2.0.2", "id": 1}, {"src": "10.2.0.2", "dst": "10.1.0.2", "id": 1}
    quoted = bytes(IP(src="10.1.0.2", dst="10.2.0.2", id=1) / UDP(sport=5000, dport=53, len=9) / b"q")
    packets: list[tuple[str, IP]] = [
        ("a", IP(**there) / TCP(sport=1000, dport=80, flags="S", seq=1, options=[("Timestamp", (1, 0))])),
        ("b", IP(**here) / TCP(sport=80, dport=1000, flags="SA", seq=1, ack=2)),
        ("a", IP(**there) / TCP(sport=1000, dport=80, flags="A", seq=2, ack=2)),
        ("a", IP(**there) / TCP(sport=1000, dport=443, flags="FPU", seq=2)),
        ("a", IP(**there) / TCP(sport=1001, dport=8500, flags=0, seq=2)),
        ("a", IP(**there) / TCP(sport=2000, dport=9000, flags="R", seq=2)),
        ("a", IP(**there) / TCP(sport=2000, dport=7001, flags="S", seq=2)),
        ("a", IP(**there) / UDP(sport=5000, dport=53) / b"q"),
        ("b", IP(**here) / UDP(sport=53, dport=5000) / b"q"),
        ("a", IP(**there) / UDP(sport=5000, dport=53) / b"q"),
        ("a", IP(**there) / UDP(sport=5400, dport=7000) / b"q"),
        ("a", IP(**there) / UDP(sport=6001, dport=5300) / b"q"),
        ("b", IP(**here) / ICMP(type=3, code=3) / quoted),
        ("b", IP(**here) / ICMP(type=3, code=1) / quoted),
        ("a", IP(**there) / ICMP(type=8, id=7, seq=1) / b"data"),
        ("a", IP(**there) / ICMP(type=0, id=9, seq=1) / b"data"),
        ("a", IP(src="10.1.0.2", dst="10.1.0.1", id=1) / UDP(sport=5000, dport=53) / b"to the router"),
        ("a", IP(src="10.1.0.9", dst="10.2.0.2", id=1) / UDP(sport=5000, dport=53) / b"from elsewhere"),
        ("a", IP(**there, proto=200) / b"12345678"),
        ("a", IP(src="10.1.0.2", dst="10.2.0.2", id=5, flags="MF", proto=17) / bytes(UDP(sport=5000, dport=54, len=24, chksum=0) / b"12345678")),
        ("a", IP(src="10.1.0.2", dst="10.2.0.2", id=5, frag=2, proto=17) / b"12345678"),
        ("a", IP(**there) / TCP(sport=1000, dport=80, flags="A", seq=2, ack=2, chksum=1)),
    ]
    for sender, packet in packets:
        lab.inject(sender, "eth0", frame_to_router(lab, packet, sender))
    lab.inject(
        "a", "eth0", bytes(Ether(src=lab.mac("a", "eth0"), dst=BROADCAST) / IP(src="10.1.0.2", dst="10.1.0.255", id=1) / UDP(sport=5000, dport=53) / b"all")
    )
    lab.settle(0.1)
    return recording
