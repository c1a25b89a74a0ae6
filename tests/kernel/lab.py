"""A topology on the real kernel: fresh namespaces, every interface captured, commands and sockets inside them.

Needs root. Everything happens in a network and mount namespace of its own with an empty /run/netns, so that nothing of the
machine is touched and nothing is left behind. What makes a capture worth comparing:

- one `Tap` per namespace, opened before the first device is there, sees every frame of every device from the start, in order,
  and never makes a device promiscuous (promiscuity changes what a bridge delivers);
- offloads are off, so that frames have the size and the checksums of the wire;
- IPv6 is off, so that no neighbour discovery is mixed in;
- everything runs on one CPU, so that the order of frames is the order of the work.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.kernel.tap import Tap

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
PACKET_OUTGOING = 4
# what Linux 6.18 has by itself; a new namespace inherits these from the machine, which may be tuned or small
ORDINARY = {"tcp_rmem": "4096 131072 33554432", "tcp_wmem": "4096 16384 4194304", "tcp_congestion_control": "reno"}
OFFLOADS = "rx tx sg tso gso gro".split()
LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Captured:
    """One frame at one device: when (ns since the lab began), where, which way, and its bytes.

    `packet_type` is the kernel's (0 host, 1 broadcast, 2 multicast, 3 other host, 4 outgoing); `partial` says that the
    transport checksum was left to the hardware and is not to be checked.
    """

    time_ns: int
    netns: str
    dev: str
    packet_type: int
    partial: bool
    data: bytes

    @property
    def direction(self) -> str:
        return "tx" if self.packet_type == PACKET_OUTGOING else "rx"


def libc_call(name: str, *arguments: object) -> None:
    if getattr(LIBC, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def enter_private_namespaces() -> None:
    """Move this process, for good, into fresh network and mount namespaces with an empty /run/netns."""
    libc_call("unshare", CLONE_NEWNET | CLONE_NEWNS)
    libc_call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    os.makedirs("/run/netns", exist_ok=True)
    libc_call("mount", b"lab", b"/run/netns", b"tmpfs", 0, None)


def privately(job: Callable[[], None]) -> int:
    """Run `job` in a child process inside private namespaces; its exit status (1 if it raised)."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        enter_private_namespaces()
        job()
        status = 0
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


