# Two bridges with an address each are the gateways of two subnets; the host routes between them.
# expect: status 0
# expect: output ^blue-1: ttl=64
# expect: output ^green-1: ttl=63
# expect: output ^gateway: ttl=64
# expect: output ^not routing: $
# expect: host.br-blue rx icmp echo request = 4
# expect: host.br-green tx 172.16.1.10>172.16.2.10 ttl 63 = 1
# expect: blue-2.eth0 rx icmp echo request = 1
set -e
make_network() {   # make_network NAME SUBNET
    ip link add br-$1 address 02:00:00:00:0${2##*.}:01 type bridge
    ip addr add $2.1/24 brd + dev br-$1
    ip link set br-$1 up
    for n in 1 2; do
        ip netns add $1-$n
        ip link add v-$1-$n type veth peer name eth0 netns $1-$n
        ip link set v-$1-$n master br-$1
        ip link set v-$1-$n up
        ip netns exec $1-$n bash -c "
            ip addr add $2.$((n * 10))/24 dev eth0
            ip link set eth0 up
            ip link set lo up
            ip route add default via $2.1"
    done
}
make_network blue 172.16.1
make_network green 172.16.2
sysctl -w net.ipv4.ip_forward=1
sleep 0.3
ttl() { echo "$1: $(ip netns exec blue-1 ping -c 1 -W 1 $2 | grep -o 'ttl=[0-9]*')"; }
ttl blue-1 172.16.1.20
ttl green-1 172.16.2.10
ttl gateway 172.16.1.1
ttl 'the other gateway' 172.16.2.1
echo 0 > /proc/sys/net/ipv4/ip_forward || sysctl -qw net.ipv4.ip_forward=0
ttl 'not routing' 172.16.2.10
