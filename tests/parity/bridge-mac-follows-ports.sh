# A bridge whose MAC nobody set takes the lowest of its ports': a new pod changes the gateway's MAC under its neighbours. A MAC that was set stays.
# gotcha: 5
# expect: status 0
# expect: output ^cbr0 with one port: 02:00:00:00:00:50
# expect: output ^cbr0 with a lower port: 02:00:00:00:00:10
# expect: output ^pod knows: 02:00:00:00:00:10
# expect: output ^gateway, lower port gone: 0 received
# expect: output ^cbr0 without it: 02:00:00:00:00:50
# expect: output ^pinned, with a lower port: 02:00:00:00:00:50
# expect: output ^gateway, pinned: 1 received
# expect: output ^gateway, pinned, lower port gone: 1 received
# expect: host.veth1 rx icmp echo request = 5
# expect: host.veth1 tx icmp echo reply = 4
set -eu
ip link add cbr0 type bridge
ip addr add 10.244.1.1/24 dev cbr0
ip link set cbr0 up
mac() { ip -br link show "$1" | awk '{print $3}'; }

ip netns add pod1
ip link add veth1 type veth peer name eth0 netns pod1
ip link set veth1 address 02:00:00:00:00:50
ip link set veth1 master cbr0 up
ip -n pod1 addr add 10.244.1.2/24 dev eth0
ip -n pod1 link set eth0 up
sleep 0.3
echo "cbr0 with one port: $(mac cbr0)"
ping_gateway() { echo "$1: $(ip netns exec pod1 ping -c 1 -W 0.5 10.244.1.1 | grep -o '. received')"; }
ping_gateway gateway

ip netns add pod2
ip link add veth2 address 02:00:00:00:00:10 type veth peer name eth0 netns pod2
ip link set veth2 master cbr0 up
ip -n pod2 link set eth0 up
sleep 0.3
echo "cbr0 with a lower port: $(mac cbr0)"
ip -n pod1 neigh flush all
ping_gateway 'gateway, new MAC'
echo "pod knows: $(ip -n pod1 neigh show 10.244.1.1 | awk '{print $5}')"
ip link del veth2
sleep 0.2
ping_gateway 'gateway, lower port gone'        # to a MAC that nobody has
echo "cbr0 without it: $(mac cbr0)"

ip link set cbr0 address "$(mac cbr0)"         # what a CNI plugin does
ip -n pod1 neigh flush all
ip link add veth2 address 02:00:00:00:00:10 type veth peer name eth0 netns pod2
ip link set veth2 master cbr0 up
sleep 0.2
echo "pinned, with a lower port: $(mac cbr0)"
ping_gateway 'gateway, pinned'
ip link del veth2
sleep 0.2
ping_gateway 'gateway, pinned, lower port gone'
