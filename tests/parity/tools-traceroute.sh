# traceroute over two routers: each hop by name of its address, a host that is not there, and a hop that keeps silent.
# expect: status 0
# expect: output ^ 1  10.0.1.1 +\S+ ms$
# expect: output ^ 2  10.0.2.2 +\S+ ms$
# expect: output ^ 3  10.0.3.2 +\S+ ms$
# expect: output ^ 2  \*$
# expect: west.eth0 rx icmp 11/0 ttl exceeded
# expect: west.eth0 rx icmp 3/3 port unreachable
# needs: traceroute iptables
set -e
link() {
    ip link add "$2" netns "$1" type veth peer name "$5" netns "$4"
    ip -n "$1" addr add "$3" dev "$2"
    ip -n "$4" addr add "$6" dev "$5"
    ip -n "$1" link set "$2" up
    ip -n "$4" link set "$5" up
}
for name in west near far east; do
    ip netns add $name
done
link west eth0 10.0.1.2/24 near west0 10.0.1.1/24
link near east0 10.0.2.1/24 far west0 10.0.2.2/24
link far east0 10.0.3.1/24 east eth0 10.0.3.2/24
for router in near far; do
    ip netns exec $router sysctl -w net.ipv4.ip_forward=1
done
ip -n west route add default via 10.0.1.1
ip -n near route add default via 10.0.2.2
ip -n far route add 10.0.1.0/24 via 10.0.2.1
ip -n east route add default via 10.0.3.1
ip netns exec west sysctl -w net.ipv4.ip_local_port_range='40000 50000' # not among the ports it asks
sleep 0.2
ip netns exec west ping -c 1 10.0.3.2
ip netns exec west traceroute -n -q 1 -N 1 10.0.3.2
ip netns exec west traceroute -n -q 1 -N 1 -m 2 10.0.3.2
ip netns exec far iptables -A OUTPUT -p icmp --icmp-type time-exceeded -j DROP
ip netns exec west traceroute -n -q 1 -N 1 -w 1 10.0.3.2
