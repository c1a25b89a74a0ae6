# `nolearning proxy`: the tunnel answers ARP from its own neighbour table, so that no question ever crosses the wire; what the table lacks stays unanswered.
# expect: status 0
# expect: output ^2 received
# expect: output ^unknown: 0 received
# expect: output nolearning proxy l2miss l3miss
# expect: pod1.eth0 rx arp reply 20.0.0.2 is-at = 1
# expect: h1.vxlan0 rx arp reply 20.0.0.2 is-at = 1
# expect: h1.eth0 tx vxlan 100 .*arp = 0
# expect: pod2.eth0 rx icmp echo request = 2
set -e
ip netns add h1
ip netns add h2
ip link add eth0 netns h1 type veth peer name eth0 netns h2
for i in 1 2; do
    o=$((3 - i))
    ip netns add pod$i
    ip -n h$i addr add 192.168.0.10$i/24 dev eth0
    ip -n h$i link set eth0 up
    ip -n h$i link add vxlan0 type vxlan id 100 dstport 4789 dev eth0 nolearning proxy l2miss l3miss
    ip -n h$i link add br0 type bridge
    ip -n h$i link set vxlan0 master br0
    ip -n h$i link add veth1 type veth peer name eth0 address 02:00:00:00:00:0$i netns pod$i
    ip -n h$i link set veth1 master br0
    for dev in vxlan0 veth1 br0; do ip -n h$i link set $dev up; done
    ip -n pod$i addr add 20.0.0.$i/24 dev eth0
    ip -n pod$i link set eth0 up
    ip netns exec h$i bridge fdb append 02:00:00:00:00:0$o dev vxlan0 dst 192.168.0.10$o
    ip -n h$i neigh add 20.0.0.$o lladdr 02:00:00:00:00:0$o dev vxlan0
done
sleep 0.5
ip netns exec pod1 ping -c 2 -i 0.2 20.0.0.2 | grep -o '. received'
echo "unknown: $(ip netns exec pod1 ping -c 1 -W 0.5 20.0.0.3 | grep -o '. received' || true)"
ip -n h1 -d link show vxlan0 | grep -o 'vxlan id .*'
sleep 2.8
