# One end of a router's link is deleted while packets pass: both ends go, the routes by it go, and the sender behind the router hears that the network
# is unreachable.
# expect: status 0
# expect: output From 10.0.1.1 icmp_seq=\d+ Destination Net Unreachable
# expect: output 4 packets transmitted, 2 received, \+2 errors
# expect: output ^router: 1 routes, peer has 0 links
# expect: output Cannot find device "right"
# expect: left.eth0 rx icmp 3/0 net unreachable = 2
# expect: right.eth0 rx icmp echo request = 2
set -u
for ns in left router right; do ip netns add $ns; ip -n $ns link set lo up; done
ip netns exec router sysctl -qw net.ipv4.ip_forward=1
ip link add eth0 netns left type veth peer name left netns router
ip link add eth0 netns right type veth peer name right netns router
ip -n left addr add 10.0.1.2/24 dev eth0
ip -n right addr add 10.0.2.2/24 dev eth0
ip -n router addr add 10.0.1.1/24 dev left
ip -n router addr add 10.0.2.1/24 dev right
for pair in left/eth0 right/eth0 router/left router/right; do ip -n "${pair%/*}" link set "${pair#*/}" up; done
ip -n left route add default via 10.0.1.1
ip -n right route add default via 10.0.2.1
ip -n router route add 10.7.0.0/16 via 10.0.2.2
sleep 0.3
ip netns exec left ping -c 4 -i 1 -W 1 10.0.2.2 &
sleep 1.5
ip -n router link del right
wait
echo "router: $(ip -n router route | wc -l) routes, peer has $(ip -n right -o link show type veth | wc -l) links"
ip -n router link set right up
ip -n router neigh | awk '{print $1, $3}'
exit 0
