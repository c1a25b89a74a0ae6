# TCPMSS: what a SYN announces is lowered on the way, to a number or to the path's MTU less 40; a smaller one stays as it is.
# expect: status 0
# expect: blue.eth0 rx tcp p1>80 S .*mss 1000
# expect: blue.eth0 rx tcp p2>81 S .*mss 1260
# expect: blue.eth0 rx tcp p3>82 S .*mss 1460
# expect: red.eth0 tx tcp p1>80 S .*mss 1460
# quick
ip netns add red; ip netns add gw; ip netns add blue
ip link add eth0 netns red type veth peer name r0 netns gw
ip link add eth0 netns blue type veth peer name b0 netns gw
ip -n gw addr add 10.1.0.1/24 dev r0; ip -n gw addr add 10.2.0.1/24 dev b0
ip -n red addr add 10.1.0.2/24 dev eth0; ip -n blue addr add 10.2.0.2/24 dev eth0
for l in red:eth0 blue:eth0 gw:r0 gw:b0; do ip -n ${l%:*} link set ${l#*:} up; done
ip -n gw link set b0 mtu 1300
ip -n red route add default via 10.1.0.1; ip -n blue route add default via 10.2.0.1
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1
gw() { ip netns exec gw iptables -t mangle "$@"; }
gw -A FORWARD -p tcp --dport 80 --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1000
gw -A FORWARD -p tcp --dport 81 --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
gw -A FORWARD -p tcp --dport 82 --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 9000
gw -A FORWARD -p tcp --dport 83 -j TCPMSS --set-mss 1000; echo "without --tcp-flags: $?"
for port in 80 81 82; do ip netns exec red nc -z -v -w 1 10.2.0.2 $port; done
gw -nvL FORWARD
gw -S
exit 0
