# MASQUERADE: everybody behind the router is the router. Two clients with one port to one server: the second gets another port, drawn by lot.
# Ports below 512 stay below 512, ICMP ids are shared out as ports are. When the address goes, its connections go.
# expect: status 0
# expect: blue.eth0 rx 10.2.0.1>10.2.0.2 .*udp 4000>53 data 3 = 1
# expect: blue.eth0 rx 10.2.0.1>10.2.0.2 .*udp .*>53 data 3 = 6
# expect: blue.eth0 rx 10.1.0. = 0
# expect: output ^connections left: 0$
set -eu
for n in a c gw blue; do ip netns add $n; done
ip link add eth0 netns a type veth peer name a0 netns gw
ip link add eth0 netns c type veth peer name c0 netns gw
ip link add eth0 netns blue type veth peer name b0 netns gw
ip -n gw addr add 10.1.1.1/24 dev a0; ip -n gw addr add 10.1.2.1/24 dev c0; ip -n gw addr add 10.2.0.1/24 dev b0
ip -n a addr add 10.1.1.2/24 dev eth0; ip -n c addr add 10.1.2.2/24 dev eth0; ip -n blue addr add 10.2.0.2/24 dev eth0
for d in a0 c0 b0; do ip -n gw link set $d up; done
for n in a c blue; do ip -n $n link set eth0 up; done
ip -n a route add default via 10.1.1.1; ip -n c route add default via 10.1.2.1
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1
ip netns exec gw iptables -t nat -A POSTROUTING -s 10.1.0.0/16 -o b0 -j MASQUERADE
ip netns exec blue iptables -A INPUT -p udp -j DROP   # it keeps quiet

say() { echo "$2" | ip netns exec "$1" nc -u -w 1 -p "$3" 10.2.0.2 "$4"; }
say a a1 4000 53
say c c1 4000 53      # clash
say c c2 4000 54      # another server port: the same port is free
say a a2 300 53
say c c3 300 53
say a a3 700 53
say c c4 700 53
ip netns exec a ping -q -c 1 10.2.0.2
ip netns exec c ping -q -c 1 10.2.0.2
ip netns exec gw iptables -t nat -nvL POSTROUTING
ip netns exec gw conntrack -L -p udp --src-nat 2>/dev/null | wc -l
ip -n gw addr del 10.2.0.1/24 dev b0
sleep 0.2
echo "connections left: $(ip netns exec gw conntrack -L 2>/dev/null | wc -l)"
