# What a route says about the packets: `hoplimit` is the TTL of whatever is sent by it, `advmss` the segment size that TCP announces. The other end sends no
# longer segments; `ping -t` and the like have the last word.
# expect: status 0
# expect: output ^10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1
# expect: output ^192.0.2.0/24 via 10.0.0.2 dev eth0 mtu 1400 advmss 900 hoplimit 33
# expect: b.eth0 rx ip 10.0.0.1>192.0.2.1 ttl 33 df id x . icmp echo request = 1
# expect: b.eth0 rx ip 10.0.0.1>192.0.2.1 ttl 7 df id x . icmp echo request = 1
# expect: b.eth0 rx ip 10.0.0.1>192.0.2.1 ttl 33 df id x . udp
# expect: b.eth0 rx ip 10.0.0.1>192.0.2.1 ttl 33 df id x . tcp p.*>80 S seq 0 win .*mss 900,
# expect: a.eth0 rx tcp 80>p.* SA .*mss 700,
# expect: b.eth0 rx tcp p.*>80 P?A seq 1 .* data 688
# expect: output ^700 bytes came
# needs: nc
set -e
ip netns add a
ip netns add b
ip link add eth0 netns a type veth peer name eth0 netns b
ip -n a addr add 10.0.0.1/24 dev eth0
ip -n b addr add 10.0.0.2/24 dev eth0
for n in a b; do ip -n $n link set lo up; ip -n $n link set eth0 up; done
ip -n b addr add 192.0.2.1/32 dev lo
ip -n a route add 192.0.2.0/24 via 10.0.0.2 mtu 1400 advmss 900 hoplimit 33
ip -n b route add 10.0.0.1 dev eth0 advmss 700
ip -n a route
ip -n a route get 192.0.2.1
ip -n b route
A="ip netns exec a"
$A ping -q -c 1 -W 1 192.0.2.1
$A ping -q -c 1 -W 1 -t 7 192.0.2.1
echo x | $A nc -u -q 0 -w 1 192.0.2.1 9
out=$(mktemp)
ip netns exec b timeout 3 nc -l -N 192.0.2.1 80 < /dev/null > $out &
sleep 0.3
(sleep 0.2; head -c 688 /dev/zero; sleep 0.2; head -c 12 /dev/zero; sleep 0.2) | $A timeout 2 nc -N 192.0.2.1 80 || true
wait
echo "$(wc -c < $out) bytes came"
rm $out
ip -n a route change 192.0.2.0/24 via 10.0.0.2
$A ping -q -c 1 -W 1 192.0.2.1
