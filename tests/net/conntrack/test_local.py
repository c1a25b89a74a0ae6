"""NAT of a host's own traffic: OUTPUT and INPUT, loopback, REDIRECT. The same exchanges on the real kernel must look the same.

n 10.0.0.1 --- 10.0.0.2 p; a UDP server on n, port 5353, answers every datagram.
"""

from __future__ import annotations

import json
import os
import socket
from typing import Any

import pytest

from emu.iproute import addr, conntrack, iptables, link, route
from emu.net.netns import Kernel
from emu.net.sock.udp import UdpSocket
from emu.net.stack import new_namespace
from emu.sim import Sim
from emu.trace import Tracepoints
from emu.wire.addr import ip_int, ip_text

RULES = """\
*nat
-A OUTPUT -d 10.96.0.10/32 -p udp -m udp --dport 53 -j DNAT --to-destination 10.0.0.1:5353
-A OUTPUT -d 10.96.0.11/32 -p udp -m udp --dport 53 -j REDIRECT --to-ports 5353
-A OUTPUT -d 10.96.0.12/32 -p udp -m udp --dport 53 -j DNAT --to-destination 10.0.0.2:5353
-A OUTPUT -d 10.96.0.13/32 -p udp -m udp --dport 53 -j DNAT --to-destination 127.0.0.1:5353
-A PREROUTING -d 10.0.0.1/32 -p udp -m udp --dport 54 -j REDIRECT --to-ports 5353
-A INPUT -s 10.0.0.2/32 -p udp -m udp --dport 5353 -j SNAT --to-source 10.9.9.9
-A POSTROUTING -d 10.0.0.2/32 -j MASQUERADE
COMMIT
"""


def describe(wire: bytes) -> str:
    text = f"{ip_text(int.from_bytes(wire[26:30], 'big'))}>{ip_text(int.from_bytes(wire[30:34], 'big'))}"
    if wire[23] == 17:
        return f"{text} udp {int.from_bytes(wire[34:36], 'big')}>{int.from_bytes(wire[36:38], 'big')}"
    quote = wire[42:]
    return (
        f"{text} icmp {wire[34]}/{wire[35]} about {ip_text(int.from_bytes(quote[12:16], 'big'))}:{int.from_bytes(quote[20:22], 'big')}"
        f">{ip_text(int.from_bytes(quote[16:20], 'big'))}:{int.from_bytes(quote[22:24], 'big')}"
    )


class Emulated:
    def __init__(self) -> None:
        self.sim = Sim(1)
        tp = Tracepoints(self.sim)
        kernel = Kernel("n", self.sim, tp)
        self.ns = {name: new_namespace(name, kernel) for name in "np"}
        link.add_veth(self.ns["n"], "eth0", self.ns["p"], "eth0")
        for name, ip in (("n", "10.0.0.1/24"), ("p", "10.0.0.2/24")):
            addr.add(self.ns[name], "eth0", ip)
            link.set_up(self.ns[name], "eth0")
            link.set_up(self.ns[name], "lo")
        self.sim.run(2 * 10**9)
        route.add(self.ns["n"], "0.0.0.0/0", via="10.0.0.2")
        iptables.restore(self.ns["n"], RULES)
        self.frames: list[str] = []
        tp.attach("frame", lambda t, dev, way, frame: self.frames.append(f"{dev.netns.name}.{dev.name} {way} {frame.wire.hex()}"))

    def socket(self, name: str, ip: str, port: int) -> Any:
        made = UdpSocket(self.ns[name])
        made.bind(ip_int(ip), port)
        return made

    def send(self, sock: Any, to: tuple[str, int]) -> None:
        sock.sendto(b"hi", ip_int(to[0]), to[1])
        self.sim.run(self.sim.now + 50_000_000)

    def receive(self, sock: Any) -> list[Any]:
        try:
            return list(sock.recvfrom()[1])
        except BlockingIOError:
            return []

    def seen(self) -> list[str]:
        frames, self.frames = self.frames, []
        return frames

    def connections(self) -> list[str]:
        return conntrack.show(self.ns["n"]).splitlines()


