# Routes and rules that ask for a TOS: a route with a TOS is tried before one without, and only for packets that carry it; the ECN bits do not count.
# expect: status 0
# expect: output ^192.0.2.1 tos 0x10 via 10.0.2.2
# expect: one.eth0 rx ip 10.0.1.1>192.0.2.1 ttl 64 df id x . icmp echo request = 1
# expect: two.eth0 rx ip 10.0.2.1>192.0.2.1 ttl 64 tos 10 df .*echo request = 1
# expect: one.eth0 rx ip 10.0.1.1>192.0.2.1 ttl 64 tos 08 df .*echo request = 1
# expect: two.eth0 rx ip 10.0.2.1>192.0.2.1 ttl 64 tos 04 df .*echo request = 1
# quick
set -e
ip netns add pc
for k in 1 2; do
    ns=$([ $k = 1 ] && echo one || echo two)
    ip netns add $ns
    ip -n $ns link set lo up
    ip link add if$k netns pc type veth peer name eth0 netns $ns
    ip -n pc addr add 10.0.$k.1/24 dev if$k
    ip -n $ns addr add 10.0.$k.2/24 dev eth0
    ip -n pc link set if$k up
    ip -n $ns link set eth0 up
    ip -n $ns addr add 192.0.2.1/32 dev lo
done
ip -n pc route add 192.0.2.1 via 10.0.1.2
ip -n pc route add 192.0.2.1 tos 0x10 via 10.0.2.2
ip -n pc route
ip -n pc route get 192.0.2.1 tos 0x10
p() { ip netns exec pc ping -c 1 -W 1 "$@" 192.0.2.1; }
p
p -Q 0x10
p -Q 0x08
ip -n pc rule add tos 0x04 table 100
ip -n pc route add default via 10.0.2.2 table 100
ip -n pc rule
p -Q 0x04
ip -n pc route del 192.0.2.1 tos 0x10
ip -n pc route
