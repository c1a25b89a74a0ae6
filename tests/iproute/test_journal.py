"""The command line that a function tells the journal does what the function did: told by one machine, typed on another, both look the same."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from emu.fabric import Machine, World
from emu.iproute import addr, bridge, commands, conntrack, iptables, link, neigh, route, rule, sysctl
from emu.iproute.cmd import iptables as iptables_command
from emu.net.netns import NetError
from emu.observe.journal import Journal
from emu.trace.points import COMMAND

MOMENT_NS = 1_000_000
A, B, C = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c"


def build(machine: Machine) -> None:
    """Every function, most of their arguments."""
    host, pod = machine.add_netns("node"), machine.add_netns("pod")
    other = machine.add_netns("other")
    machine.delete_netns(other.name)
    link.add_bridge(host, "br0", A)
    link.set_mtu(host, "br0", 1400)
    link.set_up(host, "br0")
    link.set_address(host, "br0", B)
    link.add_veth(pod, "eth0", host, "veth0", mtu=1400)
    link.add_veth(host, "v1", host, "v2", A, C)
    link.rename(host, "v2", "v3")
    link.set_master(host, "veth0", "br0")
    link.set_master(host, "v3", "br0")
    link.set_master(host, "v3", None)
    link.move(host, "v3", pod)
    link.set_promisc(host, "v1", True)
    link.add_dummy(host, "d0")
    link.add_dummy(host, "d1")
    link.delete(host, "d1")
    for ns, name in ((host, "lo"), (host, "veth0"), (host, "d0"), (pod, "lo"), (pod, "eth0")):
        link.set_up(ns, name)
    machine.world.sim.run(MOMENT_NS)  # ports begin to forward
    link.set_up(host, "v1")
    link.set_down(host, "v1")
    bridge.set_ageing_time(host, "br0", 12.5)
    bridge.fdb_add(host, C, "veth0", "static")
    bridge.fdb_add(host, "02:00:00:00:00:0d", "veth0", "dynamic")
    bridge.fdb_add(host, "02:00:00:00:00:0e", "br0")
    bridge.fdb_delete(host, "02:00:00:00:00:0e", "br0")
    bridge.fdb_flush(host, "br0")
    bridge.link_set(host, "veth0", hairpin=True, learning=False, flood=False, mcast_flood=True, bcast_flood=True, isolated=True)
    addr.add(host, "br0", "10.0.0.1/24", brd="+")
    addr.add(host, "d0", "10.1.0.1", peer="10.1.0.2/32", scope="link")
    addr.add(host, "d0", "10.2.0.1/24", label="d0:x", metric=7, noprefixroute=True)
    addr.add(pod, "eth0", "10.0.0.2/24")
    addr.add(pod, "eth0", "10.0.0.3/24")
    addr.delete(pod, "eth0", "10.0.0.3/24")
    addr.add(pod, "lo", "10.9.9.9/32")
    addr.flush(pod, "lo")
    link.add_vxlan(host, "vx", 5, local="10.0.0.1", dev="br0", learning=False, ttl=3, mac=C)
    link.set_up(host, "vx")
    bridge.fdb_add(host, A, "vx", self=True, replace=True, dst="10.0.0.9")
    bridge.fdb_add(host, B, "vx", self=True, dst="10.0.0.8")
    bridge.fdb_delete(host, B, "vx", self=True, dst="10.0.0.8")
    route.add(pod, "default", via="10.0.0.1", dev="eth0")
    route.add(host, "10.5.0.0/16", via="10.0.0.2", src="10.0.0.1", metric=5, mtu=1300, table="100", proto="static")
    route.add(host, "10.6.0.0/16", type="unreachable")
    route.add(host, "10.7.0.0/16", via="10.77.0.1", dev="br0", onlink=True)
    route.replace(host, "10.8.0.0/16", nexthops=[{"via": "10.0.0.2", "dev": "br0", "weight": 2}, {"via": "10.0.0.4", "dev": "br0"}])
    route.add(host, "10.10.0.0/16", dev="br0", scope="link")
    route.delete(host, "10.10.0.0/16", dev="br0")
    route.add(host, "10.11.0.0/16", dev="d0", table="7")
    route.flush(host, table="7")
    shared = route.SharedRoutes()
    shared.add("10.20.0.0/24", via="10.0.0.2")
    shared.add("10.21.0.0/24", via="10.0.0.1")  # its own
    shared.attach(host, dev="br0", proto="boot")
    shared.add("10.22.0.0/24", via="10.0.0.3")
    rule.add(host, src="10.0.0.0/24", fwmark="0x4/0xf", table="100", priority=50)
    rule.add(host, dst="10.1.0.0/16", action="prohibit")
    rule.delete(host, dst="10.1.0.0/16", action="prohibit")
    neigh.add(host, "10.0.0.7", "br0", A)
    neigh.replace(host, "10.0.0.8", "br0", B, "stale")
    neigh.add(host, "10.0.0.9", "br0", C)
    neigh.delete(host, "10.0.0.9", "br0")
    neigh.flush(host, "br0")
    neigh.add_proxy(host, "10.0.0.30", "br0")
    neigh.add_proxy(host, "10.0.0.31", "br0")
    neigh.delete_proxy(host, "10.0.0.31", "br0")
    sysctl.set(host, "net.ipv4.ip_forward", 1)
    sysctl.set(host, "net.ipv4.ping_group_range", "0 100")
    iptables.restore(host, "*filter\n:X - [0:0]\n-A X -m comment --comment \"it's \\\"quoted\\\"\" -j ACCEPT\nCOMMIT\n", noflush=True)
    iptables.command(host, ["-A", "INPUT", "!", "-s", "10.0.0.0/8", "-j", "X"])
    with pytest.raises(NetError):
        iptables.command(host, ["-C", "OUTPUT", "-j", "X"])
    iptables.command(host, ["-S"])
    conntrack.delete(host, proto="udp", orig_dst="10.0.0.1", dport=53)
    conntrack.flush(host)


def nothing(name: str) -> str:
    raise AssertionError(f"no file is read, {name} neither")


def typed(machine: Machine, journal: Journal) -> None:
    """Everything in the journal, by the commands' own parsers."""
    for entry in journal.entries:
        assert entry.kind == COMMAND or entry.kind == "machine"
        if entry.kind != COMMAND:
            continue
        machine.world.sim.run(machine.world.sim.now + MOMENT_NS)
        argv = shlex.split(entry.text)
        ns = machine.namespace(entry.where) if entry.where else machine.netns
        if argv[0].startswith("iptables"):
            _, error, status = iptables_command.run(ns, argv, entry.more, nothing)
        else:
            result = commands.run(machine, ns, argv, entry.more, nothing)
            error, status = result.stderr, result.status
        assert (status, error) == (0, "") or argv[0] == "conntrack", f"{entry.where}: {entry.text}: {error}"


def state(machine: Machine) -> dict[str, Any]:
    """How its namespaces look."""
    return {
        ns.name: {
            "addr": addr.show(ns), "route": route.show(ns, "all"), "rule": rule.show(ns), "neigh": neigh.show(ns), "fdb": bridge.fdb_show(ns),
            "ports": bridge.link_show(ns), "proxies": [str(entry) for entry, _ in neigh.proxies(ns)], "rules": iptables.save(ns),
            "sysctls": [sysctl.get(ns, key) for key in ("net.ipv4.ip_forward", "net.ipv4.ping_group_range")],
        }
        for ns in (machine.netns, *machine.namespaces.values())
    }  # fmt: skip


def test_what_is_told_does_the_same_when_it_is_typed() -> None:
    journal = Journal()
    ours, theirs = World(), World(seed=5)
    journal.attach(ours.tp)
    first = ours.add_machine("machine")
    build(first)
    second = theirs.add_machine("machine")
    typed(second, journal)
    one, two = state(first), state(second)
    assert one.keys() == two.keys()
    for name in one:
        assert one[name] == two[name]


def test_nobody_listens_nothing_is_told() -> None:
    world = World()
    build(world.add_machine("machine"))
    assert world.tp.journal == ()
