"""Rules and packets: for each rule packets that it matches, and packets that it does not. All come in by `a` and would leave by `b`."""

from __future__ import annotations

import struct

from emu.wire.checksum import checksum
from tests.net.conntrack.packets import echo, error, icmp, ip, tcp, udp

A, B = "10.0.1.2", "10.0.2.2"


def header(l3: bytes, tos: int = 0, frag: int = 0) -> bytes:
    """The packet with another TOS or fragment field."""
    made = bytearray(l3)
    made[1] = tos
    made[6:8] = frag.to_bytes(2, "big")
    made[10:12] = b"\0\0"
    made[10:12] = checksum(bytes(made[:20])).to_bytes(2, "big")
    return bytes(made)


def to(dst: str, src: str = A) -> bytes:
    return udp(src, 1000, dst, 2000)


def ports(sport: int, dport: int, proto: str = "udp", flags: str = "S", options: bytes = b"") -> bytes:
    return udp(A, sport, B, dport) if proto == "udp" else tcp(A, sport, B, dport, flags, options=options)


def sctp(sport: int, dport: int) -> bytes:
    return ip(A, B, 132, struct.pack(">HHII", sport, dport, 1, 0) + bytes(8))


MSS = b"\x02\x04\x05\xb4"
SYN, SYN_ACK, ACK, FIN_ACK, RST = (ports(1, 2, "tcp", flags) for flags in ("S", "SA", "A", "FA", "R"))
PING, PONG = echo(A, B, 7), echo(A, B, 7, reply=True)
LATER_FRAGMENT = header(ports(80, 80), frag=0x0002)  # bytes that look like ports 80, at an offset
OTHER_FRAGMENT = header(ports(9, 9), frag=0x0002)
UNREACHABLE = error(A, B, udp(B, 1, "10.0.1.9", 2), 3, 3)

