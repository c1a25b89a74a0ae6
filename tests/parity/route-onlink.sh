#!/usr/bin/env bash
# A gateway outside every subnet is refused, unless `onlink` or a link route says that it is there: the way of point-to-point CNI plugins.
# expect: status 0
# expect: output Nexthop has invalid gateway
# expect: output 2 received
# expect: node.cali0 rx arp who-has 169.254.1.1 tell 10.65.0.2
# expect: pod.eth0 rx icmp echo reply = 3
set -euo pipefail
ip netns add pod
ip netns add node
ip link add eth0 netns pod type veth peer name cali0 netns node
ip -n pod link set lo up
ip -n node link set lo up
ip -n pod link set eth0 up
ip -n node link set cali0 up
ip -n pod addr add 10.65.0.2/32 dev eth0
ip -n node addr add 192.168.0.1/32 dev lo
ip -n node addr add 192.168.0.2/32 dev lo
ip -n node route add 10.65.0.2 dev cali0
ip netns exec node sysctl -w net.ipv4.conf.cali0.proxy_arp=1 net.ipv4.conf.all.forwarding=1
# its proxy answers for what it would send elsewhere: that must be more than its own addresses
ip netns add fabric
ip link add up0 netns node type veth peer name eth0 netns fabric
ip -n fabric link set eth0 up
ip -n node addr add 198.51.100.1/24 dev up0
ip -n node link set up0 up
ip -n node route add default via 198.51.100.254
ip netns exec node sysctl -wq net.ipv4.neigh.cali0.proxy_delay=0

ip -n pod route add default via 169.254.1.1 || echo "status $?"
ip -n pod route add default via 169.254.1.1 dev eth0 || echo "status $?"
ip -n pod route add default via 169.254.1.1 dev eth0 onlink
ip -n pod route
ip -n pod route get 192.168.0.1
ip netns exec pod ping -c 1 -W 1 192.168.0.1
ip -n pod route del default
# the other way: first a route to the gateway itself
ip -n pod route add 169.254.1.1 dev eth0 scope link
ip -n pod route add default via 169.254.1.1
ip -n pod route
ip netns exec pod ping -c 2 -i 0.2 -W 1 192.168.0.2
