"""The emulated box and the kernel's, packet by packet: what comes out, byte for byte, what it was taken for, and what `conntrack -L` says."""

from __future__ import annotations

import os
import random
import struct
import time
from collections.abc import Callable

import pytest

from emu.iproute.conntrack import show
from emu.net.conntrack.nat import PERSISTENT, NatRange
from emu.wire.addr import ip_int
from tests.kernel.lab import privately
from tests.net.conntrack import packets as p
from tests.net.conntrack.box import Box, to_ip
from tests.net.conntrack.kernel_box import KernelBox, kernel_box

pytestmark = pytest.mark.root

A, B, VIP = "10.0.1.2", "10.0.2.2", "10.0.2.9"


def on_linux(job: Callable[[KernelBox], None]) -> None:
    def inside() -> None:
        with kernel_box() as kernel:
            job(kernel)

    assert privately(inside) == 0


def same_entries(real: list[str], emulated: list[str]) -> bool:
    """Equal, but a second left more or less: the two clocks are not read in one instant."""

    def sorted_words(lines: list[str]) -> list[tuple[list[str], int]]:
        return sorted((line.split()[:2] + line.split()[3:], int(line.split()[2])) for line in lines)

    pairs = list(zip(sorted_words(real), sorted_words(emulated), strict=False))
    return len(real) == len(emulated) and all(one[0] == other[0] and abs(one[1] - other[1]) <= 1 for one, other in pairs)


def keep_time(kernel: KernelBox, box: Box) -> None:
    """The emulated box's clock shows the time since the kernel's was built."""
    box.sim.run(time.monotonic_ns() - kernel.began_ns)


def both(kernel: KernelBox, box: Box, side: str, packet: bytes, what: str) -> bytes | None:
    real = kernel.send(side, packet)
    out = real[0][1] if real else None
    keep_time(kernel, box)
    emulated = box.send(packet)
    assert emulated == out, f"{what}: emulated {emulated and emulated.hex()}, Linux {out and out.hex()}, {box.steps[-3:]}"
    return out


def segments(chance: random.Random) -> list[tuple[int, str, int, int, int, int, bytes]]:
    """A TCP conversation with accidents: (side, flags, seq, ack, window, bytes of data, options)."""
    following = [chance.getrandbits(32), chance.getrandbits(32)]
    normal = chance.random() < 0.7
    made = []
    for i in range(14):
        side = chance.randrange(2)
        flags = chance.choice(["A", "A", "A", "PA", "PA", "FA", "FA", "R", "RA", "S", "S", "SA", "A", "FPA", "", "FR", "AU"])
        if normal and i < 3:
            side, flags = (0, 1, 0)[i], ("S", "SA", "A")[i]
        seq, ack = following[side], following[1 - side] if "A" in flags else chance.choice([0, following[1 - side]])
        accident = chance.random()
        if accident < 0.25:
            seq += chance.choice([-1, 1, -100, 1000, 100_000, -100_000, 70_000, 1 << 31, 2, 64_240, 64_241])
        elif accident < 0.35:
            ack += chance.choice([-1, 1, -100, 1000, 100_000, -100_000, -66_000, -66_001, 1 << 31])
        elif accident < 0.44:
            seq, ack = (chance.choice([0, seq]), chance.choice([0, ack])) if accident < 0.41 else (chance.getrandbits(32), ack)
        data = chance.choice([0, 0, 0, 1, 100, 1000]) if "S" not in flags else chance.choice([0, 0, 0, 5])
        options = b""
        if "S" in flags:
            options = chance.choice([b"", b"\x02\x04\x05\xb4"]) + chance.choice([b"", b"\x04\x02"])
            options += chance.choice([b"", bytes([3, 3, chance.choice([0, 2, 7, 14, 15])]), b"\x03"])
        elif chance.random() < 0.2:
            edge = following[1 - side] + chance.choice([0, 1, 100, -50]) & 0xFFFFFFFF
            options = b"\x01\x01\x05\x0a" + struct.pack(">II", edge - 10 & 0xFFFFFFFF, edge)
        elif chance.random() < 0.3:
            options = b"\x01\x01\x08\x0a" + bytes(8)
        made.append((side, flags, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, chance.choice([64_240, 64_240, 502, 0, 1, 65_535, 1000]), data, options))
        if chance.random() < 0.9:
            following[side] = seq + data + ("S" in flags) + ("F" in flags) & 0xFFFFFFFF
    return made


