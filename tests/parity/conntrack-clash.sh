# Two connections that would become one: two clients DNATed to one server keep apart by SNAT; a second flow with the tuple of the first gets other
# ports, or none and no way through where the range is too small.
# expect: status 0
# expect: blue.eth0 rx 10.2.0.1>10.2.0.2 .*udp 7000>53 = 1
# expect: blue.eth0 rx 10.2.0.1>10.2.0.2 .*udp 7001>53 = 1
# expect: blue.eth0 rx udp = 2
set -e
for n in a c d gw blue; do ip netns add $n; done
i=1
for n in a c d; do
    ip link add eth0 netns $n type veth peer name to$n netns gw
    ip -n gw addr add 10.1.$i.1/24 dev to$n; ip -n gw link set to$n up
    ip -n $n addr add 10.1.$i.2/24 dev eth0; ip -n $n link set eth0 up
    ip -n $n route add default via 10.1.$i.1
    i=$((i + 1))
done
ip link add eth0 netns blue type veth peer name b0 netns gw
ip -n gw addr add 10.2.0.1/24 dev b0; ip -n gw link set b0 up
ip -n blue addr add 10.2.0.2/24 dev eth0; ip -n blue link set eth0 up
ip netns exec blue iptables -A INPUT -p udp -j DROP
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1
ip netns exec gw iptables -t nat -A POSTROUTING -o b0 -p udp -j SNAT --to-source 10.2.0.1:7000-7001
for n in a c d; do echo x | ip netns exec $n nc -u -w 1 -p 7000 10.2.0.2 53; done
ip netns exec gw conntrack -L 2>/dev/null | wc -l
ip netns exec gw iptables -t nat -nvL POSTROUTING
