#!/bin/bash
# Routes of one prefix: `add` refuses a second one of the same metric, `append` puts it behind, `prepend` in front, `replace` takes the first one's place,
# and packets go by the first of the lowest metric.
# expect: status 0
# expect: output RTNETLINK answers: File exists
# expect: left.eth0 rx icmp echo request = 3
# expect: right.eth0 rx icmp echo request = 2
# quick
set -e

router() { # NAME NUMBER: a router that hosts 192.0.2.1
    ip netns add "$1"
    ip link add "$1" netns client type veth peer name eth0 netns "$1"
    ip -n client addr add "10.0.$2.1/24" dev "$1"
    ip -n client link set "$1" up
    ip -n "$1" addr add "10.0.$2.2/24" dev eth0
    ip -n "$1" addr add 192.0.2.1/32 dev lo
    ip -n "$1" link set lo up
    ip -n "$1" link set eth0 up
}

try() { ip -n client route show 192.0.2.1; ip netns exec client ping -q -c 1 -W 1 192.0.2.1; }

ip netns add client
ip -n client link set lo up
router left 1
router right 2
cd /
ip -n client route add 192.0.2.1 via 10.0.1.2 metric 100
ip -n client route add 192.0.2.1 via 10.0.2.2 metric 100 || echo "refused: $?"
ip -n client route append 192.0.2.1 via 10.0.2.2 metric 100
try                                                  # left: the older one
ip -n client route prepend 192.0.2.1 via 10.0.2.2 metric 100 src 10.0.2.1
try                                                  # right
ip -n client route add 192.0.2.1 via 10.0.1.2 metric 10
try                                                  # left: metric 10
ip -n client route replace 192.0.2.1 via 10.0.2.2 metric 10
try                                                  # right
ip -n client route del 192.0.2.1 metric 10
ip -n client route change 192.0.2.1 via 10.0.1.2 metric 10 || echo "nothing to change: $?"
ip -n client route del 192.0.2.1 via 10.0.2.2 src 10.0.2.1
try                                                  # left
ip -n client route del 192.0.2.1 via 10.0.9.9 || echo "no such route: $?"
ip -n client route del 192.0.2.1
ip -n client route del 192.0.2.1
ip -n client route del 192.0.2.1 || echo "none left: $?"
