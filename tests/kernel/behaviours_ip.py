"""Recorded: ICMP errors and the silence, path MTU, redirects, fragments, loopback."""

from __future__ import annotations

from collections.abc import Callable

from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether

from tests.kernel.behaviours_tcp import bulk
from tests.kernel.lab import Lab
from tests.kernel.stories import Recording, closed_tcp, http_exchange, udp_exchange
from tests.kernel.topologies import BROADCAST, frame_to_router, hosts_at_a_router, hosts_on_a_bridge


def icmp_errors(lab: Lab) -> Recording:
    hosts_at_a_router(lab)
    recording = Recording("errors a router and a host send, and the silence", lab, [])
    recording.part("warm", lambda: lab.ping("a", "10.2.0.2"))
    for size in (10, 400, 1400):
        recording.part(f"time to live runs out, {size} bytes of data", lambda size=size: lab.send_udp("a", ("10.2.0.2", 9), b"q" * size, ttl=1))
    recording.part("no route", lambda: lab.ping("a", "10.77.0.1", wait=0.3))
    for number, kind in enumerate(("unreachable", "prohibit", "blackhole"), 78):
        lab.settle(1.1)
        lab.add_route("r", f"10.{number}.0.0/16", kind=kind)
        recording.part(f"{kind} route", lambda number=number: lab.ping("a", f"10.{number}.0.1", wait=0.3))
    lab.settle(3.1)
    recording.part("the last router cannot find the host", lambda: lab.ping("a", "10.2.0.77", wait=4.0), 0.2)
    recording.part("closed UDP port, 1400 bytes", lambda: lab.send_udp("a", ("10.2.0.2", 9), b"q" * 1400))
    strange = IP(src="10.1.0.2", dst="10.2.0.2", id=1, proto=200, ttl=64)
    recording.part("a protocol nobody speaks", lambda: lab.inject("a", "eth0", frame_to_router(lab, strange / b"12345678")))
    quoted = bytes(IP(src="10.2.0.2", dst="10.1.0.2", id=2) / UDP(sport=9, dport=9))
    silent = [
        ("about an ICMP error", IP(src="10.1.0.2", dst="10.2.0.2", id=1, ttl=1) / ICMP(type=3, code=3) / quoted),
        ("about a later fragment", IP(src="10.1.0.2", dst="10.2.0.2", id=1, ttl=1, frag=100, proto=17) / b"12345678"),
        ("to a source that is no host", IP(src="0.0.0.0", dst="10.2.0.2", id=1, ttl=1) / UDP(sport=9, dport=9)),
        ("to a broadcast source", IP(src="10.1.0.255", dst="10.2.0.2", id=1, ttl=1) / UDP(sport=9, dport=9)),
        ("about a broadcast", IP(src="10.1.0.2", dst="10.1.0.255", id=1) / UDP(sport=9, dport=9)),
        ("about a bad header checksum", IP(src="10.1.0.2", dst="10.2.0.2", id=1, ttl=1, chksum=1) / UDP(sport=9, dport=9)),
        ("about a bad UDP checksum", IP(src="10.1.0.2", dst="10.1.0.1", id=1) / UDP(sport=9, dport=9, chksum=1) / b"x"),
        ("about a martian source", IP(src="127.0.0.1", dst="10.2.0.2", id=1, ttl=1) / UDP(sport=9, dport=9)),
        ("about its own address as source", IP(src="10.1.0.1", dst="10.2.0.2", id=1, ttl=1) / UDP(sport=9, dport=9)),
    ]  # fmt: skip
    for title, packet in silent:
        recording.part(f"silence {title}", lambda packet=packet: lab.inject("a", "eth0", frame_to_router(lab, packet)))
    to_all = Ether(src=lab.mac("a", "eth0"), dst=BROADCAST)
    for title, packet in (
        ("a unicast packet in a broadcast frame", IP(src="10.1.0.2", dst="10.2.0.2", id=1, ttl=9)),
        ("same, for itself", IP(src="10.1.0.2", dst="10.1.0.1", id=1)),
    ):
        frame = bytes(to_all / packet / UDP(sport=9, dport=9))
        recording.part(f"silence about {title}", lambda frame=frame: lab.inject("a", "eth0", frame))
    lab.settle(7)
    errors = lambda: [lab.send_udp("a", ("10.2.0.2", 9), b"q", ttl=1) for _ in range(9)]  # noqa: E731
    recording.part("nine at once: the sixth is the last", errors)
    recording.part(
        "echo with options of the sender's: TOS",
        lambda: lab.inject("a", "eth0", frame_to_router(lab, IP(src="10.1.0.2", dst="10.1.0.1", id=1, tos=0x28) / ICMP(id=5, seq=1) / b"data")),
    )
    lab.settle(2.1)
    recording.part(
        "an error has precedence 6 and keeps the rest of the TOS",
        lambda: lab.inject("a", "eth0", frame_to_router(lab, IP(src="10.1.0.2", dst="10.2.0.2", id=1, ttl=1, tos=0x28) / UDP(sport=9, dport=9))),
    )
    return recording


def path_mtu(lab: Lab) -> Recording:
    hosts_at_a_router(lab)
    recording = Recording("a narrow link behind the router", lab, [])
    recording.part("warm", lambda: lab.ping("a", "10.2.0.2"))
    lab.set_mtu("r", "rb", 1000)
    recording.part("DF is told the MTU, then cut locally", lambda: lab.ping("a", "10.2.0.2", 2, 0.2, 0.3, size=1200, pmtu="do"))
    recording.part("what may be fragmented follows the learned MTU", lambda: lab.ping("a", "10.2.0.2", wait=0.3, size=1200))
    recording.part("TCP follows it too", lambda: bulk(lab, "a", ("10.2.0.2", 8080), "b", 3000))
    return recording


