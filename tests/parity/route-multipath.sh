# Two ways of different weight: a hash of the addresses decides, so that a pair of hosts stays on one of them; the hash's seed is fixed here. A source address
# prefers the nexthop it belongs to; a nexthop whose device is down gets nothing.
# expect: status 0
# expect: output nexthop via 10.0.1.2 dev to1 weight 1
# expect: output nexthop via 10.0.2.2 dev to2 weight 3
# expect: output nexthop via 10.0.2.2 dev to2 weight 3 dead linkdown
# expect: r1.eth0 rx icmp echo request
# expect: r2.eth0 rx icmp echo request
# expect: r2.eth0 rx ip 10.0.1.1> = 0
set -e
ip netns add host0
ip -n host0 link set lo up
for k in 1 2; do
    ip netns add r$k
    ip -n r$k link set lo up
    ip link add to$k netns host0 type veth peer name eth0 netns r$k
    ip -n host0 addr add 10.0.$k.1/24 dev to$k
    ip -n r$k addr add 10.0.$k.2/24 dev eth0
    ip -n host0 link set to$k up
    ip -n r$k link set eth0 up
    ip -n r$k route add 10.0.0.0/16 via 10.0.$k.1
    ip -n r$k addr add 198.51.100.1/24 dev lo
done
ip -n host0 route add 198.51.100.0/24 nexthop via 10.0.1.2 weight 1 nexthop via 10.0.2.2 weight 3
ip -n host0 route
ip netns exec host0 sysctl -w net.ipv4.fib_multipath_hash_seed=2026
ask() { for k in "$@"; do ip -n host0 route get 198.51.100.$k; ip netns exec host0 ping -q -c 1 -W 0.3 198.51.100.$k || true; done; }
ask 1 2 3 4 5 6 7 8
ip -n host0 route get 198.51.100.1 from 10.0.1.1
for k in 1 2 3; do ip netns exec host0 ping -q -c 1 -W 0.3 -I 10.0.1.1 198.51.100.$k; done
ip -n host0 link set to2 down
ip -n host0 route
ask 1 2 3 4
ip -n host0 link set to2 up
ip -n host0 route
