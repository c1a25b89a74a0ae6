"""ip -s link, as counted by Linux 6.18: a bridge leaves the Ethernet header of what it receives out, lo on both ways; carrier changes of the device's life."""

from __future__ import annotations

import shlex

from emu.fabric import World
from emu.fabric.machine import Machine
from emu.iproute.commands import run
from emu.net.skb import Skb
from tests.net.lan import Lan, frame, mac


def counters(text: str) -> list[list[int]]:
    """The rows of numbers of `ip -s -s link`."""
    return [[int(word) for word in line.split()] for line in text.splitlines() if line.split() and all(word.isdigit() for word in line.split())]


def typed(machine: Machine, *lines: str) -> str:
    out = ""
    for line in lines:
        out = run(machine, machine.netns, shlex.split(line)).stdout
        machine.world.sim.run(machine.world.sim.now + 1_000_000_000)
    return out


def test_a_bridge_counts_what_it_hands_up_without_its_header() -> None:
    lan = Lan(hosts=2)
    lan.send(1, frame("02:00:00:00:ff:01", mac(1)))
    br0, p1 = lan.node.device("br0").statistics(), lan.node.device("p1").statistics()
    assert (br0["rx_packets"], br0["rx_bytes"]) == (1, p1["rx_bytes"] - 14)


def test_loopback_counts_without_its_header_both_ways() -> None:
    machine = World(1).add_machine("host")
    typed(machine, "ip link set lo up")
    lo = machine.netns.lo
    skb: Skb = machine.netns.born(0x0800, bytes(50), bytes(12) + b"\x08\x00")
    lo.transmit(skb)
    machine.world.sim.run(machine.world.sim.now + 1_000_000)
    assert lo.statistics() == {"rx_bytes": 50, "rx_packets": 1, "rx_dropped": 0, "tx_bytes": 50, "tx_packets": 1, "tx_dropped": 0}


def test_carrier_changes() -> None:
    machine = World(1).add_machine("host")
    typed(machine, "ip link add br0 type bridge", "ip link add v0 type veth peer name v1")
    shown = [
        counters(typed(machine, *lines, f"ip -s -s link show {dev}"))[-1][-1]
        for dev, lines in (
            ("br0", ()), ("v0", ()), ("br0", ("ip link set v0 master br0",)), ("v0", ("ip link set v0 up", "ip link set br0 up", "ip link set v1 up")),
            ("br0", ()), ("v0", ("ip link set v1 down",)), ("br0", ()),
        )
    ]  # fmt: skip
    assert shown == [0, 1, 1, 2, 2, 3, 3]
