"""What Linux does and the emulator does not: one line that says exactly what, a status that is not 0, and nothing changed."""

from __future__ import annotations

import shlex

import pytest

from emu.fabric import World
from emu.iproute.commands import run

REFUSED = """
ip link add x0 type vlan id 3 -> a device of type vlan
ip link add x0 type macvlan mode bridge -> a device of type macvlan
ip link add x0 type ipvlan -> a device of type ipvlan
ip link add x0 type bond -> a device of type bond
ip link add x0 type wireguard -> a device of type wireguard
ip link add x0 type vxlan id 1 group 239.0.0.1 dev v0 -> type vxlan group 239.0.0.1 (multicast between tunnel endpoints)
ip link add x0 index 9 type bridge -> ip link add index
ip link add link v0 name x0 type bridge -> ip link add link
ip link add x0 type bridge vlan_filtering 1 -> type bridge vlan_filtering 1
ip link set br0 type bridge stp_state 1 -> type bridge stp_state 1
ip link set br0 type bridge group_address 01:80:c2:00:00:04 -> type bridge group_address
ip link set v0 type bridge_slave guard on -> type bridge_slave guard on
ip link set v0 type bridge_slave neigh_suppress on -> type bridge_slave neigh_suppress on
ip link set v0 type bridge_slave backup_port v1 -> type bridge_slave backup_port
ip link set v0 mode dormant -> ip link set mode dormant
ip link set v0 broadcast ff:ff:ff:ff:ff:fe -> ip link set broadcast
ip link set v0 vf 0 mac 02:00:00:00:00:01 -> ip link set vf
ip link property add dev v0 altname other -> ip link property
ip link xstats type bridge -> ip link xstats
ip addr add 224.1.1.1/32 dev v0 autojoin -> IGMP (ip address add autojoin)
ip addr save -> ip address save
ip addr add fe80::1/64 dev v0 -> IPv6 (fe80::1/64)
ip -6 addr add 10.0.0.1/24 dev v0 -> IPv6 (ip -6 address)
ip route add 10.9.0.0/16 dev v0 congctl cubic -> ip route congctl
ip route add 10.9.0.0/16 dev v0 features ecn -> ip route features
ip route add 10.9.0.0/16 nhid 3 -> ip route nhid
ip route add 10.9.0.0/16 encap mpls 100 dev v0 -> ip route encap
ip route add 10.9.0.0/16 via inet6 fe80::1 dev v0 -> an IPv6 nexthop (via inet6)
ip route save -> ip route save
ip route get 10.0.0.1 connected -> ip route get connected
ip rule add uidrange 0-99 table 9 -> ip rule uidrange
ip rule add ipproto tcp dport 80 table 9 -> ip rule ipproto
ip rule add l3mdev -> ip rule l3mdev
ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0 extern_learn -> ip neigh add extern_learn
ip netns exec a true -> ip netns exec here
ip monitor -> ip monitor
ip maddr -> ip maddress
ip tunnel add t0 mode ipip -> ip tunnel
ip xfrm state -> ip xfrm
ip ntable -> ip ntable
ip nexthop add id 1 dev v0 -> ip nexthop
ip tuntap add t0 mode tap -> ip tuntap
ip mptcp endpoint -> ip mptcp
ip -N route -> ip -Numeric
bridge vlan -> bridge vlan
bridge mdb -> bridge mdb
bridge monitor -> bridge monitor
bridge link set dev v0 guard on -> bridge link set guard on
bridge link set dev v0 locked on -> bridge link set locked on
bridge fdb add 02:00:00:00:00:09 dev v0 master extern_learn -> bridge fdb add extern_learn
bridge fdb add 02:00:00:00:00:09 dev v0 -> bridge fdb add ... self on a veth (for an entry of its bridge say master)
brctl stp br0 on -> STP (brctl stp on)
sysctl net.ipv4.tcp_congestion_control -> sysctl net.ipv4.tcp_congestion_control
sysctl -w net.core.bpf_jit_enable=1 -> sysctl net.core.bpf_jit_enable
sysctl -w net.ipv6.conf.all.forwarding=1 -> sysctl net.ipv6.conf.all.forwarding
sysctl kernel.hostname -> sysctl kernel.hostname
sysctl --system -> sysctl --system
ethtool -L v0 combined 1 -> ethtool -L
ethtool -T v0 -> ethtool -T
tc qdisc show -> tc
nft list ruleset -> nft
ifconfig -> ifconfig
route -n -> route
""".strip().splitlines()


@pytest.mark.parametrize("line", REFUSED)
def test_what_is_not_emulated_says_so(line: str) -> None:
    machine = World(1).add_machine("host")
    for command in ("netns add a", "link add br0 type bridge", "link add v0 type veth peer name v1", "link set v0 master br0 up", "link set v1 up"):
        assert run(machine, machine.netns, ["ip", *command.split()]).status == 0
    looks = ("ip -d addr", "ip rule", "ip route show table all", "ip neigh show nud all", "bridge fdb", "sysctl -a")
    before = [run(machine, machine.netns, look.split()) for look in looks]
    command, _, what = line.partition(" -> ")
    result = run(machine, machine.netns, shlex.split(command))
    assert (result.stdout, result.stderr) == ("", f"emu: not emulated: {what}\n")
    assert result.status
    assert [run(machine, machine.netns, look.split()) for look in looks] == before
