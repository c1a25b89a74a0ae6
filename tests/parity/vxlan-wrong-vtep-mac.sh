# A VTEP came back with another MAC and its neighbours were not told: packets reach the node and die there, for nobody has that MAC. Telling them mends it.
# gotcha: 8
# expect: status 0
# expect: output ^right MAC: 1 received
# expect: output ^new MAC, not told: 0 received
# expect: output ^new MAC, told: 1 received
# expect: n2.eth0 rx vxlan 1 .*icmp echo request = 3
# expect: n2.flannel.1 rx 02:00:00:00:f1:02 ip 10.244.1.2>10.244.2.2 = 2
# expect: pod2.eth0 rx icmp echo request = 2
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
try() { echo "$1: $(ip netns exec pod1 ping -c 1 -W 0.5 10.244.2.2 | grep -o '. received')"; }
try 'right MAC'

ip -n n2 link set flannel.1 address 02:00:00:00:f1:99
peer 2 1
try 'new MAC, not told'

ip netns exec n1 bridge fdb del 02:00:00:00:f1:02 dev flannel.1 dst 192.168.0.2
ip netns exec n1 bridge fdb append 02:00:00:00:f1:99 dev flannel.1 dst 192.168.0.2
ip -n n1 neigh replace 10.244.2.0 dev flannel.1 lladdr 02:00:00:00:f1:99 nud permanent
try 'new MAC, told'
