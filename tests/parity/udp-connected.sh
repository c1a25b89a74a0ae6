# A connected UDP socket hears its peer only: the same port from another address or another port is closed to everybody else. nc -l connects to whoever comes first.
# expect: status 0
# expect: output ^got: one
# expect: no output intruder
# expect: b.eth0 rx ip 10.0.0.3>10.0.0.2 .*udp 4000>5000 data 9 = 1
# expect: b.eth0 tx ip 10.0.0.2>10.0.0.3 .*icmp 3/3 = 1
# expect: b.eth0 tx ip 10.0.0.2>10.0.0.1 .*icmp 3/3 = 1
# expect: b.eth0 rx udp 4000>5000 data 4 = 2
# needs: nc
set -eu
ip netns add a
ip netns add b
ip -n a link add eth0 type veth peer name eth0 netns b
ip -n a addr add 10.0.0.1/24 dev eth0
ip -n a addr add 10.0.0.3/24 dev eth0
ip -n b addr add 10.0.0.2/24 dev eth0
ip -n a link set eth0 up
ip -n b link set eth0 up
out=$(mktemp)
trap 'rm -f $out' EXIT
ip netns exec b timeout 2 nc -u -l 5000 > $out &
sleep 0.3
from() { ip netns exec a nc -u -q 0 -w 1 -s $1 -p $2 10.0.0.2 5000; sleep 0.1; }
echo one | from 10.0.0.1 4000             # from now on this is the peer
echo intruder | from 10.0.0.3 4000        # another address
echo intruder | from 10.0.0.1 4001        # another port
echo two | from 10.0.0.1 4000             # the peer again
wait || true
sed 's/^/got: /' $out
