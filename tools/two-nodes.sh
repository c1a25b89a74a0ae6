#!/usr/bin/env bash
# Two nodes with two pods each, by hand: bridges, veth pairs, routes, masquerading; then a ping from pod to pod across nodes. tools/bench measures it.
set -euo pipefail

for node in 1 2; do
    ip netns add "node$node"
    ip -n "node$node" link set lo up
    ip netns exec "node$node" sysctl -qw net.ipv4.ip_forward=1
    ip -n "node$node" link add cbr0 type bridge
    ip -n "node$node" addr add "10.244.$node.1/24" dev cbr0
    ip -n "node$node" link set cbr0 up
    for number in 1 2; do
        pod=pod$node$number
        ip netns add "$pod"
        ip link add eth0 netns "$pod" type veth peer name "veth$number" netns "node$node"
        ip -n "node$node" link set "veth$number" master cbr0
        ip -n "node$node" link set "veth$number" up
        ip -n "$pod" link set lo up
        ip -n "$pod" addr add "10.244.$node.1$number/24" dev eth0
        ip -n "$pod" link set eth0 up
        ip -n "$pod" route add default via "10.244.$node.1"
    done
done
ip link add eth0 netns node1 type veth peer name eth0 netns node2
for node in 1 2; do
    other=$((3 - node))
    ip -n "node$node" addr add "192.168.0.$node/24" dev eth0
    ip -n "node$node" link set eth0 up
    ip -n "node$node" route add "10.244.$other.0/24" via "192.168.0.$other"
    ip netns exec "node$node" iptables -t nat -A POSTROUTING -s "10.244.$node.0/24" ! -d 10.244.0.0/16 -j MASQUERADE
    ip netns exec "node$node" iptables -A FORWARD -j ACCEPT
done
ip netns exec pod11 ping -c 1 10.244.2.11
