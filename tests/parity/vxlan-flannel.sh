# Two nodes as flannel programs them: a VTEP each, and for the other node a route, a permanent neighbour and an FDB entry. Nothing is asked inside the tunnel.
# expect: status 0
# expect: output ^2 received
# expect: output ttl=62
# expect: output ^02:00:00:00:f1:02 dst 192.168.0.2 self permanent
# expect: n1.flannel.1 tx icmp echo request = 2
# expect: n1.flannel.1 tx arp = 0
# expect: n1.eth0 tx udp hash>8472 vxlan 1 \[.*ttl 63.* icmp echo request = 2
# expect: n2.eth0 rx 192.168.0.1>192.168.0.2 .*vxlan 1 = 2
# expect: pod2.eth0 rx icmp echo request = 2
# quick
set -e
ip link add switch type bridge
ip link set switch up
node() {   # node NUMBER
    ip netns add n$1
    ip netns add pod$1
    ip link add wire$1 type veth peer name eth0 netns n$1
    ip link set wire$1 master switch
    ip link set wire$1 up
    ip -n n$1 link set lo up
    ip -n n$1 addr add 192.168.0.$1/24 dev eth0
    ip -n n$1 link set eth0 up
    ip netns exec n$1 sysctl -qw net.ipv4.ip_forward=1

    ip -n n$1 link add flannel.1 address 02:00:00:00:f1:0$1 type vxlan id 1 local 192.168.0.$1 dev eth0 dstport 8472 nolearning
    ip -n n$1 addr add 10.244.$1.0/32 dev flannel.1
    ip -n n$1 link set flannel.1 mtu 1450 up

    ip -n n$1 link add cni0 address 02:00:00:00:c0:0$1 type bridge
    ip -n n$1 link set cni0 mtu 1450 up
    ip -n n$1 addr add 10.244.$1.1/24 brd 10.244.$1.255 dev cni0
    ip -n n$1 link add veth0 mtu 1450 type veth peer name eth0 mtu 1450 netns pod$1
    ip -n n$1 link set veth0 master cni0 up
    ip -n pod$1 addr add 10.244.$1.2/24 dev eth0
    ip -n pod$1 link set eth0 up
    ip -n pod$1 route add default via 10.244.$1.1
}
peer() {   # peer NODE OTHER: what flanneld does when a node joins
    ip -n n$1 neigh replace 10.244.$2.0 dev flannel.1 lladdr 02:00:00:00:f1:0$2 nud permanent
    ip netns exec n$1 bridge fdb append 02:00:00:00:f1:0$2 dev flannel.1 dst 192.168.0.$2
    ip -n n$1 route replace 10.244.$2.0/24 via 10.244.$2.0 dev flannel.1 onlink
}
node 1; node 2
peer 1 2; peer 2 1
sleep 0.3
ip netns exec pod1 ping -c 2 -i 0.2 10.244.2.2 | grep -o 'ttl=.*\|. received'
ip netns exec n1 bridge fdb show dev flannel.1
ip -n n1 route get 10.244.2.2
ip -n n1 -d link show flannel.1 | grep -o 'vxlan id .* nolearning'