class Linux:
    """Only inside `tests.kernel.lab.privately`."""

    def __init__(self) -> None:
        from tests.kernel.lab import Lab

        self.lab = lab = Lab()
        for name in "np":
            lab.add_netns(name)
        lab.add_veth("n", "eth0", "p", "eth0")
        for name, ip in (("n", "10.0.0.1/24"), ("p", "10.0.0.2/24")):
            lab.run(name, f"ip addr add {ip} dev eth0")
            lab.run(name, "ip link set eth0 up")
        lab.run("n", "ip route add default via 10.0.0.2")
        lab.run("n", "iptables-restore", stdin=RULES)
        self.mark = lab.mark()

    def socket(self, name: str, ip: str, port: int) -> Any:
        made = self.lab.socket(name, socket.SOCK_DGRAM)
        made.bind((ip, port))
        made.settimeout(0.2)
        return made

    def send(self, sock: Any, to: tuple[str, int]) -> None:
        sock.sendto(b"hi", to)

    def receive(self, sock: Any) -> list[Any]:
        try:
            return list(sock.recvfrom(99)[1])
        except TimeoutError:
            return []

    def seen(self) -> list[str]:
        self.lab.settle(0.1)
        frames = self.lab.since(self.mark)
        self.mark = self.lab.mark()
        return [f"{frame.netns}.{frame.dev} {frame.direction} {frame.data.hex()}" for frame in frames]

    def connections(self) -> list[str]:
        return self.lab.run("n", "conntrack -L", check=False).stdout.splitlines()


def exchange(host: Any, name: str, ip: str, port: int, to: tuple[str, int], served: bool = True) -> dict[str, Any]:
    """Send a datagram and have it answered; who each side believes the other to be, and every IPv4 frame."""
    server = host.socket("n", "0.0.0.0", 5353) if served else None
    client = host.socket(name, ip, port)
    told: dict[str, Any] = {}
    host.send(client, to)
    if server is not None:
        told["server saw"] = host.receive(server)
        if told["server saw"]:
            host.send(server, tuple(told["server saw"]))
            told["client saw"] = host.receive(client)
        server.close()
    client.close()
    told["frames"] = []
    for line in host.seen():
        device, way, wire = line.split()
        if wire[24:28] == "0800":
            told["frames"].append(f"{device} {way} {describe(bytes.fromhex(wire))}")
    return told


def story(host: Any) -> list[Any]:
    told: list[Any] = [exchange(host, "n", "0.0.0.0", 1000 + last, (f"10.96.0.{last}", 53)) for last in (10, 11, 12, 13)]
    told.append(exchange(host, "n", "0.0.0.0", 1020, ("10.96.0.10", 53), served=False))
    told.append(exchange(host, "p", "10.0.0.2", 1030, ("10.0.0.1", 54)))
    told.append(exchange(host, "p", "10.0.0.2", 1031, ("10.0.0.1", 54), served=False))
    told.append(sorted(" ".join(line.split()[:2] + line.split()[3:]) for line in host.connections()))
    return told


def test_a_local_program_reaches_a_local_server_through_a_service() -> None:
    told = exchange(Emulated(), "n", "0.0.0.0", 1010, ("10.96.0.10", 53))
    assert told == {
        "server saw": ["10.0.0.1", 1010],
        "client saw": ["10.96.0.10", 53],
        "frames": [
            "n.lo tx 10.0.0.1>10.0.0.1 udp 1010>5353",
            "n.lo rx 10.0.0.1>10.0.0.1 udp 1010>5353",
            "n.lo tx 10.96.0.10>10.0.0.1 udp 53>1010",
            "n.lo rx 10.96.0.10>10.0.0.1 udp 53>1010",
        ],
    }


def test_input_snat_changes_what_the_server_sees_and_the_answer_finds_back() -> None:
    told = exchange(Emulated(), "p", "10.0.0.2", 1030, ("10.0.0.1", 54))
    assert (told["server saw"], told["client saw"]) == (["10.9.9.9", 1030], ["10.0.0.1", 54])


def test_an_answer_to_another_address_than_was_asked_is_what_the_kernel_gives_too() -> None:
    told = exchange(Emulated(), "n", "0.0.0.0", 1013, ("10.96.0.13", 53))
    assert told["client saw"] == ["10.0.0.1", 5353]  # DNAT to 127.0.0.1 keeps the source; the server answers from its own choice


@pytest.mark.root
def test_it_is_as_on_linux() -> None:
    from tests.kernel.lab import privately

    reader, writer = os.pipe()

    def on_linux() -> None:
        host = Linux()
        try:
            text = json.dumps(story(host))
        finally:
            host.lab.close()
        with os.fdopen(writer, "w") as file:
            file.write(text)

    assert privately(on_linux) == 0
    os.close(writer)
    with os.fdopen(reader) as file:
        real = json.load(file)
    for step, (emulated, linux) in enumerate(zip(story(Emulated()), real, strict=True)):
        assert emulated == linux, f"exchange {step}"
