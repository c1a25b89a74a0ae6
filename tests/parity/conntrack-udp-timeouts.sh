# How long a UDP connection is remembered: nf_conntrack_udp_timeout while it is new, the stream's time-out once it has gone both ways for over two
# seconds. Afterwards the answer is a new connection, and one that the rules do not let in.
# expect: status 0
# expect: output ^one question: 1 then 0$
# expect: output ^a conversation: \[ASSURED\] then 1 then 0$
# expect: blue.eth0 tx udp
set -e
ip netns add red; ip netns add gw; ip netns add blue
ip link add eth0 netns red address 02:00:00:00:00:01 type veth peer name r0 netns gw address 02:00:00:00:00:02
ip link add eth0 netns blue address 02:00:00:00:00:03 type veth peer name b0 netns gw address 02:00:00:00:00:04
ip -n gw addr add 10.1.0.1/24 dev r0; ip -n gw addr add 10.2.0.1/24 dev b0
ip -n red addr add 10.1.0.2/24 dev eth0; ip -n blue addr add 10.2.0.2/24 dev eth0
ip -n gw link set r0 up; ip -n gw link set b0 up; ip -n red link set eth0 up; ip -n blue link set eth0 up
# it lasts long: nobody shall be asked again meanwhile
ip -n red neigh add 10.1.0.1 lladdr 02:00:00:00:00:02 dev eth0; ip -n gw neigh add 10.1.0.2 lladdr 02:00:00:00:00:01 dev r0
ip -n blue neigh add 10.2.0.1 lladdr 02:00:00:00:00:04 dev eth0; ip -n gw neigh add 10.2.0.2 lladdr 02:00:00:00:00:03 dev b0
ip -n red route add default via 10.1.0.1; ip -n blue route add default via 10.2.0.1
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1 net.netfilter.nf_conntrack_udp_timeout=3 net.netfilter.nf_conntrack_udp_timeout_stream=6
ip netns exec gw iptables -A FORWARD -i r0 -j ACCEPT
ip netns exec gw iptables -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
ip netns exec gw iptables -A FORWARD -j DROP
left() { ip netns exec gw conntrack -L -p udp 2>/dev/null | wc -l; }

(sleep 1; echo late) | ip netns exec blue nc -u -l -p 5000 -w 8 >/dev/null &
sleep 0.3
echo hello | ip netns exec red nc -u -w 1 -p 4000 10.2.0.2 5000 || true
one=$(left); sleep 4; echo "one question: $one then $(left)"
wait

(sleep 1; for i in 1 2 3; do echo $i; sleep 1; done; sleep 11; echo too late) | timeout 18 ip netns exec blue nc -u -l -p 5000 >/dev/null &
sleep 0.3
(for i in 1 2 3 4; do echo $i; sleep 1; done; sleep 15) | timeout 18 ip netns exec red nc -u -p 4001 10.2.0.2 5000 &
sleep 5
kind=$(ip netns exec gw conntrack -L -p udp 2>/dev/null | grep -o '\[ASSURED\]')
sleep 3.5; one=$(left); sleep 4
echo "a conversation: $kind then $one then $(left)"
sleep 4
ip netns exec gw iptables -nvL FORWARD
wait || true
