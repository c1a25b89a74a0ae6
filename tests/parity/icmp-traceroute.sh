# Traceroute through three routers: each answers from the address of the device that the answer leaves by; the target says port unreachable.
# expect: status 0
# expect: output ^ 1  10.1.0.1
# expect: output ^ 2  10.2.0.2
# expect: output ^ 3  10.3.0.3
# expect: output ^ 4  10.4.0.4
# expect: h1.eth0 rx icmp 11/0 ttl exceeded = 3
# expect: h1.eth0 rx icmp 3/3 port unreachable = 1
# needs: traceroute
set -e
#  h1 -10.1- r1 -10.2- r2 -10.3- r3 -10.4- h4
ip netns add h1
previous=h1
for k in 1 2 3; do
    ip netns add r$k
    ip link add r$k netns $previous type veth peer name $previous netns r$k
    ip -n r$k addr add 10.$k.0.$k/24 dev $previous
    ip -n r$k link set $previous up
    [ $k = 1 ] || { ip -n $previous addr add 10.$k.0.$((k - 1))/24 dev r$k; ip -n $previous link set r$k up; }
    ip netns exec r$k sysctl -qw net.ipv4.ip_forward=1
    previous=r$k
done
ip -n h1 link set r1 name eth0
ip -n h1 addr add 10.1.0.100/24 dev eth0
ip -n h1 link set eth0 up
ip netns add h4
ip link add h4 netns r3 type veth peer name eth0 netns h4
ip -n r3 addr add 10.4.0.3/24 dev h4
ip -n r3 link set h4 up
ip -n h4 addr add 10.4.0.4/24 dev eth0
ip -n h4 link set eth0 up
ip -n h1 route add default via 10.1.0.1
ip -n h4 route add default via 10.4.0.3
for to in 3 4; do ip -n r1 route add 10.$to.0.0/24 via 10.2.0.2; done
ip -n r2 route add 10.4.0.0/24 via 10.3.0.3
ip -n r2 route add 10.1.0.0/24 via 10.2.0.1
for to in 1 2; do ip -n r3 route add 10.$to.0.0/24 via 10.3.0.2; done
ip netns exec h1 ping -q -c 1 -W 2 10.4.0.4
ip netns exec h1 traceroute -n -q 1 -w 2 -N 1 10.4.0.4
