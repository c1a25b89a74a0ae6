# A TCP connection's way through the table: SYN_SENT, ESTABLISHED, TIME_WAIT; SYN_SENT to a silent host, nothing for a refused one; and the
# connection that is deleted in mid-flow: picked up again where nothing is translated, lost where it is.
# expect: status 0
# expect: output ^during: ESTABLISHED .*\[ASSURED\]
# expect: output ^after: TIME_WAIT
# expect: output ^silent: SYN_SENT .*\[UNREPLIED\]
# expect: output ^refused: 0$
# expect: output ^picked up: ESTABLISHED
# expect: red.eth0 rx tcp
set -e
ip netns add red; ip netns add gw; ip netns add blue
ip link add eth0 netns red type veth peer name r0 netns gw
ip link add eth0 netns blue type veth peer name b0 netns gw
ip -n gw addr add 10.1.0.1/24 dev r0; ip -n gw addr add 10.2.0.1/24 dev b0
ip -n red addr add 10.1.0.2/24 dev eth0; ip -n blue addr add 10.2.0.2/24 dev eth0
ip -n gw link set r0 up; ip -n gw link set b0 up; ip -n red link set eth0 up; ip -n blue link set eth0 up
ip -n red route add default via 10.1.0.1; ip -n blue route add default via 10.2.0.1
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1
# nobody is asked again in the middle of it
for dev in gw:r0 gw:b0 red:eth0 blue:eth0; do ip netns exec ${dev%:*} sysctl -qw net.ipv4.neigh.${dev#*:}.delay_first_probe_time=60; done
ip netns exec gw iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP
ip netns exec gw iptables -A FORWARD -m conntrack --ctstate NEW
ip netns exec blue iptables -A INPUT -p tcp --dport 81 -j DROP
states() { ip netns exec gw conntrack -L -p tcp "$@" 2>/dev/null | sed -E 's/^tcp +6 [0-9]+ //; s/ (sport|dport)=[0-9]+//g'; }

(sleep 1.5; echo bye) | ip netns exec blue nc -l -p 80 -N >/dev/null &
sleep 0.3
(echo hi; sleep 2) | ip netns exec red nc 10.2.0.2 80 &
sleep 0.4
echo "during: $(states)"
sleep 2
echo "after: $(states)"
ip netns exec gw conntrack -F 2>/dev/null
timeout 0.6 ip netns exec red nc -z 10.2.0.2 81 || true
echo "silent: $(states --orig-port-dst 81)"
ip netns exec red nc -z -w 1 10.2.0.2 82 || true
echo "refused: $(states --orig-port-dst 82 | wc -l)"
wait || true

(sleep 2.5; echo bye) | ip netns exec blue nc -l -p 80 -N >/dev/null &
sleep 0.3
(echo hi; sleep 1; echo more; sleep 2) | ip netns exec red nc 10.2.0.2 80 &
sleep 0.5
ip netns exec gw conntrack -D -p tcp --dport 80 >/dev/null 2>&1
sleep 1
echo "picked up: $(states --orig-port-dst 80)"
wait || true
ip netns exec gw iptables -nvL FORWARD
