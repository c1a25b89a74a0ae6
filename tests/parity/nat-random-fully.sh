# MASQUERADE --random-fully: every connection gets a port drawn by lot, free or not; plain MASQUERADE keeps the port that is free. The answers come
# home either way.
# expect: status 0
# expect: blue.eth0 rx 10.2.0.1>10.2.0.2 .*udp 4000>53 = 1
# expect: blue.eth0 rx 10.2.0.1>10.2.0.2 .*udp .*>53 = 7
# expect: red.eth0 rx 10.2.0.2>10.1.0.2 .*icmp 3/3 port unreachable quote .*10.1.0.2>10.2.0.2 .*udp 400.>53 = 7
set -e
ip netns add red; ip netns add gw; ip netns add blue
ip link add eth0 netns red type veth peer name r0 netns gw
ip link add eth0 netns blue type veth peer name b0 netns gw
ip -n gw addr add 10.1.0.1/24 dev r0; ip -n gw addr add 10.2.0.1/24 dev b0
ip -n red addr add 10.1.0.2/24 dev eth0; ip -n blue addr add 10.2.0.2/24 dev eth0
for l in red:eth0 blue:eth0 gw:r0 gw:b0; do ip -n ${l%:*} link set ${l#*:} up; done
ip -n red route add default via 10.1.0.1; ip -n blue route add default via 10.2.0.1
ip netns exec blue sysctl -qw net.ipv4.icmp_ratelimit=0
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1
ip netns exec gw iptables -t nat -A POSTROUTING -o b0 -j MASQUERADE
say() { echo x | timeout 0.3 ip netns exec red nc -u -p $1 10.2.0.2 53 || true; }
say 4000
ip netns exec gw iptables -t nat -R POSTROUTING 1 -o b0 -j MASQUERADE --random-fully
for port in 4001 4002 4003; do say $port; done
ip netns exec gw iptables -t nat -R POSTROUTING 1 -o b0 -j SNAT --to-source 10.2.0.1 --random
for port in 4004 4005; do say $port; done
ip netns exec gw iptables -t nat -R POSTROUTING 1 -p udp -o b0 -j MASQUERADE --to-ports 20000-29999 --random
say 4006
ip netns exec red ping -q -c 1 10.2.0.2
ip netns exec gw iptables -t nat -nvL POSTROUTING
