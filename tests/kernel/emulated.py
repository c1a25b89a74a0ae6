"""The same lab on the emulator: `EmulatedLab` plays the recorded stories with emulated namespaces and sockets in virtual time."""

from __future__ import annotations

import struct
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Callable, Coroutine
from contextlib import suppress
from socket import IP_TTL, IPPROTO_IP, SO_LINGER, SO_REUSEADDR, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET
from typing import Any

from emu.aio.loop import Loop
from emu.aio.process import run, spawn
from emu.apps.ping import ping
from emu.apps.traceroute import traceroute
from emu.fabric import World
from emu.iproute import addr, bridge, conntrack, iptables, link, neigh, route, sysctl
from emu.lab.send import transmit
from emu.net.netns import Namespace
from emu.net.sock.ping import PingSocket
from emu.net.sock.tcp import TcpSocket
from emu.net.sock.tcp_listen import TcpListener
from emu.net.sock.udp import UdpSocket
from emu.wire.addr import ip_int, ip_text
from tests.kernel.lab import Captured, Lab

NS = 1_000_000_000
PING_OPTIONS = {
    "-c": ("count", int), "-i": ("interval", float), "-W": ("timeout", float), "-t": ("ttl", int), "-s": ("size", int), "-M": ("df", str),
    "-q": ("quiet", bool), "-b": ("broadcast", bool), "-I": ("source", str), "-Q": ("tos", int),
}  # fmt: skip
TRACEROUTE_OPTIONS = {"-n": ("numeric", bool), "-m": ("max_hops", int), "-q": ("queries", int), "-w": ("wait", float), "-f": ("first_hop", int)}
STEP_NS = 5_000_000  # a system call and all that follows from it at once; shorter than any timer of the stack


