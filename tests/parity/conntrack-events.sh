# conntrack -E tells what becomes of connections as it happens: new, answered, assured, closing, deleted; until a signal ends it, and then how many.
# expect: status 0
# expect: output ^    \[NEW\] tcp      6 120 SYN_SENT src=10.1.0.2 dst=10.1.0.1 sport=4001 dport=80 \[UNREPLIED\] src=10.2.0.2 dst=10.1.0.2 sport=80 dport=4001$
# expect: output ^ \[UPDATE\] tcp      6 60 SYN_RECV src=10.1.0.2 dst=10.1.0.1 sport=4001 dport=80 src=10.2.0.2
# expect: output ^ \[UPDATE\] tcp      6 432000 ESTABLISHED .*\[ASSURED\]$
# expect: output ^ \[UPDATE\] tcp      6 120 FIN_WAIT .*\[ASSURED\]$
# expect: output ^ \[UPDATE\] tcp      6 120 TIME_WAIT .*\[ASSURED\]$
# expect: output ^\[DESTROY\] tcp      6 120 CLOSE src=10.1.0.2 dst=10.1.0.1 sport=4002 dport=81 \[UNREPLIED\] src=10.2.0.2 dst=10.1.0.2 sport=81 dport=4002 mark=7$
# expect: output ^    \[NEW\] udp      17 30 .*sport=4000 dport=53 \[UNREPLIED\]
# expect: output ^\[DESTROY\] udp      17 (30|29) .*sport=4000 .*\[USERSPACE\] portid=
# expect: output ^conntrack v1.4.7 \(conntrack-tools\): 10 flow events have been shown.$
# expect: output ^conntrack v1.4.7 \(conntrack-tools\): 1 flow events have been shown.$
# expect: output ^only new ones: 1$
# expect: red.eth0 tx tcp
ip netns add red; ip netns add gw; ip netns add blue
ip link add eth0 netns red type veth peer name r0 netns gw
ip link add eth0 netns blue type veth peer name b0 netns gw
ip -n gw addr add 10.1.0.1/24 dev r0; ip -n gw addr add 10.2.0.1/24 dev b0
ip -n red addr add 10.1.0.2/24 dev eth0; ip -n blue addr add 10.2.0.2/24 dev eth0
for l in red:eth0 blue:eth0 gw:r0 gw:b0; do
    ip -n ${l%:*} link set ${l#*:} up
    ip netns exec ${l%:*} sysctl -qw net.ipv4.neigh.${l#*:}.delay_first_probe_time=60
done
ip -n red route add default via 10.1.0.1; ip -n blue route add default via 10.2.0.1
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1
ip netns exec gw iptables -t nat -A PREROUTING -d 10.1.0.1 -j DNAT --to-destination 10.2.0.2
ip netns exec gw iptables -t mangle -A FORWARD -p tcp --dport 81 -j CONNMARK --set-mark 7

timeout 3 ip netns exec gw conntrack -E &
sleep 0.3
(sleep 0.5; echo bye) | ip netns exec blue nc -l -p 80 -N >/dev/null &
sleep 0.2
ip netns exec red nc -p 4001 10.1.0.1 80 </dev/null >/dev/null
echo x | timeout 0.3 ip netns exec red nc -u -p 4000 10.1.0.1 53
timeout 0.3 ip netns exec red nc -z -p 4002 10.1.0.1 81
ip netns exec gw conntrack -D -p udp >/dev/null 2>&1
wait
seen=$(mktemp); trap 'rm -f "$seen"' EXIT
timeout 0.8 ip netns exec gw conntrack -E -e NEW -p udp >"$seen" &
sleep 0.2
ip netns exec red ping -c 1 -q -W 0.1 10.1.0.1 >/dev/null
echo x | timeout 0.3 ip netns exec red nc -u -p 4005 10.1.0.1 53
wait
echo "only new ones: $(grep -c '\[NEW\] udp' "$seen")"
exit 0
