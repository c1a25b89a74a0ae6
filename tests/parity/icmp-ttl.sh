#!/usr/bin/env bash
# Time exceeded: which router says so for which TTL, from which address, with which TTL and TOS of its own, and how much it quotes (with the TTL as it came).
# expect: status 0
# expect: output From 10.0.1.1 icmp_seq=1 Time to live exceeded
# expect: output From 10.0.2.2 icmp_seq=1 Time to live exceeded
# expect: output 64 bytes from 10.0.3.2: icmp_seq=1 ttl=62
# expect: a.eth0 rx ip 10.0.1.1>10.0.1.2 ttl 64 tos c0 id x . icmp 11/0 ttl exceeded quote 84 \[ip 10.0.1.2>10.0.3.2 ttl 1 df
# expect: a.eth0 rx ip 10.0.2.2>10.0.1.2 ttl 63 tos c0 id x . icmp 11/0 ttl exceeded quote 84 \[ip 10.0.1.2>10.0.3.2 ttl 1 df
# expect: a.eth0 rx ip 10.0.1.1>10.0.1.2 ttl 64 tos d0 id x . icmp 11/0
# expect: a.eth0 rx quote 548 = 1
# expect: b.eth0 rx ttl 1 .*echo request = 1
# quick
set -euo pipefail
link() { ip link add "$2" netns "$1" type veth peer name "$4" netns "$3"; ip -n "$1" link set "$2" up; ip -n "$3" link set "$4" up; }
for n in a r1 r2 b; do ip netns add $n; ip -n $n link set lo up; done
link a eth0 r1 left
link r1 right r2 left
link r2 right b eth0
ip -n a addr add 10.0.1.2/24 dev eth0
ip -n r1 addr add 10.0.1.1/24 dev left
ip -n r1 addr add 10.0.2.1/24 dev right
ip -n r2 addr add 10.0.2.2/24 dev left
ip -n r2 addr add 10.0.3.1/24 dev right
ip -n b addr add 10.0.3.2/24 dev eth0
ip -n a route add default via 10.0.1.1
ip -n r1 route add 10.0.3.0/24 via 10.0.2.2
ip -n r2 route add 10.0.1.0/24 via 10.0.2.1
ip -n b route add default via 10.0.3.1
for r in r1 r2; do ip netns exec $r sysctl -qw net.ipv4.ip_forward=1; done
for ttl in 1 2 3; do ip netns exec a ping -c 1 -W 1 -t $ttl 10.0.3.2 || echo "status $?"; done
ip netns exec a ping -c 1 -W 1 -t 1 -Q 0x10 10.0.3.2 || true      # the error keeps the sender's TOS bits
ip netns exec a ping -c 1 -W 1 -t 1 -Q 0xe8 10.0.3.2 || true      # those it may
ip netns exec a ping -c 1 -W 1 -t 1 -s 1400 10.0.3.2 || true      # and never more than 576 bytes
ip netns exec a ping -c 1 -W 1 -t 2 -M dont 10.0.2.2
