"""Random programs for a bridge and for ARP, played on the kernel and here; see test_l2_kernel.py.

A program is a list of operations, each a list of strings. Devices: `node` has br0 with ports p1, p2, p3, whose other ends are e1, e2, e3 in `far`;
`host` has eth0 with 10.0.0.1/24 (and 10.0.0.100/32 on lo), whose other end is `wire` in `far`, and eth1 with 10.1.0.1/24 to `wire1`.
"""

from __future__ import annotations

from random import Random
from typing import Any

from tests.kernel.lab import Lab
from tests.net.lan import BROADCAST, arp, frame, mac

BR0 = "02:00:00:00:ff:01"
HOST = "02:00:00:00:00:01"
Op = list[str]

STATIONS = [mac(n) for n in (0x11, 0x12, 0x13, 0x14)]
PORTS = ["p1", "p2", "p3"]
FLAGS = ["hairpin", "learning", "flood", "mcast_flood", "bcast_flood", "isolated"]
GROUPS = [BROADCAST, "01:00:5e:00:00:05", "01:80:c2:00:00:00", "01:80:c2:00:00:01", "01:80:c2:00:00:0e", "01:80:c2:00:00:10", "33:33:00:00:00:01"]
PORT_MAC = "02:00:00:00:01:0"


def bridge_program(seed: int, length: int = 120) -> list[Op]:
    random = Random(seed)
    program: list[Op] = []
    for _ in range(length):
        kind = random.choices(["frame", "flag", "fdb", "promisc", "down", "group", "mac", "master"], [70, 12, 8, 2, 1, 1, 1, 1])[0]
        port = random.choice(PORTS)
        if kind == "frame":
            source = random.choice([*STATIONS * 4, BR0, f"{PORT_MAC}1", "01:00:5e:00:00:01", "00:00:00:00:00:00"])
            to = random.choice([*STATIONS * 3, BR0, f"{PORT_MAC}1", f"{PORT_MAC}2", "02:00:00:00:77:77", *GROUPS])
            program.append(["frame", f"e{port[1]}", to, source, str(random.choice([46, 46, 1500, 1504]))])
        elif kind == "flag":
            program.append(["flag", port, random.choice(FLAGS), random.choice(["on", "off"])])
        elif kind == "fdb":
            station = random.choice(STATIONS)
            program.append(["fdb", random.choice(["add", "replace", "del"]), station, port, random.choice(["static", "dynamic", "permanent", "static sticky"])])
        elif kind == "promisc":
            program.append(["promisc", random.choice(["on", "off"])])
        elif kind == "down":
            program.append(["bounce", random.choice([f"e{port[1]}", port, "br0"])])
        elif kind == "group":
            program.append(["group_fwd_mask", random.choice(["0", "16384", "65528"])])
        elif kind == "mac":
            program.append(["mac", port, f"{PORT_MAC}{random.choice('123456')}"])
        else:
            program.append(["remaster", port])
    return program


ADDRESSES = ["10.0.0.1", "10.0.0.7", "10.0.0.8", "10.0.0.100", "10.0.0.255", "0.0.0.0", "127.0.0.1", "224.0.0.1", "10.9.9.9", "255.255.255.255"]
ADDRESSES += ["10.1.0.5", "10.1.0.1"]
MACS = [mac(7), mac(8), mac(9), HOST]
SYSCTLS = ["arp_ignore", "arp_accept", "arp_announce", "arp_filter", "drop_gratuitous_arp", "route_localnet", "rp_filter"]
ROUTER_SYSCTLS = ["proxy_arp", "proxy_arp", "proxy_arp_pvlan", "medium_id", "forwarding", "send_redirects"]


def arp_program(seed: int, length: int = 120) -> list[Op]:
    """Odd seeds play on a router, where there is proxy ARP to try."""
    random = Random(seed)
    router = seed % 2 == 1
    program: list[Op] = [["sysctl", "forwarding", "1"]] if router else []
    for _ in range(length):
        kind = random.choices(["arp", "odd", "ip", "sysctl", "neigh", "locktime"], [70, 6, 10, 8, 8, 3])[0]
        if kind == "arp":
            sha, tha = random.choice(MACS), random.choice([*MACS, BROADCAST, "00:00:00:00:00:00"])
            sip = random.choice(["10.0.0.7"] * 4 + ["10.0.0.8"] * 2 + ADDRESSES)
            tip = random.choice(["10.0.0.1"] * 4 + [sip] * 3 + ADDRESSES + ["10.1.0.5"] * (8 * router))
            to = random.choice([BROADCAST] * 3 + [HOST] * 3 + [mac(9)])
            program.append(["inject", arp(random.choice([1, 2]), sha, sip, tip, tha, to=to).hex()])
        elif kind == "odd":
            wire = bytearray(arp(random.choice([1, 2]), mac(7), "10.0.0.7", "10.0.0.1"))
            wire[14 + random.randrange(8)] = random.randrange(8)
            program.append(["inject", bytes(wire[: random.choice([42, 42, 42, 41, 30, 60])]).hex()])
        elif kind == "ip":
            program.append(["send", random.choice(["10.0.0.7", "10.0.0.8"])])
        elif kind == "sysctl":
            name = random.choice(SYSCTLS + ROUTER_SYSCTLS * router)
            top = {"arp_ignore": 8, "arp_accept": 2, "arp_announce": 2, "medium_id": 2, "rp_filter": 2}.get(name, 1)
            program.append(["sysctl", name, str(random.choice([0, 0, random.randint(0, top)]))])
        elif kind == "neigh":
            state = random.choice(["permanent", "stale", "reachable", "del"])
            program.append(["neigh", random.choice(["10.0.0.7", "10.0.0.8"]), random.choice(MACS[:3]), state])
        else:
            if router and random.random() < 0.5:
                program.append(["proxy", random.choice(["add", "del"]), random.choice(["10.1.0.5", "10.9.9.9"])])
            program.append(["locktime", random.choice(["0", "360000"])])
    return program