def redirects(lab: Lab) -> Recording:
    hosts_on_a_bridge(lab)
    lab.sysctl("h", "net.ipv4.ip_forward", 1)
    recording = Recording("a gateway on the same network", lab, [])
    lab.add_route("x", "10.9.0.2/32", "10.9.0.254")
    recording.part("x reaches y by the gateway, is told better, and follows", lambda: lab.ping("x", "10.9.0.2", 4, 0.2))
    for conf in ("all", "eth0"):
        lab.sysctl("x", f"net.ipv4.conf.{conf}.accept_redirects", 0)
    lab.add_route("x", "10.9.0.3/32", "10.9.0.254")
    recording.part("x does not listen", lambda: lab.ping("x", "10.9.0.3", 4, 0.2))
    return recording


def fragments(lab: Lab) -> Recording:
    hosts_at_a_router(lab)
    recording = Recording("fragments: made, forwarded, put together, made again", lab, ["r"])
    recording.part("warm", lambda: lab.ping("a", "10.2.0.2"))
    recording.part("ping of 3000 bytes", lambda: lab.ping("a", "10.2.0.2", size=3000))
    lab.set_mtu("r", "rb", 1000)
    lab.set_mtu("b", "eth0", 1000)
    recording.part("a narrower link: fragments of fragments", lambda: lab.ping("a", "10.2.0.2", size=3000, pmtu="dont", wait=0.3))
    lab.restore("r", "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m conntrack --ctstate NEW\n-A FORWARD\nCOMMIT\n")
    recording.part("the same with connection tracking", lambda: lab.ping("a", "10.2.0.2", size=3000, pmtu="dont", wait=0.3))
    lab.set_mtu("r", "rb", 1500)
    lab.set_mtu("b", "eth0", 1500)
    lab.set_mtu("a", "eth0", 700)
    recording.part("small fragments leave as they came", lambda: lab.ping("a", "10.2.0.2", size=1400, pmtu="dont"))
    lab.set_mtu("a", "eth0", 1500)
    recording.part("a datagram of 3000 bytes to a closed port", lambda: lab.send_udp("a", ("10.2.0.2", 9), b"u" * 3000))
    whole = bytes(UDP(sport=53, dport=9, chksum=0, len=8 + 96) / (b"abcdefgh" * 12))

    def piece(start: int, end: int, ident: int, dst: str = "10.2.0.2") -> bytes:
        more = "MF" if end < len(whole) else 0
        return frame_to_router(lab, IP(src="10.1.0.2", dst=dst, id=ident, flags=more, frag=start // 8, proto=17) / whole[start:end])

    def pieces(ident: int, *cuts: tuple[int, int]) -> Callable[[], None]:
        return lambda: [lab.inject("a", "eth0", piece(start, end, ident)) for start, end in cuts] and None

    recording.part("in the wrong order", pieces(1, (80, 104), (0, 40), (40, 80)))
    recording.part("one twice", pieces(2, (0, 40), (0, 40), (40, 104)))
    recording.part("overlapping", pieces(3, (0, 48), (40, 104)))
    recording.part("one missing", pieces(4, (0, 40), (80, 104)))
    return recording


def loopback(lab: Lab) -> Recording:
    hosts_on_a_bridge(lab, "xy")
    recording = Recording("a host talks to itself", lab, [])
    recording.part("127.0.0.1", lambda: lab.ping("x", "127.0.0.1"))
    recording.part("127.5.5.5", lambda: lab.ping("x", "127.5.5.5"))
    recording.part("its own address", lambda: lab.ping("x", "10.9.0.1"))
    recording.part("UDP to a closed port", lambda: lab.send_udp("x", ("127.0.0.1", 9), b"x"))
    recording.part("UDP over lo", lambda: udp_exchange(lab, "x", ("127.0.0.1", 5000), "x", ("127.0.0.1", 5000)))
    recording.part("TCP over lo", lambda: http_exchange(lab, "x", ("127.0.0.1", 8080), "x", ("127.0.0.1", 8080)))
    recording.part("TCP to its own address", lambda: http_exchange(lab, "x", ("10.9.0.1", 8080), "x", ("0.0.0.0", 8080)))
    recording.part("TCP to a closed port", lambda: closed_tcp(lab, "x", ("127.0.0.1", 9)))
    recording.part("ping of 3000 bytes", lambda: lab.ping("x", "127.0.0.1", size=3000))
    lab.add_address("x", "lo", "10.50.0.1/32")
    recording.part("y reaches an address on x's lo by a route", lambda: (lab.add_route("y", "10.50.0.1/32", "10.9.0.1"), lab.ping("y", "10.50.0.1")))
    mac = lab.mac("x", "eth0")
    martian = Ether(src=lab.mac("y", "eth0"), dst=mac) / IP(src="10.9.0.2", dst="127.0.0.1", id=1) / ICMP(id=1, seq=1) / b"let me in"
    recording.part("127.0.0.1 from outside", lambda: lab.inject("y", "eth0", bytes(martian)))
    lab.sysctl("x", "net.ipv4.conf.eth0.route_localnet", 1)
    recording.part("127.0.0.1 from outside, route_localnet on", lambda: lab.inject("y", "eth0", bytes(martian)))
    return recording


INTERNET: dict[str, Callable[[Lab], Recording]] = {
    "icmp-errors": icmp_errors,
    "path-mtu": path_mtu,
    "redirects": redirects,
    "fragments": fragments,
    "loopback": loopback,
}
