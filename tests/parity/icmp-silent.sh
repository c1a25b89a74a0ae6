# Where ICMP errors are not sent: about a broadcast, about a multicast, about a fragment that is not the first, about an ICMP error, and about packets that
# came in a broadcast frame.
# expect: status 0
# expect: b.eth0 rx udp p.*>7 data = 3
# expect: b.eth0 rx ip 10.0.0.1>10.0.0.255
# expect: b.eth0 rx ip 10.0.0.1>224.0.0.1
# expect: r.in rx frag 1480
# expect: a.back rx icmp 11/0 = 1
# expect: a.eth1 rx icmp 3/3 = 2
# expect: r.in rx icmp 3/3 = 1
# expect: r.in tx icmp = 0
# expect: r.back tx icmp = 1
# needs: nc
set -u
ip netns add a; ip netns add b; ip netns add r
ip netns exec a ip link set lo up; ip netns exec b ip link set lo up; ip netns exec r ip link set lo up
ip link add eth0 netns a type veth peer name in netns r
ip link add eth1 netns a type veth peer name eth0 netns b
ip -n a addr add 10.1.0.2/24 dev eth0
ip -n r addr add 10.1.0.1/24 dev in
ip -n a addr add 10.0.0.1/24 brd + dev eth1
ip -n b addr add 10.0.0.2/24 brd + dev eth0
for where in "a eth0" "a eth1" "b eth0" "r in"; do ip -n ${where% *} link set ${where#* } up; done
ip -n a route add 192.0.2.0/24 via 10.1.0.1
ip -n r route add default via 10.1.0.2
ip -n r route add unreachable 203.0.113.0/24
ip -n a route add 224.0.0.0/4 dev eth1
ip netns exec r sysctl -qw net.ipv4.ip_forward=1

# a closed port: unicast is told, broadcast and multicast are not
send() { echo x | ip netns exec a nc -u -q 0 -w 1 "$@"; sleep 0.1; }
send 10.0.0.2 7
send 224.0.0.1 7
send -b 10.0.0.255 7
# 3000 bytes with a TTL of 1: the first fragment is complained about, the other two die in silence. (The error comes by another way: see the order.)
ip link add back netns r type veth peer name back netns a
ip -n a addr add 10.2.0.2/24 dev back; ip -n r addr add 10.2.0.1/24 dev back
ip -n a link set back up; ip -n r link set back up
ip -n r route add 10.1.0.2 via 10.2.0.2
ip netns exec a ping -c 1 -W 0.3 -s 3000 -t 1 192.0.2.1
# b answers "port unreachable" to a source it reaches through r, where no route leads on: no error about the error
ip -n b route add 203.0.113.0/24 via 10.0.0.1
ip netns exec a sysctl -qw net.ipv4.ip_forward=1
ip -n a route add 203.0.113.0/24 via 10.1.0.1
ip netns exec a iptables -t nat -A POSTROUTING -p udp --dport 8 -j SNAT --to-source 203.0.113.7
ip netns exec a iptables -t raw -A PREROUTING -j CT --notrack
send 10.0.0.2 8
sleep 0.2
ip netns exec r iptables -vnL FORWARD
exit 0
