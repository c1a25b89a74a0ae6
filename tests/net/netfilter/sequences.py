"""Longer stories: a ruleset, and packets one after another. test_kernel.py plays them on the kernel and here and compares counters and packets."""

from __future__ import annotations

from tests.net.conntrack.packets import echo, error, ip, tcp, udp
from tests.net.netfilter.cases import MSS, A, B, header, ports

# name: (restore text, [(wire, packet), ...])
SEQUENCES: dict[str, tuple[str, list[tuple[str, bytes]]]] = {}


def sequence(name: str, rules: str, *packets: tuple[str, bytes]) -> None:
    SEQUENCES[name] = (rules.strip() + "\n", list(packets))


def a(l3: bytes) -> tuple[str, bytes]:
    return ("a", l3)


def b(l3: bytes) -> tuple[str, bytes]:
    return ("b", l3)


sequence(
    "jump, goto and return",
    """
*filter
:ONE - [0:0]
:TWO - [0:0]
:THREE - [0:0]
-A FORWARD -p udp --dport 1 -j ONE
-A FORWARD -p udp --dport 2 -g ONE
-A FORWARD -p udp --dport 3 -j TWO
-A FORWARD -p udp --dport 4 -j THREE
-A FORWARD -p udp --dport 5 -j RETURN
-A FORWARD
-A ONE -m comment --comment "counts only"
-A ONE -p udp --sport 9 -j RETURN
-A ONE -p udp --sport 8 -j ACCEPT
-A TWO -g ONE
-A TWO -j DROP
-A THREE -j TWO
-A THREE -j DROP
COMMIT
""",
    *(a(ports(sport, dport)) for dport in range(1, 7) for sport in (7, 8, 9)),
)

sequence(
    "policies",
    """
*mangle
:PREROUTING ACCEPT [0:0]
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -p udp --dport 1 -j ACCEPT
-A FORWARD -p udp --dport 2 -j RETURN
COMMIT
""",
    a(ports(1, 1)),
    a(ports(1, 2)),
    a(ports(1, 3)),
)

for _name in ("net-unreachable", "host-unreachable", "proto-unreachable", "port-unreachable", "net-prohibited", "host-prohibited", "admin-prohibited"):
    sequence(
        f"reject with icmp-{_name}",
        f"*filter\n-A FORWARD -j REJECT --reject-with icmp-{_name}\nCOMMIT",
        a(ports(1, 2)),
        a(ports(1, 2, "tcp")),
        a(echo(A, B, 5)),
        a(error(A, B, udp(B, 1, A, 2))),  # no error about an error
        a(header(ports(1, 2), frag=0x0002)),  # nor about a later fragment
        a(ports(3, 4)[:-1] + b"?"),  # nor about a bad checksum
        a(ip(A, B, 99, b"payload")),
    )

sequence(
    "reject with a reset",
    "*filter\n-A FORWARD -p tcp -j REJECT --reject-with tcp-reset\nCOMMIT",
    a(tcp(A, 1, B, 2, "S", seq=1000)),
    a(tcp(A, 1, B, 2, "A", seq=1000, ack=77)),
    a(tcp(A, 1, B, 2, "PA", seq=1000, ack=77, data=b"hello")),
    a(tcp(A, 1, B, 2, "", seq=1000, data=b"hello")),
    a(tcp(A, 1, B, 2, "SF", seq=0xFFFFFFFF, data=b"abc", options=MSS)),
    a(tcp(A, 1, B, 2, "R", seq=1000)),
    a(tcp(A, 1, B, 2, "S", seq=1000)[:-1] + b"?"),
    b(tcp(B, 2, A, 1, "S", seq=5)),
)

sequence(
    "reject what comes for the router itself",
    "*filter\n-A INPUT -p udp -j REJECT\n-A INPUT -p tcp -j REJECT --reject-with tcp-reset\nCOMMIT",
    a(udp(A, 1, "10.0.1.1", 2)),
    a(udp(A, 1, "10.0.2.1", 2)),
    a(tcp(A, 1, "10.0.2.1", 2, "S", seq=9)),
)

sequence(
    "reject with conntrack and nat",
    "*nat\n-A PREROUTING -d 10.0.2.9 -p tcp -j DNAT --to-destination 10.0.2.2:80\nCOMMIT\n*filter\n-A FORWARD -p tcp --dport 80 -j REJECT\nCOMMIT",
    a(tcp(A, 1, "10.0.2.9", 8080, "S", seq=9)),
    a(tcp(A, 1, "10.0.2.9", 8080, "S", seq=9)),
)

