# Routes that refuse: unreachable (3/1), prohibit (3/13), blackhole (silence), throw (the next table's turn), for one's own packets and for those passed on.
# expect: status 0
# expect: output Destination Host Unreachable
# expect: output Packet filtered
# expect: output ping: connect: No route to host
# expect: a.eth0 rx icmp 3/1 host unreachable = 1
# expect: a.eth0 rx icmp 3/13 admin prohibited = 1
# expect: a.eth0 rx icmp 3/0 net unreachable quote 84 \[ip 10.1.0.2>10.2.4.1 ttl 64 = 1
# expect: a.eth0 rx icmp 3/0 net unreachable quote 84 \[ip 10.1.0.2>192.0.2.1 ttl 64 = 1
# expect: a.eth0 tx >10.2.3.1 .*echo request = 2
# expect: r.ra tx 10.1.0.1>10.2.5.1 .*echo request = 1
set -u
ip netns add a; ip netns add r
ip link add eth0 netns a type veth peer name ra netns r
ip -n a addr add 10.1.0.2/24 dev eth0; ip -n r addr add 10.1.0.1/24 dev ra
ip -n a link set eth0 up; ip -n r link set ra up
ip -n a link set lo up; ip -n r link set lo up
ip -n a route add default via 10.1.0.1
ip netns exec r sysctl -qw net.ipv4.ip_forward=1
ip netns exec r sysctl -qw net.ipv4.icmp_ratemask=0      # errors without limit; ip_error() has one of its own still

ip -n r -batch - <<ROUTES
route add unreachable 10.2.1.0/24
route add prohibit 10.2.2.0/24
route add blackhole 10.2.3.0/24
route add throw 10.2.4.0/24
rule add to 10.2.5.0/24 priority 100 lookup 55
route add throw 10.2.5.0/24 table 55
route add 10.2.5.0/24 via 10.1.0.2
ROUTES
ip -n r route
ip -n r route show table 55
ip -n r rule

for net in 1 2 3 4; do
    ip netns exec a ping -c 1 -W 0.5 10.2.$net.1
done
ip netns exec a ping -c 1 -W 0.5 192.0.2.1               # no route at all
ip netns exec a ping -c 1 -W 0.5 -t 1 10.2.3.1           # the blackhole is found before the TTL is looked at
for net in 1 2 3 4; do
    ip -n r route get 10.2.$net.1
    ip netns exec r ping -c 1 -W 0.5 10.2.$net.1
    echo "own: $?"
done
ip -n r route get 10.2.5.1
ip -n r route get 10.2.5.1 from 10.1.0.2 iif ra
ip netns exec r ping -c 1 -W 0.5 10.2.5.1
exit 0