class EmulatedLab(Lab):
    """Lab's methods on one emulated machine. Waiting is virtual: `settle` moves the clock."""

    def __post_init__(self) -> None:
        self.watch(World(seed=1))
        self.machine = self.world.add_machine("machine")

    def watch(self, world: World) -> None:
        self.world = world
        self.loop = Loop(world.sim)
        world.tp.attach("frame", self.capture)

    def capture(self, now: int, device: object, direction: str, frame: object) -> None:
        netns, name = device.netns.name, device.name  # type: ignore[attr-defined]
        self.frames.append(Captured(now, netns, name, 4 if direction == "tx" else 0, False, frame.wire))  # type: ignore[attr-defined]

    def ns(self, name: str) -> Namespace:
        return self.machine.namespace(name)

    def step(self, ns: int = STEP_NS) -> None:
        self.world.sim.run(self.world.sim.now + ns)

    # --- configuration

    def add_netns(self, name: str) -> None:
        link.set_up(self.machine.add_netns(name), "lo")

    def sysctl(self, name: str, key: str, value: object) -> None:
        sysctl.set(self.ns(name), key, value)

    def add_veth(self, name: str, dev: str, peer_netns: str, peer_dev: str) -> None:
        link.add_veth(self.ns(name), dev, self.ns(peer_netns), peer_dev)
        for where, what in ((name, dev), (peer_netns, peer_dev)):
            self.macs.setdefault(self.mac(where, what), f"{where}.{what}")

    def add_bridge(self, name: str, dev: str) -> None:
        link.add_bridge(self.ns(name), dev)
        self.macs.setdefault(self.mac(name, dev), f"{name}.{dev}")

    def add_vxlan(self, name: str, dev: str, vni: int, local: str, lower: str, learning: bool) -> None:
        link.add_vxlan(self.ns(name), dev, vni, local=local, dev=lower, learning=learning)
        self.macs.setdefault(self.mac(name, dev), f"{name}.{dev}")

    def add_endpoint(self, name: str, dev: str, mac: str, address: str) -> None:
        bridge.fdb_add(self.ns(name), mac, dev, self=True, append=True, dst=address)

    def endpoints(self, name: str, dev: str) -> str:
        return bridge.fdb_show(self.ns(name), dev)

    def add_onlink_route(self, name: str, destination: str, via: str, dev: str) -> None:
        route.add(self.ns(name), destination, via=via, dev=dev, onlink=True)

    def mac(self, name: str, dev: str) -> str:
        return self.ns(name).device(dev).mac.hex(":")

    def pin_mac(self, name: str, dev: str) -> None:
        link.set_address(self.ns(name), dev, self.ns(name).device(dev).mac)

    def set_up(self, name: str, dev: str) -> None:
        link.set_up(self.ns(name), dev)

    def set_down(self, name: str, dev: str) -> None:
        link.set_down(self.ns(name), dev)

    def set_mtu(self, name: str, dev: str, mtu: int) -> None:
        link.set_mtu(self.ns(name), dev, mtu)

    def set_mac(self, name: str, dev: str, mac: str) -> None:
        link.set_address(self.ns(name), dev, mac)

    def set_master(self, name: str, dev: str, bridge: str) -> None:
        link.set_master(self.ns(name), dev, bridge)

    def set_hairpin(self, name: str, dev: str, on: bool = True) -> None:
        bridge.link_set(self.ns(name), dev, hairpin=on)

    def set_bridge_port(self, name: str, dev: str, **flags: bool) -> None:
        bridge.link_set(self.ns(name), dev, **flags)

    def set_ageing(self, name: str, bridge_dev: str, seconds: float) -> None:
        bridge.set_ageing_time(self.ns(name), bridge_dev, seconds)

    def delete_link(self, name: str, dev: str) -> None:
        link.delete(self.ns(name), dev)

    def add_address(self, name: str, dev: str, address: str) -> None:
        addr.add(self.ns(name), dev, address)

    def delete_address(self, name: str, dev: str, address: str) -> None:
        addr.delete(self.ns(name), dev, address)

    def add_route(self, name: str, destination: str, via: str = "", kind: str = "unicast") -> None:
        route.add(self.ns(name), destination, via=via or None, type=kind)

    def run_ip(self, name: str, command: str) -> None:
        words = command.split()
        assert words[:2] == ["route", "add"]
        kind = words.pop(2) if words[2] in ("blackhole", "unreachable", "prohibit") else "unicast"
        options: dict[str, Any] = {"type": kind}
        rest = iter(words[3:])
        for word in rest:
            options[word] = True if word == "onlink" else int(next(rest)) if word == "metric" else next(rest)
        route.add(self.ns(name), words[2], **options)

    def routes(self, name: str) -> str:
        return route.show(self.ns(name))

    def flush_routes_cache(self, name: str) -> None:
        route.flush(self.ns(name), table="cache")

    def flush_neighbours(self, name: str, dev: str) -> None:
        neigh.flush(self.ns(name), dev)

    def set_neighbour(self, name: str, dev: str, address: str, mac: str, state: str) -> None:
        neigh.replace(self.ns(name), address, dev, mac, state)

    def neighbours(self, name: str) -> list[tuple[str, str, str]]:
        return self.parse_neighbours(neigh.show(self.ns(name)))

    def restore(self, name: str, text: str) -> None:
        iptables.restore(self.ns(name), text)

    def saved_rules(self, name: str) -> str:
        return iptables.save(self.ns(name), counters=True)

    def forget_connections(self, name: str, protocol: str) -> None:
        conntrack.delete(self.ns(name), proto=protocol)

    def conntrack(self, name: str) -> str:
        return conntrack.show(self.ns(name))

    def wait_forwarding(self, name: str, dev: str, seconds: float = 3.0) -> None:
        self.step()
        assert "state forwarding" in bridge.link_show(self.ns(name), dev)

    # --- traffic

    def ping(
        self, name: str, address: str, count: int = 1, interval: float = 1.0, wait: float = 1.0, ttl: int = 64, size: int = 56, pmtu: str = "want"
    ) -> None:
        """The frames of iputils' ping; it prints nothing and, like ping, is done when every request was answered or told undeliverable."""
        sock = PingSocket(self.ns(name))
        sock.ttl, sock.recverr, sock.pmtudisc = ttl, True, {"dont": 0, "want": 1, "do": 2}[pmtu]
        told = 0
        for sequence in range(1, count + 1):
            began = self.world.sim.now
            data = (struct.pack("<qq", *divmod(began // 1000, 1_000_000)) + bytes(byte & 0xFF for byte in range(0x10, size)))[:size]
            deadline = began + round((wait if sequence == count else interval) * NS)
            with suppress(OSError):
                sock.sendto(struct.pack("!BBHHH", 8, 0, 0, 0, sequence) + data, ip_int(address))
            while self.world.sim.now < deadline:
                self.step(min(STEP_NS, deadline - self.world.sim.now))
                with suppress(OSError):
                    told += sock.recv() is not None
                while sock.take_queued_error() is not None:
                    told += 1
                if sequence == count and told == count:
                    break
        sock.close()

    def program(self, name: str, command: str) -> str:
        """The emulator's own ping and traceroute."""
        words = command.split()
        parser = ArgumentParser()
        given = {"ping": PING_OPTIONS, "traceroute": TRACEROUTE_OPTIONS}[words[0]]
        for option, (key, kind) in given.items():
            if kind is bool:
                parser.add_argument(option, dest=key, action="store_true")
            else:
                parser.add_argument(option, dest=key, type=kind, default=SUPPRESS)
        parser.add_argument("destination")
        options = vars(parser.parse_args(words[1:]))
        result: Any = run(self.loop, self.ns(name), ping(**options) if words[0] == "ping" else traceroute(**options))
        return "".join(f"{line}\n" for line in result.lines) + f"exit {result.status}"

    def serve(self, name: str, program: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        spawn(self.loop, self.ns(name), program())
        self.settle(0.3)

    def complete(self, name: str, program: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        run(self.loop, self.ns(name), program())
        self.settle(0.3)

    def inject(self, name: str, dev: str, frame: bytes) -> None:
        transmit(self.ns(name), frame, dev)
        self.settle(0.02)

    def socket(self, name: str, kind: int, proto: int = 0) -> EmulatedSocket:  # type: ignore[override]
        return EmulatedSocket(self, name, kind)

    # --- captures

    def drain(self) -> None:
        pass

    def settle(self, seconds: float = 0.1) -> None:
        self.step(round(seconds * NS))

    def close(self) -> None:
        pass


class EmulatedSocket:
    """As much of a blocking `socket.socket` as the stories use, over emulated sockets."""

    def __init__(self, lab: EmulatedLab, name: str, kind: int) -> None:
        self.lab, self.ns, self.timeout = lab, lab.ns(name), 5.0
        self.udp: Any = UdpSocket(self.ns) if kind == SOCK_DGRAM else None
        self.tcp: Any = None
        self.listener: Any = None
        self.reuse = False

    def __enter__(self) -> EmulatedSocket:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def settimeout(self, seconds: float) -> None:
        self.timeout = seconds

    def setsockopt(self, level: int, option: int, value: Any) -> None:
        if (level, option) == (IPPROTO_IP, IP_TTL):
            self.udp.ttl = value
        elif (level, option) == (SOL_SOCKET, SO_REUSEADDR):
            self.reuse = bool(value)
        elif (level, option) == (SOL_SOCKET, SO_LINGER):
            self.tcp.linger_zero = value == struct.pack("ii", 1, 0)
        else:
            raise NotImplementedError(f"setsockopt({level}, {option})")

    def until(self, ask: Callable[[], Any]) -> Any:
        """What `ask` gives once it gives something; the clock runs meanwhile."""
        sim = self.lab.world.sim
        deadline = sim.now + round(self.timeout * NS)
        while (answer := ask()) is None:
            if sim.now >= deadline:
                raise TimeoutError("timed out")
            self.lab.step()
        return answer

    def bind(self, address: tuple[str, int]) -> None:
        if self.udp is None:
            self.listener = TcpListener(self.ns)
            self.listener.reuse_address = self.reuse
        (self.udp or self.listener).bind(ip_int(address[0]), address[1])

    def listen(self, backlog: int) -> None:
        self.listener.listen(backlog)

    def accept(self) -> tuple[EmulatedSocket, tuple[str, int]]:
        made = EmulatedSocket(self.lab, self.ns.name, SOCK_STREAM)
        made.tcp = self.until(self.listener.accept)
        return made, (ip_text(made.tcp.daddr), made.tcp.dport)

    def connect(self, address: tuple[str, int]) -> None:
        if self.udp is not None:
            self.udp.connect(ip_int(address[0]), address[1])
            return
        self.tcp = tcp = TcpSocket(self.ns)
        tcp.connect(ip_int(address[0]), address[1])

        def outcome() -> bool | None:
            tcp.raise_error()
            return tcp.connected or None

        self.lab.step()
        self.until(outcome)

    def send(self, data: bytes) -> None:
        assert (self.udp or self.tcp).send(data) == len(data)
        self.lab.step()

    sendall = send

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        self.udp.sendto(data, ip_int(address[0]), address[1])
        self.lab.step()

    def recv(self, limit: int) -> bytes:
        if self.udp is not None:
            return self.until(self.udp.recv)[0]
        data = self.until(lambda: self.tcp.recv(limit))
        self.lab.step()
        return data

    def recvfrom(self, limit: int) -> tuple[bytes, tuple[str, int]]:
        datagram = self.until(self.udp.recv)
        return datagram[0], (ip_text(datagram[1]), datagram[2])

    def shutdown(self, how: int) -> None:
        self.tcp.shutdown(how)
        self.lab.step()

    def close(self) -> None:
        for sock in (self.udp, self.tcp, self.listener):
            if sock is not None:
                sock.close()
        self.lab.step()


class WorldLab(EmulatedLab):
    """A lab over a world that somebody else built: its namespaces by their names."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.watch(world)
        for ns in world.namespaces():
            for dev in ns.devices.values():
                self.macs.setdefault(dev.mac.hex(":"), f"{ns.name}.{dev.name}")

    def ns(self, name: str) -> Namespace:
        return next(ns for ns in self.world.namespaces() if ns.name == name)