@pytest.mark.parametrize(
    "sysctls",
    [{}, {"tcp_loose": 0}, *(pytest.param({name: 1}, marks=pytest.mark.slow) for name in ("tcp_be_liberal", "tcp_ignore_invalid_rst"))],
    ids=str,
)
def test_tcp_conversations_with_accidents(sysctls: dict[str, int]) -> None:
    conversations = int(os.environ.get("EMU_CONVERSATIONS", "12"))

    def job(kernel: KernelBox) -> None:
        box = Box()
        for name, value in sysctls.items():
            kernel.lab.sysctl("box", f"net.netfilter.nf_conntrack_{name}", value)
            setattr(box.ns.sysctl, f"nf_conntrack_{name}", value)
        for number in range(conversations):
            port = 1024 + number
            for i, (side, flags, seq, ack, win, data, options) in enumerate(segments(random.Random(number))):
                ends = (A, port, B, 80) if side == 0 else (B, 80, A, port)
                what = f"conversation {number}, segment {i}: {flags}"
                both(kernel, box, "ab"[side], p.tcp(*ends, flags, seq, ack, win, b"x" * data, options), what)
                real = [line for line in kernel.entries("-p tcp") if f"port={port} " in line]
                keep_time(kernel, box)
                emulated = [line for line in show(box.ns, proto="tcp").splitlines() if f"port={port} " in line]
                assert same_entries(real, emulated), f"{what}: emulated {emulated}, Linux {real}"

    on_linux(job)


RULES = [
    (f"PREROUTING -d {VIP} -p udp --dport 53 -j DNAT --to-destination {B}:5353", lambda skb: skb.proto == 17 and skb.dport == 53, to_ip(B, 5353)),
    (f"PREROUTING -d {VIP} -p tcp --dport 80 -j DNAT --to-destination {B}:8080", lambda skb: skb.proto == 6 and skb.dport == 80, to_ip(B, 8080)),
    (f"PREROUTING -d {VIP} -p icmp -j DNAT --to-destination {B}", lambda skb: skb.proto == 1, to_ip(B)),
]  # fmt: skip


def with_rules(kernel: KernelBox, box: Box) -> None:
    for text, match, target in RULES:
        kernel.iptables(f"-t nat -A {text}")
        box.dnat(lambda skb, match=match: skb.daddr == ip_int(VIP) and match(skb), target)  # type: ignore[misc]
    kernel.iptables("-t nat -A POSTROUTING -s 10.0.1.3 -j SNAT --to-source 10.0.2.7")
    box.snat(lambda skb: skb.saddr == ip_int("10.0.1.3"), to_ip("10.0.2.7"))


def test_nat_in_packets_answers_and_icmp_errors() -> None:
    def job(kernel: KernelBox) -> None:
        box = Box()
        with_rules(kernel, box)

        def a(packet: bytes, what: str) -> bytes:
            return both(kernel, box, "a", packet, what) or b""

        def b(packet: bytes, what: str) -> bytes:
            return both(kernel, box, "b", packet, what) or b""

        sent = a(p.udp(A, 1000, VIP, 53, b"odd"), "DNAT of UDP")
        for size in (28, 30, 24, len(sent)):
            b(p.error(B, A, sent[:size]), f"port unreachable quoting {size} bytes")
        b(p.error("10.0.2.8", A, sent, kind=11, code=0), "time exceeded from a router on the way")
        b(p.error(B, A, sent[:28], kind=3, code=4, rest=1000), "fragmentation needed")
        b(p.error(B, A, sent[:28], kind=5, code=1, rest=ip_int("10.0.2.1")), "redirect")
        b(p.error(B, "10.0.1.7", sent[:28]), "error to somebody else")
        answer = b(p.udp(B, 5353, A, 1000, b"answer"), "answer")
        a(p.error(A, VIP, answer), "error about the answer")
        a(p.error(A, VIP, answer[:28]), "error about the answer, cut short")
        a(p.udp(A, 1001, VIP, 53, check=False), "UDP without a checksum")
        b(p.udp(B, 5353, A, 1001, check=False), "its answer")
        a(p.udp(A, 1002, VIP, 53)[:-1] + b"!", "bad UDP checksum")
        sent = a(p.tcp(A, 2000, VIP, 80, "S", 100), "DNAT of TCP")
        b(p.error(B, A, sent[:28], code=1), "host unreachable, 8 bytes of TCP")
        b(p.error(B, A, sent, code=1), "host unreachable, the whole segment")
        b(p.tcp(B, 8080, A, 2000, "SA", 500, 101), "SYN-ACK")
        a(p.tcp(A, 2000, VIP, 80, "A", 101, 501), "ACK")
        b(p.tcp(B, 8080, A, 2000, "RA", 501, 101), "RST")
        a(p.ip(A, VIP, 6, b"\x08\x00\x00\x50"), "four bytes of TCP")
        a(p.ip(A, VIP, 1, b"\x08\x00\x00"), "three bytes of ICMP")
        sent = a(p.echo(A, VIP, 7), "DNAT of ping")
        b(p.echo(B, A, 7, reply=True), "its answer")
        b(p.error("10.0.2.8", A, sent, kind=11, code=0), "an error about the ping")
        for packet, port in ((p.udp("10.0.1.3", 3000, B, 99), 99), (p.udp("10.0.1.3", 3000, VIP, 53), 5353)):
            sent = a(packet, "SNAT")
            answer = b(p.udp(B, port, "10.0.2.7", 3000), "its answer")
            b(p.error(B, "10.0.2.7", sent), "an error about it")
            a(p.error("10.0.1.3", VIP if port == 5353 else B, answer), "an error about the answer")
        a(p.echo("10.0.1.3", B, 9), "SNAT of ping")
        b(p.echo(B, "10.0.2.7", 9, reply=True), "its answer")
        a(p.ip("10.0.1.3", B, 99, b"hello"), "SNAT of another protocol")
        b(p.ip(B, "10.0.2.7", 99, b"hello"), "its answer")
        real = kernel.entries()
        keep_time(kernel, box)
        assert same_entries(real, show(box.ns).splitlines())

    on_linux(job)


