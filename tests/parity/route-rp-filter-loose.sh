# Loose reverse path filtering asks only whether there is any route back to the source; strict asks whether it leaves by the same device, and
# a default route is as good as any other.
# expect: status 0
# expect: output ^no route back, mode 2: 0 received
# expect: output ^no route back, mode 0: 0 received
# expect: output ^default by the same device, mode 1: 1 received
# expect: output ^default by the other device, mode 1: 0 received
# expect: output ^default by the other device, mode 2: 1 received
# expect: b.eth0 rx ip 10.5.5.5>10.0.0.2 .*echo request = 5
# expect: b.eth0 tx ip 10.0.0.2>10.5.5.5 .*echo reply = 1
# expect: b.eth1 tx ip 10.0.0.2>10.5.5.5 .*echo reply = 1
a() { ip netns exec a "$@"; }
b() { ip netns exec b "$@"; }
ip netns add a
ip netns add b
for k in 0 1; do
    a ip link add eth$k type veth peer name eth$k netns b
    a ip addr add 10.0.$k.1/24 dev eth$k
    b ip addr add 10.0.$k.2/24 dev eth$k
    a ip link set eth$k up
    b ip link set eth$k up
done
a ip link set lo up
a ip addr add 10.5.5.5/32 dev lo
a ping -q -c 1 -W 1 10.0.0.2          # so that a knows b's MAC: ARP from 10.5.5.5 would be filtered too
try() {
    b sysctl -qw net.ipv4.conf.eth0.rp_filter=$2
    echo "$1, mode $2: $(a ping -n -q -c 1 -W 0.3 -I 10.5.5.5 10.0.0.2 | sed -n 's/.*, \([0-9]\) received.*/\1 received/p')"
}
try "no route back" 2
try "no route back" 0
b ip route add default via 10.0.0.1
try "default by the same device" 1
b ip route replace default via 10.0.1.1
try "default by the other device" 1
try "default by the other device" 2
