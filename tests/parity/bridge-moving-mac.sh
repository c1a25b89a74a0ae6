# A machine is unplugged and plugged into another port: its first frame moves the entry, and what was sent before it went to the old place.
# expect: status 0
# expect: output ^first: 02:00:00:00:00:0b dev vb master br0
# expect: output ^before it speaks: 0 received
# expect: output ^moved: 02:00:00:00:00:0b dev vb2 master br0
# expect: output ^after it spoke: 1 received
# expect: host.vb tx icmp echo request = 2
# expect: host.vb2 tx icmp echo request = 1
# needs: arping
set -u
ip link add br0 type bridge && ip link set br0 up
ip netns add a; ip netns add b
plug() { ip link add "$1" type veth peer name "$3" netns "$2"; ip link set "$1" master br0 up; }
plug va a eth0
plug vb b eth0
plug vb2 b eth1
ip -n a addr add 10.0.0.1/24 dev eth0
ip -n a link set eth0 up
ip netns exec b sysctl -qw net.ipv4.conf.all.arp_ignore=1
ip -n b link set eth0 address 02:00:00:00:00:0b up
ip -n b addr add 10.0.0.2/24 dev eth0
sleep 0.3
where() { echo "$1: $(bridge fdb show br br0 | grep 02:00:00:00:00:0b)"; }
try() { echo "$1: $(ip netns exec a ping -c 1 -W 0.5 10.0.0.2 | grep -o '. received')"; }
try 'in its place'
where first

# the same MAC and address at another port; the old port still stands, with nobody behind
ip -n b addr flush dev eth0
ip -n b link set eth0 address 02:00:00:00:00:ee
ip -n b link set eth1 address 02:00:00:00:00:0b up
ip -n b addr add 10.0.0.2/24 dev eth1
sleep 0.3
try 'before it speaks'
where 'not yet'
ip netns exec b arping -q -c 1 -w 1 -I eth1 10.0.0.1
where moved
try 'after it spoke'
exit 0
