"""A forwarding box on the real kernel, between two wires of which a test plays the other ends: raw packets in, packets out, and `conntrack -L`.

    a (10.0.1.0/24)  --  box 10.0.1.1 | 10.0.2.1  --  b (10.0.2.0/24)

Mangle FORWARD writes what conntrack thinks of a packet into its TOS: 4 NEW, 8 ESTABLISHED, 12 RELATED, 16 INVALID, 20 UNTRACKED.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.kernel.lab import Lab

STATES = {"NEW": 4, "ESTABLISHED": 8, "RELATED": 12, "INVALID": 16, "UNTRACKED": 20}
NET = {"a": "10.0.1", "b": "10.0.2"}
HOSTS = 8  # neighbours that the box knows on either wire: .2 to .9


class KernelBox:
    """`send("a", l3)` puts an IPv4 packet on wire a and returns what came out: [(wire, l3), ...]."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.wires: dict[str, socket.socket] = {}
        self.headers: dict[str, bytes] = {}
        lab.add_netns("box")
        for side in "ab":
            lab.add_netns(side)
            lab.add_veth(side, "w", "box", side)
            lab.run("box", f"ip addr add {NET[side]}.1/24 dev {side}")
            lab.run("box", f"ip link set dev {side} up")
            lab.run(side, "ip link set dev w up")
            mac = self.mac(side, "w")
            for host in range(2, 2 + HOSTS):
                lab.run("box", f"ip neigh replace {NET[side]}.{host} lladdr {mac} nud permanent dev {side}")
            self.headers[side] = bytes.fromhex((self.mac("box", side) + mac).replace(":", "")) + b"\x08\x00"
            with lab.inside(side):
                wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
                wire.bind(("w", 0))
                wire.setblocking(False)
            self.wires[side] = wire
        lab.sysctl("box", "net.ipv4.ip_forward", 1)
        for state, tos in STATES.items():
            lab.run("box", f"iptables -t mangle -A FORWARD -m conntrack --ctstate {state} -j TOS --set-tos {tos}")
        time.sleep(0.2)
        self.collect()
        self.began_ns = time.monotonic_ns()

    def mac(self, name: str, dev: str) -> str:
        return self.lab.output(name, f"ip -o link show dev {dev}").partition("link/ether ")[2][:17]

    def iptables(self, rule: str) -> None:
        self.lab.run("box", f"iptables {rule}")

    def flush(self) -> None:
        self.lab.run("box", "conntrack -F", check=False)

    def collect(self) -> list[tuple[str, bytes]]:
        out = []
        for side, wire in self.wires.items():
            while True:
                try:
                    data, address = wire.recvfrom(65536)
                except BlockingIOError:
                    break
                if address[2] != socket.PACKET_OUTGOING and data[12:14] == b"\x08\x00":
                    out.append((side, data[14:]))
        return out

    def send(self, side: str, l3: bytes) -> list[tuple[str, bytes]]:
        """The path through two veth pairs runs in softirqs: it is over when `send` returns, or at most a moment later."""
        self.wires[side].send(self.headers[side] + l3)
        for _ in range(3):
            out = self.collect()
            if out:
                return out
            time.sleep(0.0005)
        return []

    def entries(self, options: str = "") -> list[str]:
        """Lines of `conntrack -L`, blanks squeezed."""
        done = self.lab.run("box", f"conntrack -L {options}", check=False)
        return sorted(" ".join(line.split()) for line in done.stdout.splitlines())


@contextmanager
def kernel_box() -> Iterator[KernelBox]:
    """Only inside `tests.kernel.lab.privately`."""
    lab = Lab()
    try:
        yield KernelBox(lab)
    finally:
        lab.close()
