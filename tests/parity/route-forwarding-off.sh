#!/bin/bash
# GOTCHAS 15: with net.ipv4.ip_forward=0 a router drops what is not for itself without a word, though it answers for its own far address.
# expect: status 0
# expect: output 1 packets transmitted, 0 received, 100% packet loss
# expect: output 64 bytes from 10.0.2.2: icmp_seq=1 ttl=63
# expect: router.left rx ip 10.0.1.2>10.0.2.2 .*echo request = 2
# expect: router.right tx ip 10.0.1.2>10.0.2.2 .*echo request = 1
# expect: client.eth0 rx icmp 3/ = 0
# gotcha: 15
# quick
set -e
for n in client router server; do
    ip netns add $n
    ip netns exec $n ip link set lo up
done
ip link add eth0 netns client type veth peer name left netns router
ip link add eth0 netns server type veth peer name right netns router
ip netns exec client ip addr add 10.0.1.2/24 dev eth0
ip netns exec server ip addr add 10.0.2.2/24 dev eth0
ip netns exec router ip addr add 10.0.1.1/24 dev left
ip netns exec router ip addr add 10.0.2.1/24 dev right
ip netns exec client ip link set eth0 up
ip netns exec server ip link set eth0 up
ip netns exec router ip link set left up
ip netns exec router ip link set right up
ip netns exec client ip route add default via 10.0.1.1
ip netns exec server ip route add default via 10.0.2.1
ip netns exec router sysctl net.ipv4.ip_forward

echo "--- the router's own addresses answer, both of them"
ip netns exec client ping -c 1 -W 1 10.0.1.1
ip netns exec client ping -c 1 -W 1 10.0.2.1
echo "--- but nothing goes through"
ip netns exec client ping -c 1 -W 0.5 10.0.2.2 || true
ip -n router route get 10.0.2.2 from 10.0.1.2 iif left || true
echo "--- the fix"
ip netns exec router sysctl -w net.ipv4.ip_forward=1
ip -n router route get 10.0.2.2 from 10.0.1.2 iif left
ip netns exec client ping -c 1 -W 1 10.0.2.2