@dataclass
class Lab:
    """Namespaces of one topology, and everything seen on their interfaces so far."""

    frames: list[Captured] = field(default_factory=list)
    macs: dict[str, str] = field(default_factory=dict)
    started_ns: int = field(default_factory=time.time_ns)
    handles: dict[str, int] = field(default_factory=dict)
    taps: dict[str, Tap] = field(default_factory=dict)
    children: list[int] = field(default_factory=list)
    running: list[subprocess.Popen[str]] = field(default_factory=list)
    names: dict[tuple[str, int], str] = field(default_factory=dict)
    clocks: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)

    # --- namespaces and commands

    def add_netns(self, name: str) -> None:
        """A namespace with lo up, IPv6 off, and its capture already running."""
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.handles[name] = os.open(f"/run/netns/{name}", os.O_RDONLY)
        with self.inside(name):
            for where in ("all", "default"):
                write(f"/proc/sys/net/ipv6/conf/{where}/disable_ipv6", "1")
            for key, value in ORDINARY.items():
                write(f"/proc/sys/net/ipv4/{key}", value)
            self.taps[name] = Tap()
        self.run(name, "ip link set lo up")

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """The calling thread is in that namespace; sockets made here stay there."""
        libc_call("setns", self.handles[name], CLONE_NEWNET)
        try:
            yield
        finally:
            libc_call("setns", self.home, CLONE_NEWNET)

    def run(self, name: str, command: str, *, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command (no shell) in a namespace and wait for it; its output is captured text."""
        with self.inside(name):
            done = subprocess.run(shlex.split(command), input=stdin, text=True, capture_output=True, check=False)
        self.drain()
        if check and done.returncode:
            raise RuntimeError(f"{name}: {command}: exit {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
        return done

    def output(self, name: str, command: str) -> str:
        return self.run(name, command, check=False).stdout

    def start(self, name: str, command: str) -> subprocess.Popen[str]:
        """Start a command in a namespace and leave it running; it is ended with the lab."""
        with self.inside(name):
            process = subprocess.Popen(shlex.split(command), text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.running.append(process)
        return process

    def sysctl(self, name: str, key: str, value: object) -> None:
        with self.inside(name):
            write("/proc/sys/" + key.replace(".", "/"), str(value))

    def read_sysctl(self, name: str, key: str) -> str:
        with self.inside(name), open("/proc/sys/" + key.replace(".", "/")) as file:
            return file.read().strip().replace("\t", " ")

    # --- configuration; `tests.kernel.emulated` has the same methods

    def add_veth(self, name: str, dev: str, peer_netns: str, peer_dev: str) -> None:
        """A veth pair between two namespaces, offloads off, both ends down."""
        self.run(name, f"ip link add {dev} type veth peer name {peer_dev} netns {peer_netns}")
        for where, what in ((name, dev), (peer_netns, peer_dev)):
            self.offloads_off(where, what)

    def add_bridge(self, name: str, dev: str) -> None:
        """A bridge without multicast snooping, still down."""
        self.run(name, f"ip link add {dev} type bridge mcast_snooping 0")
        self.offloads_off(name, dev)

    def add_vxlan(self, name: str, dev: str, vni: int, local: str, lower: str, learning: bool) -> None:
        """A VXLAN device, still down."""
        self.run(name, f"ip link add {dev} type vxlan id {vni} local {local} dev {lower} dstport 8472 {'' if learning else 'no'}learning")
        self.offloads_off(name, dev)

    def add_endpoint(self, name: str, dev: str, mac: str, address: str) -> None:
        """One more tunnel endpoint for a MAC."""
        self.run(name, f"bridge fdb append {mac} dev {dev} dst {address}")

    def endpoints(self, name: str, dev: str) -> str:
        return self.output(name, f"bridge fdb show dev {dev}")

    def add_onlink_route(self, name: str, destination: str, via: str, dev: str) -> None:
        self.run(name, f"ip route add {destination} via {via} dev {dev} onlink")

    def offloads_off(self, name: str, dev: str) -> None:
        self.run(name, f"ethtool -K {dev} " + " ".join(f"{feature} off" for feature in OFFLOADS))
        self.macs.setdefault(self.mac(name, dev), f"{name}.{dev}")

    def mac(self, name: str, dev: str) -> str:
        return self.output(name, f"ip -o link show dev {dev}").partition("link/ether ")[2][:17]

    def pin_mac(self, name: str, dev: str) -> None:
        """Set the MAC that a bridge has, so that it no longer follows its ports'."""
        self.run(name, f"ip link set {dev} address {self.mac(name, dev)}")

    def set_up(self, name: str, dev: str) -> None:
        self.run(name, f"ip link set {dev} up")

    def set_down(self, name: str, dev: str) -> None:
        self.run(name, f"ip link set {dev} down")

    def set_mtu(self, name: str, dev: str, mtu: int) -> None:
        self.run(name, f"ip link set {dev} mtu {mtu}")

    def set_mac(self, name: str, dev: str, mac: str) -> None:
        self.run(name, f"ip link set {dev} address {mac}")

    def set_master(self, name: str, dev: str, bridge: str) -> None:
        self.run(name, f"ip link set {dev} master {bridge}")

    def set_hairpin(self, name: str, dev: str, on: bool = True) -> None:
        self.run(name, f"bridge link set dev {dev} hairpin {'on' if on else 'off'}")

    def set_bridge_port(self, name: str, dev: str, **flags: bool) -> None:
        """`isolated`, `flood`, `learning` on or off."""
        self.run(name, f"bridge link set dev {dev} " + " ".join(f"{flag} {'on' if on else 'off'}" for flag, on in flags.items()))

    def set_ageing(self, name: str, bridge: str, seconds: float) -> None:
        self.run(name, f"ip link set {bridge} type bridge ageing_time {round(seconds * 100)}")

    def delete_link(self, name: str, dev: str) -> None:
        self.drain()
        self.run(name, f"ip link del {dev}")

    def add_address(self, name: str, dev: str, address: str) -> None:
        self.run(name, f"ip addr add {address} dev {dev}")

    def delete_address(self, name: str, dev: str, address: str) -> None:
        self.run(name, f"ip addr del {address} dev {dev}")

    def add_route(self, name: str, destination: str, via: str = "", kind: str = "unicast") -> None:
        self.run(name, f"ip route add {kind} {destination} " + (f"via {via}" if via else ""))

    def run_ip(self, name: str, command: str) -> None:
        """`ip route add ...` in iproute2's words."""
        self.run(name, f"ip {command}")

    def routes(self, name: str) -> str:
        return self.output(name, "ip route")

    def flush_routes_cache(self, name: str) -> None:
        self.run(name, "ip route flush cache")

    def flush_neighbours(self, name: str, dev: str) -> None:
        self.run(name, f"ip neigh flush dev {dev}")

    def set_neighbour(self, name: str, dev: str, address: str, mac: str, state: str) -> None:
        self.run(name, f"ip neigh replace {address} lladdr {mac} dev {dev} nud {state}")

    def neighbours(self, name: str) -> list[tuple[str, str, str]]:
        """(address, MAC or "-", state) of each entry."""
        return self.parse_neighbours(self.output(name, "ip neigh"))

    def parse_neighbours(self, text: str) -> list[tuple[str, str, str]]:
        entries = []
        for line in text.splitlines():
            words = line.split()
            entries.append((words[0], words[words.index("lladdr") + 1] if "lladdr" in words else "-", words[-1]))
        return entries

    def restore(self, name: str, text: str) -> None:
        """`iptables-restore`: every table in the text is flushed and loaded."""
        self.run(name, "iptables-restore", stdin=text)

    def saved_rules(self, name: str) -> str:
        return self.output(name, "iptables-save -c")

    def forget_connections(self, name: str, protocol: str) -> None:
        """`conntrack -D` of a protocol."""
        self.run(name, f"conntrack -D -p {protocol}")

    def conntrack(self, name: str) -> str:
        return self.output(name, "conntrack -L")

    def wait_forwarding(self, name: str, dev: str, seconds: float = 3.0) -> None:
        """Wait until a bridge port forwards, as the bridge CNI plugin does."""
        deadline = time.monotonic() + seconds
        while "state forwarding" not in self.output(name, f"bridge link show dev {dev}"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{name}: port {dev} does not forward")
            time.sleep(0.01)

    # --- traffic

    def ping(
        self, name: str, address: str, count: int = 1, interval: float = 1.0, wait: float = 1.0, ttl: int = 64, size: int = 56, pmtu: str = "want"
    ) -> None:
        self.run(name, f"ping -n -c {count} -i {interval} -W {wait} -t {ttl} -s {size} -M {pmtu} {address}", check=False)

    def program(self, name: str, command: str) -> str:
        """Run a program (ping, traceroute) to its end; what it prints, errors included, then its exit status."""
        with self.inside(name):
            done = subprocess.run(["stdbuf", "-oL", *command.split()], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.drain()
        return f"{done.stdout}exit {done.returncode}"

    def serve(self, name: str, program: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Start an asyncio program in a process of its own in a namespace; it is ended with the lab."""
        child = os.fork()
        if not child:
            status = 1
            with suppress(BaseException), self.inside(name):
                asyncio.run(program())
                status = 0
            os._exit(status)
        self.children.append(child)
        self.settle(0.3)

    def complete(self, name: str, program: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Run an asyncio program in a process of its own in a namespace to its end."""
        self.serve(name, program)
        os.waitpid(self.children.pop(), 0)

    def send_udp(self, name: str, address: tuple[str, int], data: bytes, sport: int = 0, ttl: int = 64, source: str = "0.0.0.0") -> None:
        """One datagram from a socket of its own."""
        with self.socket(name, socket.SOCK_DGRAM) as sender:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            sender.bind((source, sport))
            sender.sendto(data, address)
            self.settle(0.02)

    def inject(self, name: str, dev: str, frame: bytes) -> None:
        """Send a frame as it is out of a device."""
        with self.inside(name), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:
            sender.sendto(frame, (dev, 0))
        self.settle(0.02)

    def socket(self, name: str, kind: int, proto: int = 0) -> socket.socket:
        """An IPv4 socket that lives in a namespace (5 s timeout)."""
        with self.inside(name):
            made = socket.socket(socket.AF_INET, kind, proto)
        made.settimeout(5)
        return made

    # --- captures

    def drain(self) -> None:
        """Read everything captured so far (device names are only known while the device is there)."""
        for name, tap in self.taps.items():
            for stamp, index, packet_type, partial, data in tap.read():
                dev = self.names.get((name, index)) or self.learn_names(name, index)
                # A packet keeps the time it was first received, also when a bridge hands it up after flooding it: the ring has the true order.
                now = self.clocks[name] = max(self.clocks.get(name, 0), stamp - self.started_ns)
                self.frames.append(Captured(now, name, dev, packet_type, partial, data))

    def learn_names(self, name: str, index: int) -> str:
        with self.inside(name):
            self.names.update({(name, number): dev for number, dev in socket.if_nameindex()})
        return self.names.get((name, index), f"if{index}")

    def settle(self, seconds: float = 0.1) -> None:
        """Let the kernel finish what it is doing, then read the captures."""
        time.sleep(seconds)
        self.drain()

    def mark(self) -> int:
        """Where the capture is now; give it to `since` to forget what came before."""
        self.drain()
        return len(self.frames)

    def since(self, mark: int = 0) -> list[Captured]:
        """Frames captured after `mark`, oldest first."""
        self.drain()
        return sorted(self.frames[mark:], key=lambda frame: frame.time_ns)

    def close(self) -> None:
        for process in self.running:
            process.kill()
            process.wait()
        for child in self.children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        for tap in self.taps.values():
            tap.close()


def write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
