# What belongs to a host: each address on any of its devices is answered on every device (weak host), all of 127/8 is lo, and talking to oneself never
# leaves by a wire. An address of a device that is down stays local.
# expect: status 0
# expect: output ^local 10.1.1.1 dev lo .*src 10.1.1.1
# expect: output 64 bytes from 127.9.8.7
# expect: b.eth0 rx ip 10.0.0.1>10.2.2.2 .*echo request = 1
# expect: b.eth0 tx ip 10.2.2.2>10.0.0.1 .*echo reply = 1
# expect: a.lo tx ip 10.0.0.1>10.0.0.1 .*echo request = 1
# expect: a.lo tx ip 127.0.0.1>127.9.8.7 .*echo request = 1
# expect: a.lo tx ip 10.1.1.1>10.1.1.1 .*echo request = 1
# expect: a.eth0 tx 10.0.0.1>10.0.0.1 = 0
# quick
set -e
for n in a b; do ip netns add $n; done
ip -n a link add eth0 type veth peer name eth0 netns b
ip -n b link add eth1 type veth peer name peer1
ip -n a link add down0 type veth peer name down1
ip -n a addr add 10.0.0.1/24 dev eth0
ip -n a addr add 10.1.1.1/24 dev down0
ip -n b addr add 10.0.0.2/24 dev eth0
ip -n b addr add 10.2.2.2/24 dev eth1
for n in a b; do ip -n $n link set lo up; ip -n $n link set eth0 up; done
ip -n b link set eth1 up
ip -n a route add 10.2.2.0/24 via 10.0.0.2
ip -n a route get 10.1.1.1
ip -n a route get 10.0.0.1
ip -n a route get 127.9.8.7
ip -n a route show table local
ip netns exec a ping -c 1 -W 1 10.2.2.2
ip netns exec a ping -c 1 -W 1 10.0.0.1
ip netns exec a ping -c 1 -W 1 127.9.8.7
ip netns exec a ping -c 1 -W 1 10.1.1.1
# lo down: a host that cannot talk to itself
ip -n a link set lo down
ip netns exec a ping -c 1 -W 0.3 10.0.0.1 || echo "status $?"
ip netns exec a ping -c 1 -W 0.3 127.0.0.1 || echo "status $?"
ip -n a addr show lo
