# GOTCHAS 13: the way back of this path leaves by another interface. rp_filter=1 drops the request without a word; the larger of `all` and the interface
# counts, so that a 0 on the interface does not help while `all` is 1. Loose mode (2) lets it through.
# expect: status 0
# expect: output ^strict: 0 received
# expect: output ^all strict, interface off: 0 received
# expect: output ^loose: 1 received
# expect: output ^off: 1 received
# expect: server.q rx ip 10.0.9.9>10.0.1.2 .*echo request = 4
# expect: server.p tx ip 10.0.1.2>10.0.9.9 .*echo reply = 2
# expect: server.q tx echo reply = 0
# gotcha: 13
set -e
# client --- router === (p, q) === server: requests go by q, the server's route to the client by p
for n in client router server; do ip netns add $n; ip -n $n link set lo up; done
ip link add eth0 netns client type veth peer name c netns router
ip link add p netns router type veth peer name p netns server
ip link add q netns router type veth peer name q netns server
ip -n client addr add 10.0.9.9/24 dev eth0
ip -n router addr add 10.0.9.1/24 dev c
ip -n router addr add 10.0.1.1/24 dev p
ip -n router addr add 10.0.2.1/24 dev q
ip -n server addr add 10.0.1.2/24 dev p
ip -n server addr add 10.0.2.2/24 dev q
ip -n client link set eth0 up
for d in p q c; do ip -n router link set $d up; done
for d in p q; do ip -n server link set $d up; done
ip -n client route add default via 10.0.9.1
ip -n server route add default via 10.0.1.1
ip -n router route add 10.0.1.2/32 via 10.0.2.2
ip netns exec router sysctl -qw net.ipv4.ip_forward=1

try() { # LABEL all.rp_filter q.rp_filter
    ip netns exec server sysctl -qw net.ipv4.conf.all.rp_filter=$2
    ip netns exec server sysctl -qw net.ipv4.conf.q.rp_filter=$3
    echo "$1: $(ip netns exec client ping -q -c 1 -W 0.3 10.0.1.2 | grep -o '[0-9] received')"
}
try strict 0 1
try "all strict, interface off" 1 0
try loose 0 2
try off 0 0