def test_addresses_out_of_a_range_are_those_that_linux_chooses() -> None:
    def job(kernel: KernelBox) -> None:
        box = Box()
        for i in range(10, 30):
            kernel.lab.run("box", f"ip neigh replace 10.0.2.{i} lladdr {kernel.mac('b', 'w')} nud permanent dev b")
        for client, flags, option in (("10.0.1.4", 0, ""), ("10.0.1.5", PERSISTENT, "--persistent")):
            kernel.iptables(f"-t nat -A POSTROUTING -s {client} -j SNAT --to-source 10.0.2.10-10.0.2.29 {option}")
            box.snat(lambda skb, client=client: skb.saddr == ip_int(client), NatRange(flags, ip_int("10.0.2.10"), ip_int("10.0.2.29")))  # type: ignore[misc]
        for host in range(2, 10):
            for client, port in (("10.0.1.4", 4000), ("10.0.1.5", 5000)):
                both(kernel, box, "a", p.udp(client, port + host, f"10.0.2.{host}", 99), f"{client} to {host}")
                both(kernel, box, "a", p.udp(client, port, f"10.0.2.{host}", 99), f"{client} to {host} from the same port again")

    on_linux(job)


def test_a_taken_port_is_replaced_within_its_class() -> None:
    def job(kernel: KernelBox) -> None:
        box = Box()
        with_rules(kernel, box)
        kernel.iptables("-t nat -A POSTROUTING -s 10.0.1.4 -j SNAT --to-source 10.0.2.7")
        box.snat(lambda skb: skb.saddr == ip_int("10.0.1.4"), to_ip("10.0.2.7"))
        for port, low, high in ((40_000, 1024, 65_535), (700, 600, 1023), (80, 1, 511)):
            for client in ("10.0.1.3", "10.0.1.4"):
                packet = p.udp(client, port, B, 7)
                ports = [out[20] << 8 | out[21] for out in (kernel.send("a", packet)[0][1], box.send(packet) or b"")]
                if client == "10.0.1.3":
                    assert ports == [port, port]
                else:
                    assert all(low <= chosen <= high and chosen != port for chosen in ports)

    on_linux(job)


def test_udp_becomes_a_stream_after_two_seconds() -> None:
    def job(kernel: KernelBox) -> None:
        box = Box()
        for side, packet in (("a", p.udp(A, 1000, B, 53)), ("b", p.udp(B, 53, A, 1000)), ("a", p.udp(A, 1000, B, 53))):
            both(kernel, box, side, packet, "at once")
            real = kernel.entries()
        keep_time(kernel, box)
        assert same_entries(real, show(box.ns).splitlines())
        time.sleep(2.1)
        both(kernel, box, "a", p.udp(A, 1000, B, 53), "after two seconds")
        real = kernel.entries()
        keep_time(kernel, box)
        assert same_entries(real, show(box.ns).splitlines())

    on_linux(job)


def dotted(packet: bytes, at: int) -> str:
    return ".".join(map(str, packet[at : at + 4]))


