# A VTEP's FDB entry or neighbour is missing: without the one the packet has no tunnel endpoint and is dropped, without the other it is asked for, of nobody.
# expect: status 0
# expect: output ^all there: 1 received
# expect: output ^no FDB entry: 0 received
# expect: output ^wrong endpoint: 0 received
# expect: output ^no neighbour: From 10.244.1.1 icmp_seq=1 Destination Host Unreachable
# expect: n1.flannel.1 tx icmp echo request = 3
# expect: n1.flannel.1 tx arp who-has 10.244.2.0 = 3
# expect: n1.eth0 tx vxlan 1 = 1
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
try() { echo "$1: $(ip netns exec pod1 ping -c 1 -W ${2-0.5} 10.244.2.2 | grep -o '. received\|From.*')"; }
try 'all there'
ip netns exec n1 bridge fdb del 02:00:00:00:f1:02 dev flannel.1
try 'no FDB entry'
ip netns exec n1 bridge fdb add 02:00:00:00:f1:02 dev flannel.1 dst 192.168.0.77     # a node that is not there
try 'wrong endpoint'
sleep 3
ip netns exec n1 bridge fdb replace 02:00:00:00:f1:02 dev flannel.1 dst 192.168.0.2
ip -n n1 neigh del 10.244.2.0 dev flannel.1
try 'no neighbour' 4
