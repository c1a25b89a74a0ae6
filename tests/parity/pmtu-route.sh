# An MTU that a route has: what is longer is cut or refused here already; with `lock` a router's "fragmentation needed" does not lower it and DF is not set.
# expect: status 0
# expect: output ^10.2.0.0/24 via 10.1.0.1 dev eth0 mtu lock 1400
# expect: output ping: local error: message too long, mtu=1200
# expect: a.eth0 tx frag 0\+
# expect: output cache mtu 1200
set -u
ip netns add a
ip netns add r
ip netns add b
ip link add eth0 netns a type veth peer name left netns r
ip link add right netns r mtu 1000 type veth peer name eth0 netns b mtu 1000
ip -n a addr add 10.1.0.2/24 dev eth0 && ip -n a link set eth0 up
ip -n r addr add 10.1.0.1/24 dev left && ip -n r link set left up
ip -n r addr add 10.2.0.1/24 dev right && ip -n r link set right up
ip -n b addr add 10.2.0.2/24 dev eth0 && ip -n b link set eth0 up
ip netns exec r sysctl -qw net.ipv4.ip_forward=1
ip -n b route add default via 10.2.0.1
p() { ip netns exec a ping -c 1 -W 0.5 "$@" 10.2.0.2; ip -n a route get 10.2.0.2 | sed 's/expires [0-9]*sec/expires/'; }
ip -n a route add 10.2.0.0/24 via 10.1.0.1 mtu 1200
ip -n a route
p -s 1300 -M do
p -s 1300
p -s 1100                                   # fits a's route, not r's link: DF, and told so
p -s 1100
ip -n a route flush cache
ip -n a route replace 10.2.0.0/24 via 10.1.0.1 mtu lock 1400
ip -n a route
p -s 1100
p -s 1100 -M do
p -s 1100
ip -n a route change 10.2.0.0/24 via 10.1.0.1
ip -n a route
p -s 1100
exit 0
