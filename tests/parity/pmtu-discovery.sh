#!/bin/bash
# Path MTU discovery: "fragmentation needed" teaches the sender the MTU of that destination for mtu_expires seconds; it shows in `ip route get`, goes with
# `ip route flush cache`, never falls under min_pmtu, and a larger one is tried again when it expired.
# expect: status 0
# expect: output cache expires .*mtu 1280
# expect: output cache expires .*mtu lock 552
# expect: a.eth0 tx ip 10.1.0.2>10.3.0.2 ttl 64 id f.* frag 528
# expect: output ping: local error: message too long, mtu=1280
# expect: a.eth0 rx ip 10.2.0.2>10.1.0.2 ttl 63 tos c0 id x . icmp 3/4 frag needed mtu 1280 quote 548 \[ip 10.1.0.2>10.3.0.2 ttl 63 df = 3
# expect: a.eth0 rx icmp 3/4 frag needed mtu 500 quote 548
set -euo pipefail
cable() { ip link add $2 netns $1 type veth peer name $4 netns $3; ip -n $1 addr add $5.1/24 dev $2; ip -n $3 addr add $5.2/24 dev $4; ip -n $1 link set $2 up; ip -n $3 link set $4 up; }
for n in a r1 r2 b; do ip netns add $n; ip -n $n link set lo up; done
cable r1 left a eth0 10.1.0
cable r1 right r2 left 10.2.0
cable r2 right b eth0 10.3.0
ip -n r2 link set right mtu 1280
ip -n b link set eth0 mtu 1280
ip -n a route add default via 10.1.0.1
ip -n r1 route add 10.3.0.0/24 via 10.2.0.2
ip -n r2 route add 10.1.0.0/24 via 10.2.0.1
ip -n b route add default via 10.3.0.1
for r in r1 r2; do ip netns exec $r sysctl -qw net.ipv4.ip_forward=1; done
get() { ip -n a route get 10.3.0.2 | sed 's/expires [0-9]*sec/expires Nsec/'; }
big() { ip netns exec a ping -c 1 -W 1 -M do -s 1400 10.3.0.2 || echo "status $?"; }
get
big                                     # told by r2
get
big                                     # known: refused here
ip netns exec a ping -c 1 -W 1 -s 1400 10.3.0.2            # or cut here
ip -n a route flush cache
get
big                                     # told again
get
# what was learned is forgotten after mtu_expires
ip -n a route flush cache
ip netns exec a sysctl -w net.ipv4.route.mtu_expires=1
big
sleep 1.3
get
# an MTU below min_pmtu is taken for min_pmtu, locked: what is sent from now on has no DF
ip -n r2 link set right mtu 500
ip -n r2 route flush cache
ip -n a route flush cache
big
get
ip netns exec a ping -c 1 -W 0.3 -s 600 10.3.0.2 || true
ip netns exec a ping -c 1 -W 0.3 -s 400 10.3.0.2
