# A pod goes and another gets its address with another MAC: its peer, whose entry is old, talks to the dead MAC. A gratuitous ARP by the new pod mends it.
# gotcha: 6
# expect: status 0
# expect: output ^first pod: 1 received
# expect: output ^second pod, nothing said: 0 received
# expect: output ^third pod, announced: 1 received
# expect: client.eth0 tx client.eth0>first.eth0 ip 10.244.1.2>10.244.1.5 = 2
# expect: second.eth0 tx icmp = 0
# expect: third.eth0 tx arp who-has 10.244.1.5 tell 10.244.1.5 = 1
# expect: third.eth0 rx icmp echo request = 1
# needs: arping
set -u
ip link add cbr0 type bridge
ip addr add 10.244.1.1/24 dev cbr0
ip link set cbr0 up

add_pod() {   # add_pod NAME ADDRESS
    ip netns add "$1"
    ip link add "veth-$1" type veth peer name eth0 netns "$1"
    ip link set "veth-$1" master cbr0 up
    ip -n "$1" addr add "$2/24" dev eth0
    ip -n "$1" link set eth0 up
    ip -n "$1" route add default via 10.244.1.1
}
try() { echo "$1: $(ip netns exec client ping -c 1 -W 0.5 10.244.1.5 | grep -o '[0-9]* received')"; }

add_pod client 10.244.1.2
add_pod first 10.244.1.5
sleep 0.3
try 'first pod'

ip netns del first
sleep 0.2
add_pod second 10.244.1.5
sleep 0.3
try 'second pod, nothing said'

ip netns del second
sleep 0.2
add_pod third 10.244.1.5
sleep 0.3
ip netns exec third arping -q -U -c 1 -w 1 -I eth0 10.244.1.5
try 'third pod, announced'
ip netns exec client ip neigh show 10.244.1.5
exit 0
