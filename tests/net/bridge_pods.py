"""A node with cbr0 and three pods, once emulated and once on the real kernel, to put the same packets through and compare what every interface saw.

a 10.244.1.2   b 10.244.1.3   c 10.244.1.4   on cbr0 10.244.1.1
"""

from __future__ import annotations

import socket
import subprocess

from emu.iproute import addr, conntrack, iptables, link, route, sysctl
from emu.net import ip_output
from emu.net.netns import Kernel
from emu.net.stack import new_namespace
from emu.sim import Sim
from emu.trace import Tracepoints
from emu.wire.addr import ip_int, ip_text
from tests.kernel.lab import Lab
from tests.net.conntrack import packets

IPS = {"a": "10.244.1.2", "b": "10.244.1.3", "c": "10.244.1.4"}

RULES = """\
*nat
-A PREROUTING -d 10.96.0.10/32 -p udp -m udp --dport 53 -j DNAT --to-destination 10.244.1.3:5353
-A PREROUTING -d 10.96.0.11/32 -p udp -m udp --dport 53 -j DNAT --to-destination 10.244.1.2:1000
-A PREROUTING -d 10.96.0.12/32 -p udp -m udp --dport 53 -j DNAT --to-destination 192.0.2.1:53
-A POSTROUTING -s 10.244.1.2/32 -d 10.244.1.2/32 -j MASQUERADE
COMMIT
*filter
-A INPUT -d 10.244.1.255/32 -p udp -m udp --dport 888 -j DROP
-A FORWARD -d 10.244.1.255/32 -p udp -m udp --dport 888 -j DROP
-A FORWARD -p udp -m udp --dport 777 -j REJECT --reject-with icmp-port-unreachable
-A FORWARD -p udp -m udp --dport 778 -m physdev --physdev-in vetha --physdev-out vethc --physdev-is-bridged -j DROP
COMMIT
"""


def describe(wire: bytes, names: dict[bytes, str]) -> str:
    """A frame in short; nothing in it differs between two runs."""
    head = f"{names.get(wire[6:12], '?')}>{names.get(wire[:6], 'all' if wire[0] & 1 else '?')}"
    if len(wire) < 42:
        return f"{head} cut short"
    ip = [ip_text(int.from_bytes(wire[i : i + 4], "big")) for i in (26, 28, 30, 38)]
    if wire[12:14] == b"\x08\x06":
        return f"{head} arp {'who-has' if wire[21] == 1 else 'is-at'} {ip[1]}>{ip[3]}"
    frag = int.from_bytes(wire[20:22], "big")
    text = f"{head} {ip[0]}>{ip[2]} ttl {wire[22]} len {len(wire) - 14}" + (f" frag {frag:04x}" if frag & 0x3FFF else "")
    if frag & 0x1FFF:
        return text
    if wire[23] == 17:
        return text + f" udp {int.from_bytes(wire[34:36], 'big')}>{int.from_bytes(wire[36:38], 'big')}"
    quoted = [ip_text(int.from_bytes(wire[i : i + 4], "big")) for i in (54, 58)]
    return text + f" icmp {wire[34]}/{wire[35]} about {quoted[0]}>{quoted[1]}"


class EmulatedPods:
    """`udp(...)` sends a datagram and returns the frames of every interface, in their order: {"n1.vetha": ["rx a>cbr0 ...", ...]}."""

    def __init__(self) -> None:
        self.sim = Sim(1)
        self.tp = Tracepoints(self.sim)
        kernel = Kernel("n1", self.sim, self.tp)
        self.node = node = new_namespace("n1", kernel)
        link.add_bridge(node, "cbr0")
        link.set_up(node, "cbr0")
        addr.add(node, "cbr0", "10.244.1.1/24")
        sysctl.set(node, "net.ipv4.ip_forward", 1)
        self.names = {}
        self.pods = {}
        for name, ip in IPS.items():
            self.pods[name] = pod = new_namespace(name, kernel)
            link.add_veth(node, f"veth{name}", pod, "eth0")
            link.set_master(node, f"veth{name}", "cbr0")
            for ns, dev in ((node, f"veth{name}"), (pod, "eth0"), (pod, "lo")):
                link.set_up(ns, dev)
            self.sim.run(self.sim.now + 2 * 10**9)
            addr.add(pod, "eth0", f"{ip}/24")
            route.add(pod, "0.0.0.0/0", via="10.244.1.1")
            self.names[pod.device("eth0").mac] = name
        node.device("cbr0").set_mac(node.device("cbr0").mac)
        self.names[node.device("cbr0").mac] = "cbr0"
        self.seen: dict[str, list[str]] = {}
        self.tp.attach("frame", self._frame)

    def _frame(self, now: int, dev: object, direction: str, frame: object) -> None:
        name = f"{dev.netns.name}.{dev.name}"  # type: ignore[attr-defined]
        self.seen.setdefault(name, []).append(f"{direction} {describe(frame.wire, self.names)}")  # type: ignore[attr-defined]

    def restore(self, rules: str) -> None:
        iptables.restore(self.node, rules)

    def sysctl(self, key: str, value: int) -> None:
        sysctl.set(self.node, key, value)

    def hairpin(self, port: str) -> None:
        self.node.device(port).port.hairpin = True

    def udp(self, pod: str, sport: int, dst: str, dport: int, size: int = 2, df: bool = True) -> dict[str, list[str]]:
        self.seen = {}
        l3 = packets.udp(IPS[pod], sport, dst, dport, b"x" * size)
        ip_output.send(self.pods[pod], 17, l3[20:], ip_int(dst), ip_int(IPS[pod]), df=df)
        self.sim.run(self.sim.now + 100_000_000)
        return self.seen

    def raw(self, pod: str, to: str, l3: bytes) -> dict[str, list[str]]:
        """Put a frame on the pod's eth0 as it is."""
        self.seen = {}
        macs = {name: mac for mac, name in self.names.items()}
        eth0 = self.pods[pod].device("eth0")
        skb = self.pods[pod].born(0x0800, l3, macs[to] + macs[pod] + b"\x08\x00")
        eth0.transmit(skb)
        self.sim.run(self.sim.now + 100_000_000)
        return self.seen

    def connections(self) -> list[str]:
        return sorted(" ".join(line.split()[:2] + line.split()[3:]) for line in conntrack.show(self.node).splitlines())


