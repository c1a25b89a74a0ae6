# REJECT, kind by kind: what goes back, from whom, what it quotes; in INPUT, FORWARD and OUTPUT. Never about an ICMP error, and a reset only for TCP.
# expect: status 0
# expect: red.eth0 rx 10.1.0.1>10.1.0.2 .*icmp 3/0 net unreachable quote
# expect: red.eth0 rx 10.1.0.1>10.1.0.2 .*icmp 3/1 host unreachable quote
# expect: red.eth0 rx 10.1.0.1>10.1.0.2 .*icmp 3/2 protocol unreachable quote
# expect: red.eth0 rx 10.1.0.1>10.1.0.2 .*icmp 3/9 net prohibited quote
# expect: red.eth0 rx 10.1.0.1>10.1.0.2 .*icmp 3/10 host prohibited quote
# expect: red.eth0 rx 10.1.0.1>10.1.0.2 .*icmp 3/13 admin prohibited quote
# expect: red.eth0 rx 10.2.0.2>10.1.0.2 .*tcp 80>p1 RA
set -e
ip netns add red; ip netns add gw; ip netns add blue
ip link add eth0 netns red type veth peer name r0 netns gw
ip link add eth0 netns blue type veth peer name b0 netns gw
ip -n gw addr add 10.1.0.1/24 dev r0; ip -n gw addr add 10.2.0.1/24 dev b0
ip -n red addr add 10.1.0.2/24 dev eth0; ip -n blue addr add 10.2.0.2/24 dev eth0
for l in red:eth0 blue:eth0 gw:r0 gw:b0 gw:lo; do ip -n ${l%:*} link set ${l#*:} up; done
ip -n red route add default via 10.1.0.1; ip -n blue route add default via 10.2.0.1
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
gw() { ip netns exec gw iptables "$@"; }
port=9001
for kind in icmp-net-unreachable icmp-host-unreachable icmp-proto-unreachable icmp-port-unreachable icmp-net-prohibited icmp-host-prohibited icmp-admin-prohibited; do
    gw -A FORWARD -p udp --dport $port -j REJECT --reject-with $kind
    port=$((port + 1))
done
gw -A FORWARD -p tcp --dport 80 -j REJECT --reject-with tcp-reset
gw -A FORWARD -p tcp --dport 81 -j REJECT
gw -A FORWARD -p icmp -j REJECT --reject-with host-prohib
gw -A INPUT -p tcp --dport 80 -j REJECT --reject-with tcp-reset
gw -A INPUT -p icmp --icmp-type 8 -j REJECT
gw -A OUTPUT -p tcp --dport 80 -j REJECT --reject-with tcp-reset
gw -A OUTPUT -p udp --dport 53 -j REJECT --reject-with icmp-admin-prohibited
for port in 9001 9002 9003 9004 9005 9006 9007; do echo x | timeout 0.4 ip netns exec red nc -u -p 5000 10.2.0.2 $port || echo "$port: $?"; done
for port in 80 81; do ip netns exec red nc -z -v -w 1 10.2.0.2 $port || echo "$port: $?"; done
ip netns exec red ping -c 1 -W 1 10.2.0.2 || true
ip netns exec red ping -c 1 -W 1 10.1.0.1 || true
ip netns exec red nc -z -v -w 1 10.1.0.1 80 || echo "router: $?"
ip netns exec gw nc -z -v -w 1 10.2.0.2 80 || echo "from the router: $?"
echo x | timeout 0.4 ip netns exec gw nc -u -p 5001 10.2.0.2 53 || echo "from the router: $?"
# an error about an error: the closed port's ICMP meets a REJECT, which keeps quiet
gw -F FORWARD; gw -A FORWARD -p icmp -j REJECT
echo x | timeout 0.4 ip netns exec red nc -u -p 5002 10.2.0.2 9999 || true
gw -nvL
