# A router with overlapping prefixes sends each packet by the longest that matches, also when a shorter one was added later,
# and falls back to the next longest when that one goes.
# expect: status 0
# expect: output 1 received
# expect: near.eth0 rx icmp echo request = 2
# expect: far.eth0 rx icmp echo request = 2
# expect: near.eth0 rx ip 10\.0\.0\.2>10\.8\.1\.1 .* echo request = 1
# expect: far.eth0 rx ip 10\.0\.0\.2>10\.8\.1\.1 .* echo request = 1
# quick
set -e
for ns in client router near far; do
    ip netns add $ns
done
connect() { # namespace, its address, the router's device and address
    ip link add eth0 netns $1 type veth peer name $3 netns router
    ip -n $1 addr add $2 dev eth0
    ip -n $1 link set eth0 up
    ip -n router addr add $4 dev $3
    ip -n router link set $3 up
}
connect client 10.0.0.2/24 to-client 10.0.0.1/24
connect near 10.1.0.2/24 to-near 10.1.0.1/24
connect far 10.2.0.2/24 to-far 10.2.0.1/24
ip -n client route add default via 10.0.0.1
ip -n near route add default via 10.1.0.1
ip -n far route add default via 10.2.0.1
for ns in near far; do
    ip -n $ns link set lo up
    ip -n $ns addr add 10.8.1.1/32 dev lo
    ip -n $ns addr add 10.8.2.1/32 dev lo
done
ip netns exec router sysctl -qw net.ipv4.ip_forward=1

ip -n router route add 10.8.1.0/24 via 10.1.0.2
ip -n router route add 10.8.0.0/16 via 10.2.0.2
sleep 0.1
ip netns exec client ping -c1 -W1 10.8.1.1   # the /24: near
ip netns exec client ping -c1 -W1 10.8.2.1   # the /16: far
ip -n router route add 10.8.2.1 via 10.1.0.2
ip netns exec client ping -c1 -W1 10.8.2.1   # the /32: near
ip -n router route del 10.8.1.0/24
ip netns exec client ping -c1 -W1 10.8.1.1   # what is left: far
