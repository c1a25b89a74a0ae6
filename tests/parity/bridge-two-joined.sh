# Two bridges joined by a veth are one network: each learns the other's hosts behind the one port between them.
# expect: status 0
# expect: output ^3 received
# expect: output dev link0 master left
# expect: output Can not enslave a bridge to a bridge
# expect: host.link1 tx arp reply 10.0.0.2 = 1
# expect: bystander.eth0 rx . = 1
# expect: b.eth0 rx icmp echo request = 3
# quick
ip link add left type bridge
ip link add right type bridge
ip link add link0 type veth peer name link1
ip link set link0 master left
ip link set link1 master right
ip link set right master left        # not this way
for link in left right link0 link1; do ip link set $link up; done
plug() {   # plug NAMESPACE BRIDGE [ADDRESS]
    ip netns add $1
    ip link add v-$1 type veth peer name eth0 netns $1
    ip link set v-$1 master $2 up
    [ -z "${3-}" ] || ip -n $1 addr add $3 dev eth0
    ip -n $1 link set eth0 up
}
plug a left 10.0.0.1/24
plug b right 10.0.0.2/24
plug bystander left
sleep 0.5
ip netns exec a ping -c 3 -i 0.2 10.0.0.2 | grep -o '. received'
bridge fdb show br left | grep -v permanent
bridge fdb show br right | grep -v permanent