sequence(
    "a reset through nat",
    "*nat\n-A PREROUTING -d 10.0.2.9 -p tcp -j DNAT --to-destination 10.0.2.2:80\nCOMMIT\n"
    "*filter\n-A FORWARD -p tcp --dport 80 -j REJECT --reject-with tcp-reset\nCOMMIT",
    a(tcp(A, 1, "10.0.2.9", 8080, "S", seq=9)),
)

sequence(
    "marks",
    """
*mangle
-A PREROUTING -p udp --dport 1 -j MARK --set-mark 0xff
-A PREROUTING -p udp --dport 1 -j MARK --and-mark 0xf0
-A PREROUTING -p udp --dport 1 -j MARK --or-mark 0x4000
-A PREROUTING -p udp --dport 1 -j MARK --xor-mark 0x1
-A PREROUTING -p udp --dport 2 -j MARK --set-xmark 0x3/0xf
-A FORWARD -m mark --mark 0x40f1
-A FORWARD -m mark --mark 0x3
-A FORWARD -m mark --mark 0x4000/0x4000
COMMIT
""",
    a(ports(1, 1)),
    a(ports(1, 2)),
    a(ports(1, 3)),
)

sequence(
    "nth",
    "*filter\n"
    + "".join(f"-A FORWARD -m statistic --mode nth --every {every} --packet {packet}\n" for every, packet in ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)))
    + "-A FORWARD -m statistic --mode nth ! --every 3 --packet 1\nCOMMIT",
    *(a(ports(n, 2)) for n in range(1, 9)),
)

sequence(
    "recent lists",
    """
*filter
-A FORWARD -p udp --dport 1 -m recent --name one --set
-A FORWARD -p udp --dport 2 -m recent --name one --rcheck
-A FORWARD -p udp --dport 3 -m recent --name one --update --seconds 100 --hitcount 3
-A FORWARD -p udp --dport 4 -m recent --name one --remove
-A FORWARD -p udp --dport 5 -m recent --name one ! --rcheck
-A FORWARD -p udp --dport 6 -m recent --name two --set --rdest
-A FORWARD -p udp --dport 7 -m recent --name two --rcheck --rsource
-A FORWARD -p udp --dport 8 -m recent --name two --rcheck --rdest
-A FORWARD -p udp --dport 9 -m recent --name net --set --mask 255.255.255.252
-A FORWARD -p udp --dport 10 -m recent --name net --rcheck --mask 255.255.255.252
-A FORWARD -p udp --dport 11 -m recent --name one --rcheck --seconds 100 --reap
-A FORWARD -p udp --dport 12 -m recent --name one --update --rttl
-A FORWARD -p udp --dport 13 ! -s 10.0.1.2 -m recent --name one --set
COMMIT
""",
    *(a(ports(1, dport)) for dport in (2, 5, 1, 2, 5, 3, 3, 3, 3, 1, 3, 11, 12, 4, 2, 4, 6, 7, 8, 9, 10)),
    a(udp("10.0.1.3", 1, B, 10)),
    a(udp("10.0.1.4", 1, B, 10)),
    a(udp("10.0.1.4", 1, B, 13)),
    a(udp("10.0.1.4", 1, B, 2)),
)

sequence(
    "ttl and tos",
    """
*mangle
-A PREROUTING -p udp --dport 1 -j TTL --ttl-set 10
-A PREROUTING -p udp --dport 2 -j TTL --ttl-inc 200
-A PREROUTING -p udp --dport 3 -j TTL --ttl-dec 3
-A FORWARD -p udp --dport 4 -j TOS --set-tos 0x10
-A FORWARD -p udp --dport 5 -j TOS --and-tos 0x0f
-A FORWARD -p udp --dport 6 -j TOS --or-tos 0x04
-A FORWARD -p udp --dport 7 -j TOS --xor-tos 0xff
-A FORWARD -p udp --dport 8 -j DSCP --set-dscp-class EF
-A FORWARD -p udp --dport 9 -j TOS --set-tos 0x30/0xf0
COMMIT
""",
    *(a(header(ports(1, dport), tos=0x5A & ~1)) for dport in range(1, 10)),
)

