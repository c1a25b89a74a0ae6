# A frame that does not fit the tunnel of a bridge: it goes all the same, in fragments outside, and with DF outside the sender is told or it is silence.
# expect: status 0
# expect: output ^fits: 1 received
# expect: output ^too big, cut outside: 1 received
# expect: output ^too big, DF inside: From 172.20.0.2 .*mtu = 1450
# expect: output ^mtu 1450$
# expect: output ^too big, DF outside: 0 received
# expect: output ^fits, DF outside: 1 received
# expect: h1.vx0 rx ttl 64 df id 0 .*frag needed mtu 1450 = 1
# expect: h2.vx0 rx icmp echo request .*1472 = 1
# expect: h1.eth0 tx frag 0\+
set -e
ip netns add h1; ip netns add h2; ip netns add a; ip netns add b
ip link add eth0 netns h1 type veth peer name eth0 netns h2
n=0
for pair in h1:a h2:b; do
    h=${pair%:*} pod=${pair#*:}
    n=$((n + 1))
    ip -n $h addr add 10.0.0.$n/24 dev eth0
    ip -n $h link set eth0 up
    ip -n $h link add br0 type bridge
    ip -n $h link add vx0 mtu 1500 type vxlan id 7 remote 10.0.0.$((3 - n)) local 10.0.0.$n dstport 4789
    ip -n $h link set vx0 master br0 up
    ip -n $h link add veth0 type veth peer name eth0 netns $pod
    ip -n $h link set veth0 master br0 up
    ip -n $h link set br0 up
    ip -n $pod addr add 172.20.0.$n/24 dev eth0
    ip -n $pod link set eth0 up
done
sleep 0.5
try() { echo "$1: $(ip netns exec a ping -c 1 -W 1 -s "$2" "${@:3}" 172.20.0.2 | grep -o '. received\|From.*' | head -1)"; }
try fits 1422
try 'too big, cut outside' 1472 -M dont
try 'too big, DF inside' 1472 -M do
ip -n a route get 172.20.0.2 | grep -o 'mtu [0-9]*'

# DF outside too: what the sender let be cut is not cut by the tunnel either
for i in 1 2; do
    ip -n h$i link del vx0
    ip -n h$i link add vx0 mtu 1500 type vxlan id 7 remote 10.0.0.$((3 - i)) local 10.0.0.$i dstport 4789 df set
    ip -n h$i link set vx0 master br0 up
done
sleep 0.3
ip -n a route flush cache
try 'too big, DF outside' 1472 -M dont
try 'fits, DF outside' 1422
