# A learning VXLAN with one default endpoint: the first frame goes there, and the answers teach who is behind which endpoint.
# expect: status 0
# expect: output ^2 received
# expect: output 00:00:00:00:00:00 dst 192.168.10.2 via eth0 self permanent
# expect: output ^02:00:00:00:0b:0b dst 192.168.10.2 self
# expect: output ^not aged yet: 2$
# expect: output ^after ageing: 1$
# expect: left.eth0 tx vxlan 42 .*arp who-has 10.20.0.2 tell 10.20.0.1 = 1
# expect: right.vxlan0 rx icmp echo request = 3
set -euo pipefail
ip netns add left
ip netns add right
ip link add eth0 netns left type veth peer name eth0 netns right
ip -n left addr add 192.168.10.1/24 dev eth0
ip -n right addr add 192.168.10.2/24 dev eth0
ip -n left link set eth0 up
ip -n right link set eth0 up
ip -n left link add vxlan0 address 02:00:00:00:0a:0a type vxlan id 42 remote 192.168.10.2 dstport 4789 dev eth0 ageing 2
ip -n right link add vxlan0 address 02:00:00:00:0b:0b type vxlan id 42 remote 192.168.10.1 dstport 4789 dev eth0 ageing 2
ip -n left addr add 10.20.0.1/24 dev vxlan0
ip -n right addr add 10.20.0.2/24 dev vxlan0
ip -n left link set vxlan0 up
ip -n right link set vxlan0 up
sleep 0.3
ip netns exec left ping -c 2 -i 0.2 10.20.0.2 | grep -o '. received'
ip netns exec left bridge fdb show dev vxlan0
sleep 3.5
echo "not aged yet: $(ip netns exec left bridge fdb show dev vxlan0 | wc -l)"     # looked after every 10 s
ip -n left neigh replace 10.20.0.2 lladdr 02:00:00:00:0b:0b dev vxlan0
ip -n right neigh replace 10.20.0.1 lladdr 02:00:00:00:0a:0a dev vxlan0
sleep 8
echo "after ageing: $(ip netns exec left bridge fdb show dev vxlan0 | wc -l)"
ip netns exec left ping -c 1 10.20.0.2