sequence(
    "tcpmss",
    """
*mangle
-A FORWARD -p tcp --dport 1 --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1000
-A FORWARD -p tcp --dport 2 --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
-A FORWARD -p tcp --dport 3 --syn -j TCPMSS --set-mss 1400
COMMIT
""",
    *(
        a(ports(1, dport, "tcp", options=options))
        for dport in (1, 2, 3)
        for options in (b"", MSS, b"\x01" + MSS + b"\x01\x01\x01", b"\x02\x04\xff\xff", b"\x02\x04\x01\x00")
    ),
    a(tcp(A, 1, B, 1, "S", data=b"data")),
    a(tcp(A, 1, B, 1, "S", data=b"odd", options=b"\x01" + MSS)),
)

sequence(
    "nat",
    """
*nat
-A PREROUTING -p udp --dport 1 -j DNAT --to-destination 10.0.2.3
-A PREROUTING -p udp --dport 2 -j DNAT --to-destination 10.0.2.3:99
-A PREROUTING -p udp --dport 3 -j REDIRECT --to-ports 7
-A PREROUTING -p udp --dport 4 -j NETMAP --to 10.0.2.0/29
-A POSTROUTING -p udp --sport 1 -j MASQUERADE
-A POSTROUTING -p udp --sport 2 -j SNAT --to-source 10.0.2.7:2000
-A POSTROUTING -p udp --sport 3 -j ACCEPT
-A POSTROUTING -p udp
COMMIT
*filter
-A INPUT -p udp --dport 7 -j REJECT
-A FORWARD -m conntrack --ctstate DNAT
-A FORWARD -m conntrack --ctstate SNAT
COMMIT
""",
    *(a(ports(sport, dport)) for dport in (1, 2, 3, 4, 5) for sport in (1, 2, 3, 4)),
    b(udp("10.0.2.3", 1, "10.0.2.1", 1)),
    b(udp("10.0.2.3", 99, "10.0.2.7", 2000)),
    a(ports(1, 1)),
)

sequence(
    "notrack",
    "*raw\n-A PREROUTING -p udp --dport 1 -j CT --notrack\n-A PREROUTING -p udp --dport 2 -j NOTRACK\nCOMMIT\n"
    "*nat\n-A POSTROUTING -p udp -j MASQUERADE\nCOMMIT\n*filter\n-A FORWARD -m conntrack --ctstate UNTRACKED\n-A FORWARD -m conntrack --ctstate NEW\nCOMMIT",
    *(a(ports(9, dport)) for dport in (1, 2, 3)),
)

sequence(
    "fragments and conntrack",
    "*raw\n-A PREROUTING\nCOMMIT\n*filter\n-A FORWARD -f\n-A FORWARD -p udp --dport 2 -m conntrack --ctstate NEW\nCOMMIT",
    a(header(ip(A, B, 17, udp(A, 1, B, 2, bytes(24))[20:36], ip_id=9), frag=0x2000)),
    a(header(ip(A, B, 17, udp(A, 1, B, 2, bytes(24))[36:], ip_id=9), frag=0x0002)),
)

sequence(
    "a service as kube-proxy writes it",
    """
*nat
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-SEP-A - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-A - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE
-A KUBE-SEP-A -m comment --comment default/a -s 10.0.2.2 -j KUBE-MARK-MASQ
-A KUBE-SEP-A -m comment --comment default/a -m recent --name KUBE-SEP-A --set -m udp -p udp -j DNAT --to-destination 10.0.2.2:53
-A KUBE-SERVICES -m comment --comment "default/a cluster IP" -m udp -p udp -d 10.96.0.10 --dport 53 -j KUBE-SVC-A
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-SEP-A
-A KUBE-SVC-A -m comment --comment "default/a cluster IP" -m udp -p udp -d 10.96.0.10 --dport 53 ! -s 10.0.1.0/24 -j KUBE-MARK-MASQ
-A KUBE-SVC-A -m comment --comment "default/a -> 10.0.2.2:53" -m recent --name KUBE-SEP-A --rcheck --seconds 10800 --reap -j KUBE-SEP-A
-A KUBE-SVC-A -m comment --comment "default/a -> 10.0.2.2:53" -m statistic --mode random --probability 1 -j KUBE-SEP-A
COMMIT
""",
    a(udp(A, 1, "10.96.0.10", 53)),
    b(udp("10.0.2.2", 53, A, 1)),
    a(udp(A, 2, "10.96.0.10", 53)),
    b(udp("10.0.2.2", 7, "10.96.0.10", 53)),
    a(udp(A, 3, "10.0.1.1", 53)),
)
