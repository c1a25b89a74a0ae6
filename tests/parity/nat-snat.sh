# SNAT: one address for all, a range of addresses chosen by the client's, a range of ports, and what is left alone by an ACCEPT before it.
# expect: status 0
# expect: blue.eth0 rx 10.2.0.50>10.2.0.2 .*icmp echo request
# expect: blue.eth0 rx 10.1.0.4>10.2.0.2 .*icmp echo request
# expect: blue.eth0 rx arp who-has 10.2.0.2 tell 10.2.0.
# quick
set -e
ip netns add red; ip netns add gw; ip netns add blue
ip link add eth0 netns red type veth peer name r0 netns gw
ip link add eth0 netns blue type veth peer name b0 netns gw
ip -n gw addr add 10.1.0.1/24 dev r0; ip -n gw addr add 10.2.0.1/24 dev b0
for i in 50 51 52 53 60; do ip -n gw addr add 10.2.0.$i/24 dev b0; done
for i in 2 3 4 5 6 7; do ip -n red addr add 10.1.0.$i/24 dev eth0; done
ip -n blue addr add 10.2.0.2/24 dev eth0
ip -n gw link set r0 up; ip -n gw link set b0 up; ip -n red link set eth0 up; ip -n blue link set eth0 up
ip -n red route add default via 10.1.0.1; ip -n blue route add default via 10.2.0.1
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1
ip netns exec gw iptables-restore <<END
*nat
-A POSTROUTING -s 10.1.0.4/32 -j ACCEPT
-A POSTROUTING -s 10.1.0.2/32 -o b0 -j SNAT --to-source 10.2.0.50
-A POSTROUTING -p udp -s 10.1.0.3/32 -o b0 -j SNAT --to-source 10.2.0.51:7000
-A POSTROUTING -s 10.1.0.0/24 -o b0 -j SNAT --to-source 10.2.0.50-10.2.0.53 --persistent
COMMIT
END
for i in 2 3 4 5 6 7; do ip netns exec red ping -q -c 1 -W 1 -I 10.1.0.$i 10.2.0.2; done
echo x | ip netns exec red nc -u -w 1 -s 10.1.0.3 -p 5001 10.2.0.2 9000 || true
ip netns exec gw iptables -t nat -nvL POSTROUTING --line-numbers
ip netns exec gw conntrack -L 2>&1 | grep -c src=10.1.0
