# What does not fit the MTU leaves in fragments and is put together at the other end: echo, UDP, and the answers likewise. With -M do it does not leave.
# expect: status 0
# expect: output 3008 bytes from 10.0.0.2
# expect: output ping: local error: message too long, mtu=1500
# expect: output ^4000
# expect: b.eth0 rx ip 10.0.0.1>10.0.0.2 ttl 64 id f.* frag 0\+ .*echo request
# expect: b.eth0 rx ip 10.0.0.1>10.0.0.2 ttl 64 id f.* frag 1480\+ . proto 1 data 1480
# expect: b.eth0 rx ip 10.0.0.1>10.0.0.2 ttl 64 id f.* frag 2960 . proto 1 data 48
# expect: a.eth0 rx ip 10.0.0.2>10.0.0.1 ttl 64 id f.* frag 2960 . proto 1 data 48 = 1
# expect: b.eth0 rx frag 0\+ . udp .*length 4008 of 1280 = 1
# needs: nc
set -eu
ip netns add a
ip netns add b
ip -n a link add eth0 type veth peer name eth0 netns b
ip -n a addr add 10.0.0.1/24 dev eth0
ip -n b addr add 10.0.0.2/24 dev eth0
ip -n a link set eth0 up
ip -n b link set eth0 up
ip netns exec a ping -c 1 -W 1 -s 1472 10.0.0.2          # just fits
ip netns exec a ping -c 1 -W 1 -s 1473 10.0.0.2          # one byte more
ip netns exec a ping -c 1 -W 1 -s 3000 10.0.0.2
ip netns exec a ping -c 1 -W 1 -s 3000 -M dont -t 9 -Q 0x10 10.0.0.2
ip netns exec a ping -c 1 -W 1 -s 3000 -M do 10.0.0.2 || echo "status $?"
ip netns exec a ping -c 1 -W 1 -s 65507 10.0.0.2 | tail -3 | sed -n 1p
ip -n a link set eth0 mtu 1300                           # smaller pieces
ip -n b link set eth0 mtu 1300
ip netns exec a ping -c 1 -W 1 -s 2000 10.0.0.2
# a datagram of 4000 bytes
got=$(mktemp)
ip netns exec b timeout 2 nc -u -l 5000 > "$got" &
sleep 0.3
head -c 4000 /dev/zero | tr '\0' x | ip netns exec a nc -u -q 0 -w 1 10.0.0.2 5000
wait || true                                             # timeout says 124
wc -c < "$got"
rm -f "$got"
