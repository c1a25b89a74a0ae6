#!/bin/bash
# The VPN idiom: a mark that iptables sets in OUTPUT chooses another table for a host's own packets, also when the first decision was another one; the source
# address stays the one chosen first unless it is rewritten. `suppress_prefixlength 0` keeps everything but the default route of main.
# expect: status 0
# expect: plain.eth0 rx ip 10.0.1.1>198.51.100.1 .*echo request = 1
# expect: vpn.eth0 rx ip 10.0.2.1>198.51.100.2 .*echo request = 1
# expect: vpn.eth0 rx ip 10.0.1.1>198.51.100.3 .*echo request = 1
# expect: vpn.eth0 rx ip 10.0.2.1>198.51.100.4 .*echo request = 1
# expect: plain.eth0 rx ip 10.0.1.1>10.0.1.2 .*echo request = 1
set -euo pipefail
ip netns add pc
ip -n pc link set lo up
n=0
for way in plain vpn; do
    n=$((n + 1))
    ip netns add $way
    ip -n $way link set lo up
    ip link add $way netns pc type veth peer name eth0 netns $way
    ip -n pc addr add 10.0.$n.1/24 dev $way
    ip -n $way addr add 10.0.$n.2/24 dev eth0
    ip -n pc link set $way up
    ip -n $way link set eth0 up
    ip -n $way route add default via 10.0.$n.1
    for k in 1 2 3 4; do ip -n $way addr add 198.51.100.$k/32 dev lo; done
done
ip -n pc route add default via 10.0.1.2
ip -n pc route add default via 10.0.2.2 table 51820
ip -n pc rule add fwmark 51820 table 51820
ip -n pc rule add table main suppress_prefixlength 0
ip -n pc rule
P="ip netns exec pc"
$P ping -c 1 -W 1 198.51.100.1                                    # unmarked
ip -n pc route get 198.51.100.2 mark 51820
$P ping -c 1 -W 1 -m 51820 198.51.100.2                           # the socket's own mark: the source is chosen with it
$P iptables -t mangle -A OUTPUT -d 198.51.100.3 -j MARK --set-mark 51820
$P ping -c 1 -W 0.5 198.51.100.3 || echo "status $?"              # marked too late for the source address: vpn's answer goes astray
$P iptables -t mangle -A OUTPUT -d 198.51.100.4 -j MARK --set-mark 51820
$P iptables -t nat -A POSTROUTING -o vpn -j MASQUERADE
$P ping -c 1 -W 1 198.51.100.4
$P ping -c 1 -W 1 -m 51820 10.0.1.2                               # on link: main still has it
$P iptables-save -c -t mangle | grep MARK