class Player:
    """Plays programs on a lab; subclasses say how to change a flag, an FDB entry and so on."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    # what differs between the kernel and here
    def flag(self, port: str, flag: str, value: str) -> bool: raise NotImplementedError
    def fdb(self, verb: str, station: str, port: str, state: str) -> bool: raise NotImplementedError
    def promisc(self, value: str) -> None: raise NotImplementedError
    def group_fwd_mask(self, mask: str) -> bool: raise NotImplementedError
    def release(self, port: str) -> None: raise NotImplementedError
    def neigh(self, ip: str, lladdr: str, state: str) -> bool: raise NotImplementedError
    def proxy(self, verb: str, ip: str) -> bool: raise NotImplementedError
    def locktime(self, jiffies: str) -> None: raise NotImplementedError
    def entries(self) -> list[str]: raise NotImplementedError
    def inject(self, name: str, dev: str, wire: bytes) -> None: raise NotImplementedError
    def wait_carrier(self) -> None: raise NotImplementedError

    def seen(self, mark: int) -> list[str]:
        """Frames in the order each namespace saw them; the kernel interleaves the two as it likes."""
        frames = sorted(self.lab.since(mark), key=lambda f: f.netns)
        return [f"{f.netns}.{f.dev} {f.direction} {f.data.hex()}" for f in frames]

    def bridge_lab(self) -> None:
        lab = self.lab
        lab.add_netns("far")
        lab.add_netns("node")
        lab.add_bridge("node", "br0")
        lab.set_mac("node", "br0", BR0)
        lab.set_up("node", "br0")
        for number in (1, 2, 3):
            lab.add_veth("node", f"p{number}", "far", f"e{number}")
            lab.set_mac("node", f"p{number}", f"{PORT_MAC}{number}")
            lab.set_master("node", f"p{number}", "br0")
            lab.set_mtu("far", f"e{number}", 1510)  # so that more than the ports' MTU can be sent
            lab.set_up("node", f"p{number}")
            lab.set_up("far", f"e{number}")
        self.wait_carrier()

    def bridge_op(self, op: Op) -> Any:
        lab = self.lab
        verb, *args = op
        mark = lab.mark()
        if verb == "frame":
            dev, to, source, length = args
            self.inject("far", dev, frame(to, source, bytes(int(length))))
            return self.seen(mark)
        if verb == "flag":
            return self.flag(*args)
        if verb == "fdb":
            return [self.fdb(*args), self.entries()]
        if verb == "promisc":
            self.promisc(*args)
        elif verb == "bounce":
            where = "far" if args[0][0] == "e" else "node"
            lab.set_down(where, args[0])
            self.wait_carrier()
            lab.set_up(where, args[0])
            self.wait_carrier()
        elif verb == "group_fwd_mask":
            return self.group_fwd_mask(*args)
        elif verb == "mac":
            lab.set_mac("node", *args)
        elif verb == "remaster":
            self.release(args[0])
            lab.set_master("node", args[0], "br0")
            self.wait_carrier()
        return self.entries()

    def arp_lab(self) -> None:
        lab = self.lab
        lab.add_netns("far")
        lab.add_netns("host")
        lab.add_veth("host", "eth0", "far", "wire")
        lab.set_mac("host", "eth0", HOST)
        lab.add_address("host", "eth0", "10.0.0.1/24")
        lab.add_address("host", "lo", "10.0.0.100/32")
        lab.set_up("far", "wire")
        lab.set_up("host", "eth0")
        lab.add_veth("host", "eth1", "far", "wire1")
        lab.add_address("host", "eth1", "10.1.0.1/24")
        lab.set_up("far", "wire1")
        lab.set_up("host", "eth1")
        lab.sysctl("host", "net.ipv4.neigh.eth0.proxy_delay", 0)
        self.locktime("0")  # the second it is by default passes in one of the two labs only
        self.wait_carrier()

    def arp_op(self, op: Op) -> Any:
        lab = self.lab
        verb, *args = op
        mark = lab.mark()
        answer: Any = None
        if verb == "inject":
            self.inject("far", "wire", bytes.fromhex(args[0]))
        elif verb == "send":
            lab.send_udp("host", (args[0], 9), b"x", sport=9)
        elif verb == "sysctl":
            lab.sysctl("host", f"net.ipv4.conf.eth0.{args[0]}", args[1])
        elif verb == "neigh":
            answer = self.neigh(*args)
        elif verb == "proxy":
            answer = self.proxy(*args)
        elif verb == "locktime":
            self.locktime(*args)
        sent = [line.split()[2] for line in self.seen(mark) if line.startswith("host.eth0 tx")]
        # an IP packet has an id of the stack's own choice; its MACs are what counts here
        return [answer, [wire if wire[24:28] == "0806" else wire[:28] for wire in sent], sorted(lab.neighbours("host"))]
