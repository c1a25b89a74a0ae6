# One Ethernet over three hosts: a bridge with a VXLAN port each, the default entry lists the other two, and what nobody knows is sent to both.
# expect: status 0
# expect: output ^a to b: 2 received
# expect: output ^a to c: 1 received
# expect: output dst 10.0.0.2 self permanent
# expect: output ^00:00:00:00:00:00 dst 10.0.0.3 self permanent
# expect: h1.eth0 tx 10.0.0.1>10.0.0.2 .*arp who-has 172.20.0.2 = 1
# expect: h1.eth0 tx 10.0.0.1>10.0.0.3 .*arp who-has 172.20.0.2 = 1
# expect: h1.eth0 tx 10.0.0.1>10.0.0.3 .*icmp echo request .* = 1
# expect: c.eth0 rx 172.20.0.1>172.20.0.2 = 0
# expect: b.eth0 rx 172.20.0.1>172.20.0.2 = 2
set -e
ip link add lan type bridge
ip link set lan up
hosts="1 2 3"
names=(- a b c)
for i in $hosts; do
    h=h$i pod=${names[$i]}
    ip netns add $h
    ip netns add $pod
    ip link add lan-$h type veth peer name eth0 netns $h
    ip link set lan-$h master lan up
    ip -n $h addr add 10.0.0.$i/24 dev eth0
    ip -n $h link set eth0 up
    ip -n $h link add br0 type bridge
    ip -n $h link add vxlan100 type vxlan id 100 local 10.0.0.$i dstport 4789
    ip -n $h link set vxlan100 master br0
    ip -n $h link add veth0 type veth peer name eth0 netns $pod
    ip -n $h link set veth0 master br0
    for dev in br0 vxlan100 veth0; do ip -n $h link set $dev up; done
    for j in $hosts; do
        [ $i = $j ] || ip netns exec $h bridge fdb append 00:00:00:00:00:00 dev vxlan100 dst 10.0.0.$j
    done
    ip -n $pod addr add 172.20.0.$i/16 dev eth0
    ip -n $pod link set eth0 mtu 1450 up
done
sleep 0.5
echo "a to b: $(ip netns exec a ping -c 2 -i 0.2 172.20.0.2 | grep -o '. received')"
echo "a to c: $(ip netns exec a ping -c 1 172.20.0.3 | grep -o '. received')"
ip netns exec h1 bridge fdb show br br0 brport vxlan100 | grep -v 01:00:5e
ip netns exec h1 bridge fdb show dev vxlan100 | grep 00:00:00:00:00:00
