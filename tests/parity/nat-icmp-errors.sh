# NAT inside ICMP errors: a traceroute through a masquerading router, a closed port behind DNAT, a packet too big for the way. What the error quotes
# is translated back too, so that the sender knows its own packet.
# expect: status 0
# expect: output ^ 3  10.3.0.2 
# expect: red.eth0 rx icmp 11/0 ttl exceeded quote .*10.1.0.2>10.3.0.2
# expect: red.eth0 rx 10.1.0.1>10.1.0.2 .*icmp 3/3 port unreachable quote .*10.1.0.2>10.1.0.1 .*udp 40001>53
# expect: red.eth0 rx icmp 3/4 frag needed mtu 1300 quote .*10.1.0.2>10.3.0.2
set -e
for n in red gw mid blue; do ip netns add $n; ip -n $n link set lo up; done
ip link add eth0 netns red type veth peer name r0 netns gw
ip link add m0 netns gw type veth peer name g0 netns mid
ip link add b0 netns mid type veth peer name eth0 netns blue
ip -n red addr add 10.1.0.2/24 dev eth0; ip -n gw addr add 10.1.0.1/24 dev r0
ip -n gw addr add 10.2.0.1/24 dev m0; ip -n mid addr add 10.2.0.2/24 dev g0
ip -n mid addr add 10.3.0.1/24 dev b0; ip -n blue addr add 10.3.0.2/24 dev eth0
ip -n red link set eth0 up; ip -n gw link set r0 up; ip -n gw link set m0 up
ip -n mid link set g0 up; ip -n mid link set b0 up; ip -n blue link set eth0 up
ip -n red route add default via 10.1.0.1; ip -n gw route add default via 10.2.0.2; ip -n blue route add default via 10.3.0.1
for n in gw mid; do ip netns exec $n sysctl -qw net.ipv4.ip_forward=1; done
ip -n mid link set b0 mtu 1300
ip netns exec gw iptables -t nat -A POSTROUTING -o m0 -j MASQUERADE
ip netns exec gw iptables -t nat -A PREROUTING -p udp -d 10.1.0.1 --dport 53 -j DNAT --to-destination 10.3.0.2:5353
ip netns exec gw iptables -A FORWARD -m conntrack --ctstate RELATED
ip netns exec gw iptables -A FORWARD -p icmp -m conntrack --ctstate RELATED --ctorigdst 10.3.0.2

ip netns exec red traceroute -n -q 1 -N 1 -w 1 10.3.0.2 | sed 's/ [0-9.]* ms//'
echo x | ip netns exec red nc -u -w 1 -p 40001 10.1.0.1 53 || true
ip netns exec red ping -c 1 -W 1 -M do -s 1400 10.3.0.2 || true
ip netns exec red ping -c 1 -W 1 -M do -s 1400 10.3.0.2 || true
ip netns exec gw iptables -nvL FORWARD
ip netns exec gw iptables -t nat -nvL
