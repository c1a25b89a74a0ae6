# The VXLAN device is made on the host and moved into a namespace: its outer packets keep going by the host's wire. That is how overlay networks give one to a container.
# expect: status 0
# expect: output ^2 received
# expect: host.left0 tx vxlan 4097 .*icmp echo request = 2
# expect: left.vx tx icmp echo request = 3
# expect: left.vx tx udp = 0
# expect: output ^wire gone: 0 received
set -e
ip netns add left
ip netns add right
ip netns add far
ip link add left0 type veth peer name eth0 netns far
ip addr add 10.0.0.1/24 dev left0
ip link set left0 up
ip -n far addr add 10.0.0.2/24 dev eth0
ip -n far link set eth0 up

ip link add vx-left address 02:00:00:00:00:0a type vxlan id 4097 remote 10.0.0.2 dstport 4789
ip link set vx-left netns left name vx
ip -n left addr add 10.50.0.1/24 dev vx
ip -n left link set vx up
ip -n far link add vx-right address 02:00:00:00:00:0b type vxlan id 4097 remote 10.0.0.1 dstport 4789
ip -n far link set vx-right netns right
ip -n right link set vx-right name vx
ip -n right addr add 10.50.0.2/24 dev vx
ip -n right link set vx up
sleep 0.3
ip netns exec left ping -c 2 -i 0.2 10.50.0.2 | grep -o '. received'
ip -n left -d link show vx | grep -o 'vxlan id .*'
ip netns exec left bridge fdb show dev vx
ip link set left0 down
echo "wire gone: $(ip netns exec left ping -c 1 -W 0.5 10.50.0.2 | grep -o '. received')"
