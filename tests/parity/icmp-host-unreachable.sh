# Nobody at that address: after three unanswered ARP requests the router tells the sender "host unreachable" about each packet it held (three, by then),
# and the sender itself, when the address is on its own link, hears it from its own kernel.
# expect: status 0
# expect: output From 10.0.1.1 icmp_seq=1 Destination Host Unreachable
# expect: output From 10.0.1.2 icmp_seq=1 Destination Host Unreachable
# expect: r.right tx arp who-has 10.0.2.77 tell 10.0.2.1 = 3
# expect: a.eth0 rx ip 10.0.1.1>10.0.1.2 ttl 64 tos c0 id x . icmp 3/1 host unreachable quote 84 \[ip 10.0.1.2>10.0.2.77 ttl 63 = 3
# expect: a.eth0 tx arp who-has 10.0.1.88 tell 10.0.1.2 = 3
# expect: a.lo rx ip 10.0.1.2>10.0.1.2 ttl 64 tos c0 id x . icmp 3/1 = 1
set -e
for n in a r; do ip netns add $n; ip -n $n link set lo up; done
ip netns add far
ip link add eth0 netns a type veth peer name left netns r
ip link add right netns r type veth peer name eth0 netns far
ip -n a addr add 10.0.1.2/24 dev eth0
ip -n r addr add 10.0.1.1/24 dev left
ip -n r addr add 10.0.2.1/24 dev right
ip -n a link set eth0 up; ip -n r link set left up; ip -n r link set right up; ip -n far link set eth0 up
ip -n a route add default via 10.0.1.1
ip netns exec r sysctl -qw net.ipv4.ip_forward=1
ip netns exec a ping -c 3 -i 0.5 -W 4 10.0.2.77 || echo "status $?"
ip -n r neigh show dev right
ip netns exec a ping -c 1 -W 4 10.0.1.88 || echo "status $?"
ip -n a neigh
