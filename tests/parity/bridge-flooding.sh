# Unknown unicast and broadcast go to every port but the one they came by; `flood off` and `bcast_flood off` keep a port out of each.
# expect: status 0
# expect: a.eth0 rx . = 0
# expect: b.eth0 rx 10.0.0.1>10.0.0.77 = 1
# expect: c.eth0 rx 10.0.0.1>10.0.0.77 = 2
# expect: b.eth0 rx arp who-has 10.0.0.99 = 2
# expect: c.eth0 rx arp who-has 10.0.0.99 = 1
# expect: host.br0 rx arp who-has 10.0.0.99 = 2
# expect: host.br0 rx 10.0.0.77 = 0
# needs: arping
ip link add br0 type bridge
ip link set br0 up
for ns in a b c; do
    ip netns add $ns
    ip link add veth-$ns type veth peer name eth0 netns $ns
    ip link set veth-$ns master br0
    ip link set veth-$ns up
    ip -n $ns link set eth0 up
done
ip -n a addr add 10.0.0.1/24 dev eth0
ip -n a neigh add 10.0.0.77 lladdr 02:00:00:00:00:77 dev eth0       # nobody has it
sleep 0.3
ip netns exec a ping -c 1 -W 0.2 10.0.0.77
ip netns exec a arping -c 1 -w 1 -I eth0 10.0.0.99

bridge link set dev veth-b flood off
bridge link set dev veth-c bcast_flood off
bridge -d link show dev veth-b | grep -o ' flood [onf]*'
ip netns exec a ping -c 1 -W 0.2 10.0.0.77
ip netns exec a arping -c 1 -w 1 -I eth0 10.0.0.99
exit 0
