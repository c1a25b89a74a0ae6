# The nat table is asked once for each connection. Rules that come later, or go, leave running connections as they are; other tables see every packet.
# But with the last rule that needs it connection tracking itself ends, and then nothing is translated any more.
# expect: status 0
# expect: output ^nat counted 2, filter counted 12$
# expect: blue.eth0 rx 10.1.0.2>10.2.0.2 .*echo request id i1 = 4
# expect: blue.eth0 rx 10.1.0.2>10.2.0.3 .*echo request = 1
# expect: blue.eth0 rx 10.2.0.1>10.2.0.3 .*echo request = 1
# expect: blue.eth0 rx 10.9.9.9 = 0
# expect: red.eth0 rx icmp 3/0 net unreachable = 2
set -e
ip netns add red; ip netns add gw; ip netns add blue
ip link add eth0 netns red type veth peer name r0 netns gw
ip link add eth0 netns blue type veth peer name b0 netns gw
ip -n gw addr add 10.1.0.1/24 dev r0; ip -n gw addr add 10.2.0.1/24 dev b0
ip -n red addr add 10.1.0.2/24 dev eth0; ip -n blue addr add 10.2.0.2/24 dev eth0; ip -n blue addr add 10.2.0.3/24 dev eth0
ip -n gw link set r0 up; ip -n gw link set b0 up; ip -n red link set eth0 up; ip -n blue link set eth0 up
# nobody is asked again in the middle of it
for l in red:eth0 blue:eth0 gw:r0 gw:b0; do ip netns exec ${l%:*} sysctl -qw net.ipv4.neigh.${l#*:}.delay_first_probe_time=60; done
ip -n red route add default via 10.1.0.1; ip -n blue route add default via 10.2.0.1
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1
ip netns exec gw iptables -t nat -A PREROUTING -p icmp -d 10.9.9.9 -j DNAT --to-destination 10.2.0.2
ip netns exec gw iptables -A FORWARD -p icmp

ip netns exec red ping -c 4 -i 0.5 10.9.9.9 &
sleep 0.75
# in mid-flow: another backend, and another source, for new ones
ip netns exec gw iptables -t nat -R PREROUTING 1 -p icmp -d 10.9.9.9 -j DNAT --to-destination 10.2.0.3
ip netns exec gw iptables -t nat -A POSTROUTING -j MASQUERADE
wait
ip netns exec red ping -c 1 10.9.9.9
ip netns exec gw iptables -t nat -nvL PREROUTING
ip netns exec gw iptables -t nat -F POSTROUTING

ip netns exec red ping -c 3 -i 0.5 10.9.9.9 &
sleep 0.25
ip netns exec gw iptables -t nat -F
wait
ip netns exec gw conntrack -L 2>/dev/null | wc -l

ip netns exec gw iptables -t nat -A PREROUTING -p icmp -j LOG
ip netns exec gw iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP
ip netns exec gw iptables -Z
for i in 1 2; do ip netns exec red ping -q -c 3 -i 0.2 10.2.0.2 >/dev/null; done
count() { ip netns exec gw iptables "$@" | awk 'NR > 2 { print $1; exit }'; }
echo "nat counted $(count -t nat -nvxL PREROUTING), filter counted $(count -nvxL FORWARD)"
