#!/bin/bash
# Point-to-point links: /32 addresses with a peer, a default route through a device without any gateway, and a /31.
# expect: status 0
# expect: output inet 172.31.0.1 peer 172.31.0.2/32
# expect: output ^172.31.0.2 dev to-right proto kernel scope link src 172.31.0.1
# expect: right.to-left rx arp who-has 172.31.0.2 tell 172.31.0.1
# expect: right.to-left rx arp who-has 192.0.2.7 tell 172.31.0.1
# expect: left.to-right rx icmp echo reply = 3
# expect: left.to-right rx icmp echo request = 1
# quick
set -euo pipefail
ip netns add left; ip netns add right
ip link add to-right netns left type veth peer name to-left netns right
ip -n left link set to-right up
ip -n right link set to-left up
ip -n right link set lo up
ip -n left addr add 172.31.0.1 peer 172.31.0.2 dev to-right
ip -n right addr add 172.31.0.2 peer 172.31.0.1/32 dev to-left
ip -n left addr show dev to-right
ip -n left route
ip -n left route show table local
ip netns exec left ping -c 1 -W 1 172.31.0.2
# everything else is behind that device too, each host asked for by ARP
ip -n left route add default dev to-right
ip -n right addr add 192.0.2.7/32 dev lo
ip -n left route get 192.0.2.7
ip netns exec left ping -c 1 -W 1 192.0.2.7
# a /31 has no broadcast address
ip -n left addr add 10.0.0.0/31 dev to-right
ip -n right addr add 10.0.0.1/31 dev to-left
ip -n left route show table local | grep 10.0.0
ip netns exec left ping -c 1 -W 1 10.0.0.1
ip netns exec right ping -c 1 -W 1 10.0.0.0
ip -n left addr del 172.31.0.1 peer 172.31.0.2 dev to-right
ip -n left route