# (rule, packets that match, packets that do not)
CASES: list[tuple[str, list[bytes], list[bytes]]] = [
    ("", [PING, SYN], []),
    ("-p udp", [ports(1, 2)], [SYN, PING]),
    ("! -p udp", [SYN, PING], [ports(1, 2)]),
    ("-p 47", [ip(A, B, 47, bytes(8))], [SYN]),
    ("-s 10.0.1.2", [to(B)], [to(B, "10.0.1.3")]),
    ("! -s 10.0.1.2", [to(B, "10.0.1.3")], [to(B)]),
    ("-d 10.0.2.0/29", [to("10.0.2.7")], [to("10.0.2.8")]),
    ("-d 10.0.0.3/255.255.0.255", [to("10.0.2.3")], [to("10.0.2.4")]),
    ("! -d 10.0.2.0/30", [to("10.0.2.4")], [to("10.0.2.3")]),
    ("-i a", [SYN], []),
    ("! -i a", [], [SYN]),
    ("-o b", [SYN], []),
    ("-o b+", [SYN], []),
    ("! -o bb+", [SYN], []),
    ("-i +", [SYN], []),
    ("! -o +", [], [SYN]),
    ("-f", [LATER_FRAGMENT], [ports(80, 80), header(ports(80, 80), frag=0x2000)]),
    ("! -f", [ports(80, 80), header(ports(80, 80), frag=0x2000)], [LATER_FRAGMENT]),
    ("-p udp --dport 80", [ports(1, 80), LATER_FRAGMENT], [ports(80, 1), ports(1, 81), ports(1, 80, "tcp"), OTHER_FRAGMENT]),
    ("-p udp ! --dport 80", [ports(80, 1), OTHER_FRAGMENT], [ports(1, 80), LATER_FRAGMENT]),
    ("-p udp --dport 80:90", [ports(1, 80), ports(1, 85), ports(1, 90)], [ports(1, 79), ports(1, 91)]),
    ("-p udp --sport :1023", [ports(0, 80), ports(1023, 80), OTHER_FRAGMENT], [ports(1024, 80)]),
    ("-p udp --sport 1024:", [ports(1024, 80), ports(65535, 80)], [ports(1023, 80)]),
    ("-p tcp --sport 5 --dport 6", [ports(5, 6, "tcp")], [ports(5, 7, "tcp"), ports(4, 6, "tcp")]),
    ("-p tcp --syn", [SYN], [SYN_ACK, ACK, FIN_ACK]),
    ("-p tcp ! --syn", [SYN_ACK, ACK, RST], [SYN]),
    ("-p tcp --tcp-flags ALL FIN,ACK", [FIN_ACK], [ACK, ports(1, 2, "tcp", "FPA")]),
    ("-p tcp --tcp-flags SYN,RST RST", [RST], [SYN, ACK]),
    ("-p tcp --tcp-flags ALL NONE", [ports(1, 2, "tcp", "")], [ACK]),
    ("-p tcp --tcp-option 2", [ports(1, 2, "tcp", options=b"\x01\x01" + MSS)], [SYN, ports(1, 2, "tcp", options=b"\x08\x0a" + bytes(8))]),
    ("-p tcp ! --tcp-option 2", [SYN], [ports(1, 2, "tcp", options=MSS)]),
    ("-p sctp --dport 36412", [sctp(5, 36412)], [sctp(36412, 5), header(sctp(5, 36412), frag=0x0002)]),
    ("-p tcp -m multiport --dports 22,80:90", [ports(1, 22, "tcp"), ports(1, 85, "tcp")], [ports(22, 1, "tcp"), ports(1, 91, "tcp")]),
    ("-p udp -m multiport --sports 53,1000:60000", [ports(53, 1), ports(2000, 1)], [ports(54, 1), ports(1, 53)]),
    ("-p udp -m multiport --ports 53", [ports(53, 1), ports(1, 53)], [ports(1, 2)]),
    ("-p udp -m multiport ! --ports 53", [ports(1, 2)], [ports(53, 1), ports(1, 53), LATER_FRAGMENT]),
    ("-p icmp --icmp-type echo-request", [PING], [PONG, UNREACHABLE]),
    ("-p icmp ! --icmp-type 8", [PONG, UNREACHABLE], [PING]),
    ("-p icmp --icmp-type any", [PING, PONG, UNREACHABLE], [SYN]),
    ("-p icmp --icmp-type 3/3", [UNREACHABLE], [error(A, B, udp(B, 1, "10.0.1.9", 2), 3, 1), PING]),
    ("-p icmp --icmp-type destination-unreachable", [UNREACHABLE], [icmp(A, B, 11, 0, 0, udp(B, 1, "10.0.1.9", 2))]),
    ("-m comment --comment hello", [SYN], []),
    ("-m length --length 32", [ports(1, 2)], [SYN]),
    ("-m length ! --length 0:39", [SYN], [ports(1, 2)]),
    ("-m ttl --ttl-eq 63", [ports(1, 2)], []),
    ("-m ttl --ttl-lt 10", [ip(A, B, 99, b"x", ttl=5)], [ip(A, B, 99, b"x", ttl=64)]),
    ("-m ttl --ttl-gt 10", [ip(A, B, 99, b"x", ttl=64)], [ip(A, B, 99, b"x", ttl=11)]),
    ("-m tos --tos 0x10", [header(SYN, 0x10)], [header(SYN, 0x11), SYN]),
    ("-m tos --tos 0x10/0x3f", [header(SYN, 0x50)], [header(SYN, 0x18)]),
    ("-m tos ! --tos 0x10", [SYN], [header(SYN, 0x10)]),
    ("-m dscp --dscp-class EF", [header(SYN, 46 << 2), header(SYN, 46 << 2 | 3)], [SYN]),
    ("-m dscp ! --dscp 0", [header(SYN, 4)], [SYN, header(SYN, 3)]),
    ("-m iprange --src-range 10.0.1.3-10.0.1.5", [to(B, "10.0.1.3"), to(B, "10.0.1.5")], [to(B), to(B, "10.0.1.6")]),
    ("-m iprange ! --dst-range 10.0.2.3-10.0.2.5 --src-range 10.0.1.2", [to(B)], [to("10.0.2.4"), to(B, "10.0.1.3")]),
    ("-m iprange --src-range 10.0.1.5-10.0.1.3", [], [to(B, "10.0.1.4")]),
    ("-m pkttype --pkt-type unicast", [SYN], []),
    ("-m pkttype --pkt-type broadcast", [], [SYN]),
    ("-m addrtype --dst-type UNICAST", [to(B)], []),
    ("-m addrtype --src-type LOCAL", [], [to(B)]),
    ("-m addrtype ! --dst-type LOCAL --src-type UNICAST", [to(B)], []),
    ("-m physdev --physdev-is-bridged", [], [SYN]),
    ("-m physdev ! --physdev-is-bridged", [SYN], []),
    ("-m physdev ! --physdev-in a", [SYN], []),
    ("-m mark --mark 0", [SYN], []),
    ("-m mark ! --mark 0x0/0xff", [], [SYN]),
    ("-m conntrack --ctstate NEW", [ports(1, 2), SYN], [SYN_ACK, PONG]),
    ("-m conntrack --ctstate INVALID", [SYN_ACK, PONG, RST], [SYN, PING]),
    ("-m conntrack ! --ctstate INVALID", [SYN, PING], [SYN_ACK, PONG]),
    ("-m conntrack --ctstate UNTRACKED,RELATED", [], [SYN, SYN_ACK]),
    ("-m conntrack --ctstate DNAT", [], [SYN]),
    ("-m state --state NEW,INVALID", [SYN, SYN_ACK], []),
    ("-m conntrack --ctproto tcp", [SYN], [PING, SYN_ACK]),
    ("-m conntrack --ctproto udp ! --ctorigsrc 10.0.1.3", [to(B)], [to(B, "10.0.1.3"), SYN]),
    ("-m conntrack --ctorigdst 10.0.2.0/29 --ctreplsrc 10.0.2.0/29", [to("10.0.2.7")], [to("10.0.2.9")]),
    ("-m conntrack --ctorigdstport 80:90", [ports(1, 80), ports(1, 90, "tcp")], [ports(80, 1)]),
    ("-m conntrack --ctreplsrcport 80 ! --ctorigsrcport 1", [ports(2, 80)], [ports(1, 80), ports(2, 81)]),
    ("-m conntrack --ctdir ORIGINAL", [SYN], [SYN_ACK]),
    ("-m conntrack --ctdir REPLY", [], [SYN]),
    ("-m conntrack --ctstatus NONE", [], [SYN]),
    ("-m conntrack ! --ctstatus CONFIRMED", [SYN], []),
    ("-m conntrack --ctexpire 0:10 --ctstate NEW", [SYN], []),
    ("-m connmark --mark 0", [SYN], [SYN_ACK]),
    ("-m connmark ! --mark 1", [SYN], [SYN_ACK]),
    ("-p udp -m udp --dport 80 -m conntrack --ctstate NEW -m comment --comment x -s 10.0.1.0/24", [ports(1, 80)], [ports(1, 81)]),
]
