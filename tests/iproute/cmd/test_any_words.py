"""Whatever is typed: an answer and an exit status, never a traceback; a failing command says why."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu.fabric import World
from emu.iproute.commands import COMMANDS, run

LINES = """
ip -n a link add v0 mtu 1400 address 02:00:00:00:00:01 type veth peer name v1 netns b
ip link add br1 type bridge ageing_time 100 stp_state 0
ip link add vx1 type vxlan id 7 local 10.0.0.1 remote 10.0.0.2 dev br0 dstport 4789 nolearning ttl inherit tos 1 srcport 1 2
ip link set dev br0 name br1 up down master br0 nomaster netns a promisc on type bridge_slave hairpin on isolated off
ip -j -d -s link show dev br0 up master br0 type bridge
ip addr add 10.0.0.1/24 peer 10.0.0.2/32 brd + scope link label br0:1 metric 3 dev br0
ip -4 -o addr show to 10.0.0.0/8 scope global up label br0 secondary dev br0
ip addr flush dev br0 scope host
ip route replace unreachable default via 10.0.0.3 dev br0 src 10.0.0.1 metric 7 table 100 mtu lock 1300 onlink proto static tos 0x10
ip route add 10.9.0.0/16 nexthop via 10.0.0.3 weight 3 nexthop dev br0
ip -j route show table all root 10/8 match 10.1.0.0/16 proto kernel scope link via 10.0.0.3 dev br0
ip -j route get 10.0.0.9 from 10.0.0.1 iif br0 mark 3 oif br0
ip rule add not from 10.0.0.0/8 to all fwmark 0x1/0xff iif br0 pref 9 lookup main suppress_prefixlength 0
ip rule del from default lookup local blackhole
ip -s neigh replace proxy 10.0.0.8 lladdr 02:00:00:00:00:08 dev br0 nud stale
ip neigh show nud all dev br0 10.0.0.0/24
ip netns add c delete b list identify
bridge -d fdb replace 02:00:00:00:00:09 dev br0 master self static sticky dst 10.0.0.4 vni 5 port 6 via br0
bridge -j fdb show br br0 brport br0 state permanent dynamic
bridge -d link set dev br0 hairpin on learning off
brctl addif br0 v0 delbr br1 showmacs br0 hairpin on setageing br0 zz
sysctl -w -n -q -e -a net.ipv4.ip_forward=1 net.ipv4.conf.br0.rp_filter net/ipv4/conf/all/forwarding = 7
conntrack -L -p tcp --sport 80 -s 10.0.0.0/8 -o extended -u ASSURED --state ESTABLISHED -D -m 3 -n -C
ethtool -K br0 tx off rx on -k -i br0
ip link set group 7 alias x txqueuelen 9 multicast off allmulticast on carrier off mode default dev v0
ip link set v0 type bridge_slave state 4 cost 9 priority 3 fdb_flush mcast_router 1
ip link add v5%d type bridge forward_delay 4 hello_time 100 max_age 600 priority 9 mcast_snooping 0 nf_call_iptables 0
ip addr replace 10.0.0.1/24 dev br0 valid_lft 9 preferred_lft 4 scope 77 nodad
ip -s -s addr flush -dynamic deprecated group default nomaster label br0
ip route del 10.0.0.0/8 nexthop via 10.0.0.3 weight 2 nexthop dev br0
ip -s route flush from 10.0.0.0/8 tos 0x10 mark 3 iif br0 exact default
ip rule add protocol static dsfield 0x08 not pref 3 goto 7
ip rule flush proto zebra not to 10.0.0.0/8
ip -br neigh add proxy 10.0.0.9 router protocol static lladdr 02:00:00 dev br0
ip neigh flush proxy master br0 nud none
ip -all netns set a auto
ip -j netns list-id nsid 5
bridge link set dev v0 state blocking cost 7 priority 64 self mcast_router 1
bridge fdb flush dev br0
brctl setpathcost br0 v0 zz
sysctl -ar forward -w a=b = -p - net.core.rmem_max
ethtool -S v0
""".strip().splitlines()
ODD = ["", "-", "/", "=", "0", "-1", "99999999999", "é", "xx", "10.0.0.0/33", "1.2.3.4.5", "a/b"]
WORDS = sorted({word for line in LINES for word in shlex.split(line)[1:]}) + ODD
COMMAND_NAMES = sorted(COMMANDS)


def check(argv: list[str]) -> None:
    world = World(1)
    machine = world.add_machine("host")
    for name in ("a", "b"):
        machine.add_netns(name)
    for line in ("ip link add br0 type bridge", "ip link set br0 up", "ip addr add 10.0.0.1/24 dev br0", "ip link add v0 type veth peer name v1"):
        assert run(machine, machine.netns, shlex.split(line)).status == 0
    result = run(machine, machine.netns, argv, stdin="link show\n", read=lambda path: (_ for _ in ()).throw(FileNotFoundError(2, "No such file or directory")))
    assert result.status == 0 or result.stderr or result.stdout or argv[:3] == ["ip", "neigh", "get"]


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_lines_with_words_changed(data: st.DataObject) -> None:
    line = shlex.split(data.draw(st.sampled_from(LINES)))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(1, len(line)))
        action = data.draw(st.sampled_from(["replace", "insert", "drop", "cut"]))
        word = data.draw(st.sampled_from(WORDS))
        line[at:] = {"replace": [word, *line[at + 1 :]], "insert": [word, *line[at:]], "drop": line[at + 1 :], "cut": []}[action]
    check(line)


@given(st.sampled_from(COMMAND_NAMES), st.lists(st.sampled_from(WORDS), max_size=8))
@settings(max_examples=200, deadline=None)
def test_any_words(name: str, words: list[str]) -> None:
    check([name, *words])


@pytest.mark.parametrize(("name", "text", "status"), [("nft", "emu: not emulated: nft\n", 1), ("/sbin/tc", "emu: not emulated: tc\n", 1)])
def test_what_nobody_emulates(name: str, text: str, status: int) -> None:
    machine = World(1).add_machine("host")
    assert run(machine, machine.netns, [name]) == ("", text, status)
