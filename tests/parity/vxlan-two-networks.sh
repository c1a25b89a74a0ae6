# Two virtual networks over the same wire and port: the VNI keeps them apart, also where addresses are the same; a VNI that nobody has is dropped.
# expect: status 0
# expect: output ^red: 1 received
# expect: output ^blue: 1 received
# expect: output ^green, on one side only: 0 received
# expect: h2.eth0 rx vxlan 10 .*icmp echo request = 1
# expect: h2.eth0 rx vxlan 20 .*icmp echo request = 1
# expect: h2.red rx icmp echo request = 1
# expect: h2.red rx 10.30.0.2 = 0
# expect: h2.eth0 rx vxlan 30
set -eu
ip netns add h1
ip netns add h2
ip link add eth0 netns h1 type veth peer name eth0 netns h2
for i in 1 2; do
    ip -n h$i addr add 10.0.0.$i/24 dev eth0
    ip -n h$i link set eth0 up
done
network() {   # network NAME VNI HOST
    ip -n h$3 link add $1 type vxlan id $2 remote 10.0.0.$((3 - $3)) dstport 4789
    ip -n h$3 link set $1 up
    ip -n h$3 addr add 10.$2.0.$3/24 dev $1
}
network red 10 1; network red 10 2
network blue 20 1; network blue 20 2
network green 30 1
sleep 0.3
echo "red: $(ip netns exec h1 ping -c 1 10.10.0.2 | grep -o '. received')"
echo "blue: $(ip netns exec h1 ping -c 1 10.20.0.2 | grep -o '. received')"
echo "green, on one side only: $(ip netns exec h1 ping -c 1 -W 0.5 10.30.0.2 | grep -o '. received' || true)"
sleep 2.9
ip -n h1 link add more type vxlan id 10 dstport 4789 2>&1 || true
