# The same path as in pmtu-black-hole, and nobody drops the ICMP: a link in the middle takes 1400 bytes only, its router says so, and TCP sends what
# was too long again, cut anew: what was written in one piece is cut as one piece, not each of the old segments by itself.
# expect: status 0
# expect: output ^one segment: 1451 bytes
# expect: output ^several: 2899 bytes
# expect: output ^known: 3003 bytes
# expect: server.eth0 rx icmp 3/4 frag needed mtu 1400
# expect: client.eth0 rx tcp 80>p.* seq 4 ack .* data 1348
# expect: client.eth0 rx tcp 80>p.* seq 1352 ack .* data 100
# expect: client.eth0 rx tcp 81>p.* seq 1352 ack .* data 1348
# gotcha: 10
# needs: nc
set -euo pipefail
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

# NAME PORT BYTES
get() {
    local n
    (echo hi; sleep 0.5; head -c $3 /dev/zero; sleep 1) | ip netns exec server timeout 3 nc -l $2 &
    sleep 0.3
    n=$(ip netns exec client timeout 0.9 nc 10.3.0.2 $2 </dev/null | wc -c) || true
    echo "$1: $((n)) bytes"
    wait || true
}
get "one segment" 80 1448
ip netns exec server sysctl -qw net.ipv4.route.flush=1   # it learns anew
# one message is enough: whether the second one comes before or after TCP has answered the first is a matter of how many CPUs there are
ip netns exec r2 iptables -A OUTPUT -p icmp -m limit --limit 1/minute --limit-burst 1 -j ACCEPT
ip netns exec r2 iptables -A OUTPUT -p icmp -j DROP
get several 81 2896
get known 82 3000   # and now it knows
