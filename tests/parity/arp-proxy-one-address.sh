# `ip neigh add proxy`: a router answers for one address only, and only while it routes.
# expect: status 0
# expect: output ^10.2.0.2 dev eth0 proxy
# expect: output ^without: 0
# expect: output ^with: 1
# expect: output ^another: 0
# expect: output ^not routing: 0
# expect: lan.eth0 rx arp reply 10.2.0.2 is-at = 1
# expect: lan.eth0 rx arp reply 10.2.0.3 = 0
# needs: arping
for ns in lan router inside; do ip netns add $ns; done
ip link add eth0 netns lan type veth peer name eth0 netns router
ip link add eth0 netns inside type veth peer name eth1 netns router
ip -n lan addr add 10.2.0.200/24 dev eth0
ip -n router addr add 10.2.0.1/24 dev eth0
ip -n router addr add 10.9.0.1/24 dev eth1
ip -n inside addr add 10.2.0.2/24 dev eth0
for link in lan:eth0 router:eth0 router:eth1 inside:eth0; do
    ip -n ${link%:*} link set ${link#*:} up
done
ip -n router route add 10.2.0.2/31 dev eth1
ip netns exec router sysctl -q -w net.ipv4.ip_forward=1
ip netns exec router sysctl -q -w net.ipv4.neigh.eth0.proxy_delay=0
sleep 0.2
ask() { echo "$1: $(ip netns exec lan arping -c 1 -w 1 -I eth0 $2 | sed -n 's/Received \([0-9]*\) resp.*/\1/p')"; }

ask without 10.2.0.2
ip -n router neigh add proxy 10.2.0.2 dev eth0
ip -n router neigh show proxy
ask with 10.2.0.2
ask another 10.2.0.3
ip netns exec router sysctl -q -w net.ipv4.ip_forward=0
ask 'not routing' 10.2.0.2
ip -n router neigh del proxy 10.2.0.2 dev eth0
ip -n router neigh show proxy
