# REDIRECT: whatever port the client wants, it is the router's own that answers, as from the address that was asked. NETMAP: a network for a network.
# expect: status 0
# expect: output ^redirected: hello from the router$
# expect: red.eth0 rx 10.2.0.2>10.1.0.2 .*udp 53>40001 data 22
# expect: blue.eth0 rx 10.1.0.2>10.2.0.2 .*icmp echo request
# quick
set -e
ip netns add red; ip netns add gw; ip netns add blue
ip link add eth0 netns red type veth peer name r0 netns gw
ip link add eth0 netns blue type veth peer name b0 netns gw
ip -n gw addr add 10.1.0.1/24 dev r0; ip -n gw addr add 10.2.0.1/24 dev b0
ip -n red addr add 10.1.0.2/24 dev eth0; ip -n blue addr add 10.2.0.2/24 dev eth0
ip -n gw link set r0 up; ip -n gw link set b0 up; ip -n red link set eth0 up; ip -n blue link set eth0 up; ip -n gw link set lo up
ip -n red route add default via 10.1.0.1; ip -n blue route add default via 10.2.0.1
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1
gw() { ip netns exec gw iptables -t nat "$@"; }
gw -A PREROUTING -p udp --dport 53 -j REDIRECT --to-ports 5353
gw -A PREROUTING -p tcp --dport 80 -j REDIRECT
gw -A OUTPUT -p udp -d 10.77.0.1 --dport 53 -j REDIRECT --to-ports 5353
gw -A PREROUTING -d 172.16.5.0/24 -j NETMAP --to 10.2.0.0/24
gw -A POSTROUTING -s 10.1.0.0/24 -p icmp -m length --length 184 -j NETMAP --to 10.8.8.0/24
ip -n gw route add 10.77.0.1 via 10.2.0.2
ip -n blue route add 10.8.8.0/24 via 10.2.0.1

echo "hello from the router" | ip netns exec gw nc -u -l -p 5353 -w 2 >/dev/null &
sleep 0.3
echo "redirected: $(echo q | ip netns exec red nc -u -w 1 -p 40001 10.2.0.2 53)"
wait || true
ip netns exec red nc -z -w 1 10.2.0.2 80 || echo "refused by the router"
echo "hello again" | ip netns exec gw nc -u -l -p 5353 -w 2 >/dev/null &
sleep 0.3
echo "its own: $(echo q | ip netns exec gw nc -u -w 1 -p 40002 10.77.0.1 53)"
wait || true
ip netns exec red ping -q -c 1 -W 1 172.16.5.2
ip netns exec red ping -q -c 1 -W 1 -s 156 10.2.0.2
gw -nvL
