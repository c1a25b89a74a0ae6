# Ports run out: behind one address, to one server and port, there are as many connections as ports. The next one is dropped, without a word; to
# another server the same ports are free again. More addresses, or more ports, mend it.
# gotcha: 28
# expect: status 0
# expect: output ^three ports: 3 of 5 got through$
# expect: output ^another server: 3 of 3 got through$
# expect: output ^two addresses: 2 more got through$
# expect: outside.eth0 rx 203.0.113.1>198.51.100.1 .*udp
set -e
for n in pods node outside; do ip netns add $n; ip -n $n link set lo up; done
ip link add eth0 netns pods type veth peer name p0 netns node
ip link add eth0 netns node type veth peer name eth0 netns outside
ip -n node addr add 10.244.0.1/24 dev p0; ip -n node addr add 203.0.113.1/24 dev eth0; ip -n node addr add 203.0.113.2/24 dev eth0
ip -n pods addr add 10.244.0.2/24 dev eth0; ip -n outside addr add 203.0.113.254/24 dev eth0
ip -n outside addr add 198.51.100.1/32 dev lo; ip -n outside addr add 198.51.100.2/32 dev lo
for l in pods:eth0 node:p0 node:eth0 outside:eth0; do ip -n ${l%:*} link set ${l#*:} up; done
ip -n pods route add default via 10.244.0.1; ip -n node route add default via 203.0.113.254
ip netns exec node sysctl -qw net.ipv4.ip_forward=1 net.netfilter.nf_conntrack_udp_timeout=60
ip netns exec outside iptables -A INPUT -p udp -j DROP
ip netns exec node iptables -t nat -A POSTROUTING -o eth0 -p udp -j SNAT --to-source 203.0.113.1:61000-61002
say() { for ((i = 0; i < $2; i++)); do echo x | timeout 0.3 ip netns exec pods nc -u -p $(($3 + i)) $1 53 || true; done; }
reached() { ip netns exec outside iptables -nvxL INPUT | awk 'NR > 2 { print $1; exit }'; ip netns exec outside iptables -Z INPUT; }
say 198.51.100.1 5 4000; echo "three ports: $(reached) of 5 got through"
say 198.51.100.2 3 4000; echo "another server: $(reached) of 3 got through"
ip netns exec node iptables -t nat -R POSTROUTING 1 -o eth0 -p udp -j SNAT --to-source 203.0.113.2:61000-61001
say 198.51.100.1 3 4100; echo "two addresses: $(reached) more got through"
ip netns exec node iptables -t nat -nvL POSTROUTING
ip netns exec node conntrack -C
