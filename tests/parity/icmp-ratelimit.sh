# Errors to one address: six at once, then one a second (icmp_ratelimit). Types outside icmp_ratemask, echo replies and "fragmentation needed" are free.
# expect: status 0
# expect: output ^burst of 10: 6 errors
# expect: output ^after two seconds: 2 errors
# expect: output ^without time exceeded in the mask: 10 errors
# expect: output ^icmp_ratelimit=200: 6 errors
# expect: output ^echo: 20 received
# expect: a.eth0 rx icmp 11/0 = 24
set -e
ip netns add a
ip netns add r
ip link add eth0 netns a type veth peer name eth0 netns r
ip -n a addr add 10.0.0.1/24 dev eth0
ip -n r addr add 10.0.0.2/24 dev eth0
ip -n a link set eth0 up
ip -n r link set eth0 up
ip -n r neigh add 10.0.0.1 lladdr $(ip -n a -br link show eth0 | awk '{print $3}') dev eth0     # no ARP in between
ip -n a route add default via 10.0.0.2
ip -n r route add default via 10.0.0.1            # whatever is not expired goes back: nothing here does
ip netns exec r sysctl -w net.ipv4.ip_forward=1
ip netns exec r sysctl net.ipv4.icmp_ratelimit net.ipv4.icmp_ratemask net.ipv4.icmp_msgs_per_sec net.ipv4.icmp_msgs_burst
burst() { ip netns exec a ping -c $1 -i 0.01 -W 0.3 -t 1 192.0.2.1 | grep -c 'Time to live exceeded' || true; }
ip netns exec a ping -q -c 1 10.0.0.2 >/dev/null
echo "burst of 10: $(burst 10) errors"
sleep 2.1
echo "after two seconds: $(burst 6) errors"
ip netns exec r sysctl -qw net.ipv4.icmp_ratemask=$((6168 & ~(1 << 11)))
echo "without time exceeded in the mask: $(burst 10) errors"
ip netns exec r sysctl -qw net.ipv4.icmp_ratemask=6168 net.ipv4.icmp_ratelimit=200
sleep 1
echo "icmp_ratelimit=200: $(burst 8) errors"
echo "echo: $(ip netns exec a ping -q -c 20 -i 0.002 10.0.0.2 | grep -o '[0-9]* received')"
