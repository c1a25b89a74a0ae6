# GOTCHAS 10: a link in the middle takes 1400 bytes only and a firewall on the way back drops all ICMP. The handshake works and so do short segments, full
# ones die: they are too long, and nobody tells the sender. The usual fix: a router clamps the MSS of SYNs.
# expect: status 0
# expect: output ^broken: 3 bytes
# expect: output ^clamped: 1451 bytes
# expect: client.eth0 rx tcp 80>p.* SA seq 0 ack 1
# expect: client.eth0 rx tcp 80>p.* data 3
# expect: r2.right rx ip 10.3.0.2>10.1.0.2 .* seq 4 ack .* data 1448
# expect: r2.right tx icmp 3/4 frag needed mtu 1400
# gotcha: 10
# needs: nc
set -euo pipefail
#  client -1500- r1 -1400- r2 -1500- server
for n in client r1 r2 server; do ip netns add $n; ip -n $n link set lo up; done
ip link add eth0 netns client type veth peer name left netns r1
ip link add right netns r1 mtu 1400 type veth peer name left netns r2 mtu 1400
ip link add eth0 netns server type veth peer name right netns r2
up() { ip -n $1 addr add $3/24 dev $2; ip -n $1 link set $2 up; }
up client eth0 10.1.0.2; up r1 left 10.1.0.1
up r1 right 10.2.0.1; up r2 left 10.2.0.2
up r2 right 10.3.0.1; up server eth0 10.3.0.2
ip -n client route add default via 10.1.0.1
ip -n server route add default via 10.3.0.1
ip -n r1 route add 10.3.0.0/24 via 10.2.0.2
ip -n r2 route add 10.1.0.0/24 via 10.2.0.1
for r in r1 r2; do ip netns exec $r sysctl -qw net.ipv4.ip_forward=1; done
# the firewall: the server's, and overzealous
ip netns exec server iptables -A INPUT -p icmp -j DROP

get() {
    local n
    (echo hi; sleep 0.5; head -c 1448 /dev/zero; sleep 1) | ip netns exec server timeout 3 nc -l 80 &
    sleep 0.3
    n=$(ip netns exec client timeout 0.8 nc 10.3.0.2 80 </dev/null | wc -c) || true
    echo "$1: $((n)) bytes"
    wait || true
}
get broken
ip netns exec r1 iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
get clamped
