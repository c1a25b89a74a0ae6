"""Frames of any bytes never raise: they end delivered or dropped, and the ledger balances."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from emu.iproute import iptables
from emu.net.ip_header import header
from emu.wire.checksum import checksum
from emu.wire.frame import Frame
from tests.net.router import Router, echo, icmp, udp

RULES = """*nat
-A PREROUTING -p udp -m udp --dport 53 -j DNAT --to-destination 10.0.2.2:5353
-A POSTROUTING -o vb -j MASQUERADE
COMMIT
*filter
-A FORWARD -p tcp -m tcp --dport 23 -j REJECT --reject-with tcp-reset
-A FORWARD -m conntrack --ctstate INVALID -j DROP
COMMIT
"""
NAT = Router()
iptables.restore(NAT.r, RULES)
PLAIN = Router()

SEEDS = [
    udp("10.0.1.2", "10.0.2.2", b"0123456789"),
    udp("10.0.1.2", "10.0.1.1", b"0123456789", dport=53, options=b"\x07\x0b\x04" + b"\0" * 9),
    udp("10.0.1.2", "10.0.2.2", b"x" * 64, frag=0x2000),
    udp("10.0.1.2", "10.0.1.1", b"x" * 64, frag=0x0008),
    echo("10.0.1.2", "10.0.1.1"),
    icmp("10.0.1.2", "10.0.1.1", 3, 4, b"\0\0\0\x44", udp("10.0.1.1", "10.0.1.2")),
    icmp("10.0.1.2", "10.0.1.1", 5, 1, b"\x0a\0\1\x09", udp("10.0.1.1", "10.0.2.2")),
    icmp("10.0.1.2", "10.0.1.1", 13, 0, b"\0\0\0\0", b"\0" * 12),
    header(6, 40, 0x0A000102, 0x0A000101) + b"\x10\x00\x00\x50" + b"\0" * 8 + b"\x50\x02\xff\xff\0\0\0\0",
    header(6, 44, 0x0A000102, 0x0A000202) + b"\x10\x00\x00\x17" + b"\0" * 8 + b"\x60\x02\xff\xff\0\0\0\0\x02\x04\x05\xb4",
]


def feed(net: Router, wire: bytes) -> None:
    """One frame in at the router's va, from nowhere; then all there is to do for a while."""
    device = net.r.device("va")
    frame = Frame.make(wire, net.sim.new_id())
    if net.world.tp.life:
        net.world.tp.on_life("born", frame.id)
    net.sim.post_soon(device.receive, frame)
    net.run(0.001)


def mended(packet: bytes) -> bytes:
    """The packet with a right header checksum, so that the checks behind it are reached."""
    ihl = (packet[0] & 15) * 4 if packet else 0
    if ihl < 20 or len(packet) < ihl:
        return packet
    zero = packet[:10] + b"\0\0" + packet[12:]
    return packet[:10] + checksum(zero[:ihl]).to_bytes(2, "big") + packet[12:]


@given(st.binary(max_size=100))
def test_any_bytes(wire: bytes) -> None:
    feed(PLAIN, wire)


@given(st.binary(min_size=0, max_size=80), st.sampled_from([b"\x08\x00", b"\x08\x06", b"\x86\xdd", b"\x81\x00", b"\x00\x10"]))
def test_any_payload(payload: bytes, ethertype: bytes) -> None:
    feed(PLAIN, PLAIN.r.device("va").mac + b"\x02\0\0\0\1\2" + ethertype + payload)


@settings(max_examples=400)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 255)), max_size=4),
    st.integers(0, 20),
    st.booleans(),
    st.booleans(),
    st.sampled_from([b"\x02\0\0\0\1\1", b"\xff" * 6, b"\1\0\x5e\0\0\1", b"\2\0\0\0\x09\x09"]),
)
def test_mutated_packets(seed: bytes, changes: list[tuple[int, int]], cut: int, mend: bool, nat: bool, mac: bytes) -> None:
    packet = bytearray(seed)
    for at, value in changes:
        if at < len(packet):
            packet[at] = value
    data = bytes(packet[: len(packet) - cut])
    net = NAT if nat else PLAIN
    feed(net, mac + b"\x02\0\0\0\1\2\x08\x00" + (mended(data) if mend else data))


def test_the_books_balance_after_all_that() -> None:
    for net in (PLAIN, NAT):
        net.run(700)
        net.ledger.check()