class KernelPods:
    """The same on the real kernel; only inside `tests.kernel.lab.privately`."""

    def __init__(self) -> None:
        self.lab = lab = Lab()
        lab.add_netns("n1")
        lab.add_bridge("n1", "cbr0")
        lab.run("n1", "ip link set cbr0 up")
        lab.run("n1", "ip addr add 10.244.1.1/24 dev cbr0")
        lab.sysctl("n1", "net.ipv4.ip_forward", 1)
        self.names = {}
        for name, ip in IPS.items():
            lab.add_netns(name)
            lab.add_veth("n1", f"veth{name}", name, "eth0")
            lab.run("n1", f"ip link set dev veth{name} master cbr0")
            lab.run("n1", f"ip link set dev veth{name} up")
            lab.run(name, "ip link set eth0 up")
            lab.wait_forwarding("n1", f"veth{name}")
            lab.run(name, f"ip addr add {ip}/24 dev eth0")
            lab.run(name, "ip route add default via 10.244.1.1")
            self.names[self._mac(name, "eth0")] = name
        lab.run("n1", f"ip link set cbr0 address {self._mac('n1', 'cbr0').hex(':')}")
        self.names[self._mac("n1", "cbr0")] = "cbr0"
        lab.settle()

    def _mac(self, name: str, dev: str) -> bytes:
        return bytes.fromhex(self.lab.output(name, f"ip -o link show dev {dev}").partition("link/ether ")[2][:17].replace(":", ""))

    def restore(self, rules: str) -> None:
        with self.lab.inside("n1"):
            subprocess.run(["iptables-restore"], input=rules, text=True, check=True)

    def sysctl(self, key: str, value: int) -> None:
        self.lab.sysctl("n1", key, value)

    def hairpin(self, port: str) -> None:
        self.lab.run("n1", f"bridge link set dev {port} hairpin on")

    def udp(self, pod: str, sport: int, dst: str, dport: int, size: int = 2, df: bool = True) -> dict[str, list[str]]:
        mark = self.lab.mark()
        with self.lab.socket(pod, socket.SOCK_DGRAM) as sock:
            sock.bind((IPS[pod], sport))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            if not df:
                sock.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER, IP_PMTUDISC_DONT
            sock.sendto(b"x" * size, (dst, dport))
        return self._since(mark)

    def raw(self, pod: str, to: str, l3: bytes) -> dict[str, list[str]]:
        mark = self.lab.mark()
        macs = {name: mac for mac, name in self.names.items()}
        with self.lab.inside(pod):
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        with sock:
            sock.bind(("eth0", 0))
            sock.send(macs[to] + macs[pod] + b"\x08\x00" + l3)
        return self._since(mark)

    def _since(self, mark: int) -> dict[str, list[str]]:
        self.lab.settle(0.1)
        seen: dict[str, list[str]] = {}
        for frame in self.lab.since(mark):
            if frame.data[12:14] in (b"\x08\x00", b"\x08\x06"):
                seen.setdefault(f"{frame.netns}.{frame.dev}", []).append(f"{frame.direction} {describe(frame.data, self.names)}")
        return seen

    def connections(self) -> list[str]:
        lines = self.lab.run("n1", "conntrack -L", check=False).stdout.splitlines()
        return sorted(" ".join(line.split()[:2] + line.split()[3:]) for line in lines)

    def close(self) -> None:
        self.lab.close()
