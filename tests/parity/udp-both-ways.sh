#!/bin/bash
# A conversation over UDP with nc on both sides, through a router: what one types the other prints, until both ends have had enough.
# expect: status 0
# expect: output ^server got: question
# expect: output ^client got: answer
# expect: server.eth0 rx ip 10.0.1.2>10.0.2.2 ttl 63 .*udp p.*>53 data 9 = 1
# expect: client.eth0 rx ip 10.0.2.2>10.0.1.2 ttl 63 .*udp 53>p.* data 7 = 1
# needs: nc
set -eu
for n in client router server; do ip netns add $n; done
ip link add eth0 netns client type veth peer name c netns router
ip link add eth0 netns server type veth peer name s netns router
ip -n client addr add 10.0.1.2/24 dev eth0
ip -n router addr add 10.0.1.1/24 dev c
ip -n router addr add 10.0.2.1/24 dev s
ip -n server addr add 10.0.2.2/24 dev eth0
ip -n client link set eth0 up; ip -n router link set c up
ip -n server link set eth0 up; ip -n router link set s up
ip -n client route add default via 10.0.1.1
ip -n server route add default via 10.0.2.1
ip netns exec router sysctl -qw net.ipv4.ip_forward=1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
(sleep 0.8; echo answer; sleep 0.5) | ip netns exec server timeout 3 nc -u -l 53 > $tmp/server &
sleep 0.3
(echo question; sleep 1) | ip netns exec client nc -u -w 1 10.0.2.2 53 > $tmp/client || true
wait || true
sed 's/^/server got: /' $tmp/server
sed 's/^/client got: /' $tmp/client
