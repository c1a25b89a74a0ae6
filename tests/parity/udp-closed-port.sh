# Nobody listens: "port unreachable" comes back, quotes the datagram whole, and a connected socket is told at its next call.
# expect: status 0
# expect: output ^probe: 1
# expect: output ^listening: 0
# expect: a.eth0 rx ip 10.0.0.2>10.0.0.1 ttl 64 tos c0 id x . icmp 3/3 port unreachable quote 34 \[ip 10.0.0.1>10.0.0.2 ttl 64 df id x . udp p.*>9 data 6
# expect: a.eth0 rx quote 548 = 1
# expect: b.eth0 rx udp p.*>5353 data 6 = 1
# expect: b.eth0 tx icmp 3/3 = 3
# expect: b.eth0 rx second = 0
# needs: nc
set -u
ip netns add a; ip netns add b
ip link add eth0 netns a type veth peer name eth0 netns b
for n in a b; do ip -n $n link set lo up; ip -n $n link set eth0 up; done
ip -n a addr add 10.0.0.1/24 dev eth0
ip -n b addr add 10.0.0.2/24 dev eth0
# the first datagram is answered by an error, which ends nc before the second
(echo first; sleep 0.3; echo second; sleep 0.3) | ip netns exec a nc -u 10.0.0.2 9
echo "connected: $?"
ip netns exec a nc -z -u -v -w 1 10.0.0.2 10
echo "probe: $?"
# 1000 bytes: no more than 548 of it come back
head -c 1000 /dev/zero | ip netns exec a nc -u -q 0 -w 1 10.0.0.2 11
ip netns exec b timeout 1.5 nc -u -l 5353 >/dev/null &
sleep 0.3
echo hello | ip netns exec a nc -u -q 0 -w 1 10.0.0.2 5353
echo "listening: $?"
# one's own closed port, over lo
ip netns exec a nc -z -u -v -w 1 127.0.0.1 12
echo "own: $?"
exit 0
