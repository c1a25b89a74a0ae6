# What stands in the IP header: length, TTL, TOS and DSCP, as conditions and as things to change on the way.
# expect: status 0
# expect: blue.eth0 rx ttl 9 tos 10 .*echo request
# expect: blue.eth0 rx ttl 200 .*echo request
# expect: blue.eth0 rx tos b8 .*echo request
# expect: red.eth0 rx icmp 11/0
# quick
set -e
ip netns add red && ip netns add gw && ip netns add blue
ip link add eth0 netns red type veth peer name r0 netns gw
ip link add eth0 netns blue type veth peer name b0 netns gw
ip -n gw addr add 10.1.0.1/24 dev r0; ip -n gw addr add 10.2.0.1/24 dev b0
ip -n red addr add 10.1.0.2/24 dev eth0; ip -n blue addr add 10.2.0.2/24 dev eth0
for l in "gw r0" "gw b0" "red eth0" "blue eth0"; do set -- $l; ip -n $1 link set $2 up; done
ip -n red route add default via 10.1.0.1; ip -n blue route add default via 10.2.0.1
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1

t="ip netns exec gw iptables -t mangle"
$t -A PREROUTING -m ttl --ttl-eq 10 -m length --length 128
$t -A PREROUTING -m ttl --ttl-lt 10
$t -A PREROUTING -m ttl --ttl-gt 64
$t -A PREROUTING -m ttl ! --ttl-eq 64
$t -A PREROUTING -m length --length 100:200
$t -A PREROUTING -m length ! --length 84
$t -A PREROUTING -m length --length :84
$t -A PREROUTING -m tos --tos Minimize-Delay
$t -A PREROUTING -m tos --tos 0x08/0xff
$t -A PREROUTING -m tos ! --tos 0x00
$t -A PREROUTING -m dscp --dscp-class EF
$t -A PREROUTING -m dscp --dscp 0x0a
$t -A PREROUTING -m dscp ! --dscp 0
$t -A FORWARD -i r0 -m length --length 184 -j TTL --ttl-set 200
$t -A FORWARD -i r0 -m length --length 284 -j TTL --ttl-dec 100
$t -A PREROUTING -i r0 -m length --length 384 -j TTL --ttl-inc 1
$t -A POSTROUTING -o b0 -m length --length 484 -j DSCP --set-dscp-class EF
$t -A POSTROUTING -o b0 -m length --length 584 -j DSCP --set-dscp 0x0a
$t -A POSTROUTING -o b0 -m length --length 684 -j TOS --set-tos 0x10
$t -A POSTROUTING -o b0 -m length --length 784 -j TOS --and-tos 0x0f
$t -A POSTROUTING -o b0 -m length --length 884 -j TOS --or-tos 0x04

p() { ip netns exec red ping -q -c 1 -W 1 "$@" 10.2.0.2 || true; }
p
p -t 10 -Q 0x10 -s 100
p -t 9
p -t 100 -Q 0x08
p -Q 0xb8
p -Q 0x28
p -s 156
p -s 256
p -s 356 -t 1
p -s 356 -t 2
p -s 456 -Q 0x02
p -s 556
p -s 656
p -s 756 -Q 0xb8
p -s 856 -Q 0xb8
p -t 1
$t -L -v -n
$t -S
