# From which of its addresses a router complains: from the one that its route back to the sender prefers, not from the one it was met at; with
# icmp_errors_use_inbound_ifaddr from the primary address of the device the packet came in by. A local address that was spoken to answers itself.
# expect: status 0
# expect: output From 10.9.0.1 icmp_seq=1 Time to live exceeded
# expect: output From 10.1.0.1 icmp_seq=1 Time to live exceeded
# expect: output From 10.7.7.7 icmp_seq=1 Time to live exceeded
# expect: client.back rx ip 10.9.0.1>10.1.0.2 .*11/0
# expect: client.back rx ip 10.1.0.1>10.1.0.2 .*11/0
# expect: client.back rx ip 10.1.0.1>10.1.0.2 .*3/3
set -u
# client and router know each other twice: requests go by `to`, and the router's way back is `back`
ip netns add client; ip netns add router
for dev in to back; do ip link add $dev netns client type veth peer name $dev netns router; done
ip -n client addr add 10.1.0.2/24 dev to
ip -n client addr add 10.9.0.2/24 dev back
ip -n router addr add 10.1.0.1/24 dev to
ip -n router addr add 10.1.0.7/24 dev to
ip -n router addr add 10.9.0.1/24 dev back
for n in client router; do for dev in lo to back; do ip -n $n link set $dev up; done; done
ip -n client route add default via 10.1.0.1
ip -n router route add 10.1.0.2 via 10.9.0.2
ip -n router route add default via 10.9.0.2
ip netns exec router sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratemask=0
try() { ip netns exec client ping -c 1 -W 0.5 -t 1 192.0.2.1; }
try
ip netns exec router sysctl -w net.ipv4.icmp_errors_use_inbound_ifaddr=1
try
ip netns exec router sysctl -w net.ipv4.icmp_errors_use_inbound_ifaddr=0
ip -n router addr add 10.7.7.7/32 dev lo
ip -n router route change 10.1.0.2 via 10.9.0.2 src 10.7.7.7
try
echo x | ip netns exec client nc -u -q 0 -w 1 10.1.0.1 9
ip netns exec client ping -c 1 -W 0.5 10.1.0.7
exit 0
