# ping's options on the wire: size, TTL, type of service, don't fragment, a source, a device; and its statuses for a script.
# expect: status 0
# expect: output ^58 bytes from 10.0.0.2
# expect: output message too long, mtu=1500
# expect: output too big: 1
# expect: output deadline: 0
# expect: output ^5 packets transmitted, 5 received, 0% packet loss
# expect: client.eth0 tx ttl 7 df .* data 50 = 1
# expect: client.eth0 tx tos 10 .* data 56 = 1
# expect: client.eth0 tx ip 10.0.0.2?>.*frag 0\+ = 0
# expect: client.eth0 tx ip 10.0.0.1>10.0.0.2 .* frag 0\+ .* = 1
# expect: client.eth0 tx ip 10.0.0.77>10.0.0.2 = 1
set -e
ip netns add client
ip netns add server
ip link add eth0 netns client type veth peer name eth0 netns server
ip -n client addr add 10.0.0.1/24 dev eth0
ip -n client addr add 10.0.0.77/24 dev eth0
ip -n server addr add 10.0.0.2/24 dev eth0
ip -n client link set eth0 up
ip -n server link set eth0 up
sleep 0.2
run() { ip netns exec client ping "$@"; }
run -c 1 -s 50 -t 7 10.0.0.2
run -c 1 -Q 0x10 10.0.0.2
run -c 1 -M do -s 1473 10.0.0.2 || echo "too big: $?"
run -c 1 -s 2000 -M dont 10.0.0.2
run -c 1 -I 10.0.0.77 10.0.0.2
run -c 1 -I eth0 -n 10.0.0.2
run -w 2 -i 0.7 -q 10.0.0.2; echo "deadline: $?"
run -f -c 5 10.0.0.2 | grep transmitted
run -D -c 1 10.0.0.2 > /dev/null
