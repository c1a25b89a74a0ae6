# Which port a bridged packet came in by and goes out of: -m physdev. -i and -o name the bridge. A packet that is routed has a port at one end only.
# expect: status 0
# expect: output ^a to b: nothing$
# expect: output ^b to a: nothing$
# expect: output ^a to c: through$
# expect: output ^a to the outside: through$
# expect: outside.eth0 rx icmp echo request
set -e
ip netns add br
ip -n br link add br0 type bridge
ip -n br addr add 10.0.0.254/24 dev br0
ip -n br link set br0 up
i=1
for n in a b c; do
    ip netns add $n
    ip link add eth0 netns $n type veth peer name port-$n netns br
    ip -n br link set port-$n master br0; ip -n br link set port-$n up
    ip -n $n addr add 10.0.0.$i/24 dev eth0; ip -n $n link set eth0 up
    ip -n $n route add default via 10.0.0.254
    i=$((i + 1))
done
ip netns add outside
ip link add eth0 netns outside type veth peer name out0 netns br
ip -n br addr add 10.9.0.1/24 dev out0; ip -n br link set out0 up
ip -n outside addr add 10.9.0.2/24 dev eth0; ip -n outside link set eth0 up; ip -n outside route add default via 10.9.0.1
sleep 0.2
ip netns exec br sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
ip netns exec br iptables-restore <<'END'
*mangle
-A PREROUTING -i br0 -m physdev --physdev-in port-a
-A PREROUTING -i port-a
-A PREROUTING -m physdev --physdev-is-in
-A INPUT -i br0 -m physdev --physdev-in port-+
-A FORWARD -i br0 -o br0 -m physdev --physdev-is-bridged
-A FORWARD -m physdev ! --physdev-is-bridged
-A FORWARD -m physdev --physdev-in port-a ! --physdev-out port-b
-A FORWARD -i br0 -o out0 -m physdev --physdev-in port-a
-A FORWARD -i out0 -o br0
-A POSTROUTING -o br0 -m physdev --physdev-out port-c
-A POSTROUTING -o br0 -m physdev --physdev-is-out
-A POSTROUTING -o out0 -m physdev --physdev-in port-a
COMMIT
*filter
-A FORWARD -m physdev --physdev-in port-a --physdev-out port-b -j DROP
-A FORWARD -m physdev --physdev-is-bridged --physdev-out port-a -s 10.0.0.2 -j DROP
COMMIT
END
try() { if ip netns exec $2 ping -q -c 1 -W 0.5 $3 >/dev/null; then echo "$1: through"; else echo "$1: nothing"; fi; }
try "a to b" a 10.0.0.2
try "b to a" b 10.0.0.1
try "a to c" a 10.0.0.3
try "a to the bridge" a 10.0.0.254
try "a to the outside" a 10.9.0.2
try "the bridge to c" br 10.0.0.3
ip netns exec br iptables -t mangle -nvL
ip netns exec br iptables -nvL FORWARD
ip netns exec br iptables -S
