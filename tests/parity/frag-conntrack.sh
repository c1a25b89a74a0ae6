# With connection tracking a router puts every packet together before its rules see it, and sends it on in the pieces it came in.
# expect: status 0
# expect: output ^\[1:3028\] -A FORWARD -s 10.1.0.2/32
# expect: r.right tx frag 0\+
# expect: r.right tx frag 680\+ . proto 1 data 680
# expect: r.right tx frag 2720 . proto 1 data 288
# expect: b.eth0 rx ip 10.1.0.2>10.2.0.2 .*frag = 5
# expect: a.eth0 rx frag 0\+ .*echo reply = 1
# expect: r.right rx frag 1480\+
set -euo pipefail
for n in a r b; do ip netns add $n; done
ip link add eth0 netns a mtu 700 type veth peer name left netns r mtu 700
ip link add right netns r type veth peer name eth0 netns b
ip -n a addr add 10.1.0.2/24 dev eth0
ip -n r addr add 10.1.0.1/24 dev left
ip -n r addr add 10.2.0.1/24 dev right
ip -n b addr add 10.2.0.2/24 dev eth0
for d in "a eth0" "r left" "r right" "b eth0"; do ip -n ${d% *} link set ${d#* } up; done
ip -n a route add default via 10.1.0.1
ip -n b route add default via 10.2.0.1
ip netns exec r sysctl -qw net.ipv4.ip_forward=1
ip netns exec r iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP
ip netns exec r iptables -A FORWARD -s 10.1.0.2 -j ACCEPT
ip netns exec r iptables -A FORWARD -d 10.1.0.2 -j ACCEPT
ip netns exec a ping -c 1 -W 1 -s 3000 10.2.0.2
ip netns exec r iptables-save -c | grep FORWARD
ip netns exec r conntrack -L -p icmp 2>/dev/null | wc -l