def ports(packet: bytes) -> tuple[int, int]:
    return packet[20] << 8 | packet[21], packet[22] << 8 | packet[23]


def answer(chance: random.Random, seen: bytes) -> bytes | None:
    """A packet back to where `seen` came from."""
    src, dst, proto = dotted(seen, 16), dotted(seen, 12), seen[9]
    if proto == 17:
        sport, dport = ports(seen)
        return p.udp(src, dport, dst, sport, b"r" * chance.randrange(9), check=chance.random() < 0.9)
    if proto == 6:
        sport, dport = ports(seen)
        seq = chance.getrandbits(32) if chance.random() < 0.3 else 500
        return p.tcp(src, dport, dst, sport, chance.choice(["SA", "A", "RA", "FA"]), seq, int.from_bytes(seen[24:28], "big") + 1)
    if proto == 1 and len(seen) >= 28:
        return p.echo(src, dst, seen[24] << 8 | seen[25], reply=seen[20] == 8)
    return None


def complaint(chance: random.Random, side: str, seen: bytes) -> bytes:
    """An ICMP error about `seen`."""
    src = chance.choice([dotted(seen, 16), "10.0.2.8" if side == "b" else "10.0.1.8"])
    dst = dotted(seen, 12) if chance.random() < 0.9 else "10.0.1.6" if side == "b" else "10.0.2.6"
    kind, code = chance.choice([(3, 3), (3, 4), (11, 0), (12, 0), (4, 0), (5, 1), (3, 1)])
    return p.error(src, dst, seen[: chance.choice([len(seen), 28, 28, 20, 24, 32, 40])], kind, code, chance.choice([0, 1400]))


def request(chance: random.Random) -> bytes:
    """Something new from a client, to the Service or past it."""
    src, dst, port = chance.choice([A, "10.0.1.3", "10.0.1.4"]), chance.choice([VIP, VIP, "10.0.2.3"]), chance.choice([1000, 1001])
    proto = chance.choice([17, 17, 6, 6, 1, 99])
    if proto == 17:
        return p.udp(src, port, dst, chance.choice([53, 54]), b"x" * chance.randrange(30), check=chance.random() < 0.9)
    if proto == 6:
        flags = chance.choice(["S", "S", "S", "A", "PA", "FA", "R"])
        return p.tcp(
            src, port, dst, chance.choice([80, 81]), flags, chance.choice([100, 101, 5000]), chance.choice([0, 501]), data=b"y" * chance.choice([0, 5])
        )
    if proto == 1:
        return p.echo(src, dst, chance.choice([7, 8]))
    return p.ip(src, dst, chance.choice([50, 99]), b"z" * chance.randrange(12))


def differ_by_chance(packet: bytes, other: bytes | None) -> bool:
    """A first packet whose port or identifier was taken: both kernels drew another one."""
    if other is None or packet[1] != 4 or packet[:20] != other[:20]:
        return False
    free = {17: {20, 21, 26, 27}, 6: {20, 21, 36, 37}, 1: {22, 23, 24, 25}}.get(packet[9], set())
    return all(a == b or at in free for at, (a, b) in enumerate(zip(packet, other, strict=True)))


def test_nat_of_whatever_comes() -> None:
    rounds = int(os.environ.get("EMU_CONVERSATIONS", "12")) * 3

    def job(kernel: KernelBox) -> None:
        box = Box()
        with_rules(kernel, box)
        for conf in ("all", "a", "b"):
            kernel.lab.sysctl("box", f"net.ipv4.conf.{conf}.send_redirects", 0)
        for number in range(rounds):
            kernel.flush()
            box.ct.flush()
            chance = random.Random(number)
            seen: list[tuple[str, bytes]] = []
            for i in range(60):
                side, packet, what = "a", None, chance.random()
                if seen and what < 0.6:
                    side, last = chance.choice(seen)
                    packet = answer(chance, last) if what < 0.35 else complaint(chance, side, last)
                packet = packet or request(chance)
                if chance.random() < 0.05:
                    packet = packet[:-1] + bytes([packet[-1] ^ 1])
                real = kernel.send(side, packet)
                keep_time(kernel, box)
                emulated = box.send(packet)
                out = real[0][1] if real else None
                if emulated is not None and emulated != out and differ_by_chance(emulated, out):
                    break
                assert emulated == out, f"round {number}, packet {i}: {packet.hex()}, {box.steps[-3:]}"
                seen += real
            else:
                lines = kernel.entries()
                keep_time(kernel, box)
                assert same_entries(lines, show(box.ns).splitlines()), f"round {number}"

    on_linux(job)
