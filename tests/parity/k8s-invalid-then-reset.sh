# The node has forgotten a connection (idle for longer than its time-out, and tcp_loose off: it does not pick up): what the backend sends then is
# INVALID, is not translated back and reaches the client under the pod's address; the client resets it, and a healthy connection dies. kube-proxy
# drops INVALID packets, so that the client never sees them.
# gotcha: 22
# expect: status 0
# expect: client.eth0 rx 10.244.2.2>10.244.1.2 .*tcp 8080>p1 PA .*data 5 = 1
# expect: client.eth0 tx 10.244.1.2>10.244.2.2 .*tcp p1>8080 R seq .* = 1
# expect: client.eth0 rx 10.244.2.2>10.244.1.2 .*tcp 8080>p2 = 0
# expect: client.eth0 tx 10.244.1.2>10.244.2.2 .*tcp p2>8080 = 0
# expect: output ^dropped as INVALID: some$
set -e
ip netns add client; ip netns add node; ip netns add pod
ip link add eth0 netns client type veth peer name c0 netns node
ip link add eth0 netns pod type veth peer name p0 netns node
ip -n node addr add 10.244.1.1/24 dev c0; ip -n node addr add 10.244.2.1/24 dev p0
ip -n client addr add 10.244.1.2/24 dev eth0; ip -n pod addr add 10.244.2.2/24 dev eth0
for l in client:eth0 pod:eth0 node:c0 node:p0; do ip -n ${l%:*} link set ${l#*:} up; done
ip -n client route add default via 10.244.1.1; ip -n pod route add default via 10.244.2.1
for l in client:eth0 pod:eth0 node:c0 node:p0; do ip netns exec ${l%:*} sysctl -qw net.ipv4.neigh.${l#*:}.delay_first_probe_time=60; done
ip netns exec node sysctl -qw net.ipv4.ip_forward=1 net.netfilter.nf_conntrack_tcp_loose=0 net.netfilter.nf_conntrack_tcp_timeout_established=1
ip netns exec node iptables -t nat -A PREROUTING -p tcp -d 10.96.0.10 --dport 80 -j DNAT --to-destination 10.244.2.2:8080
talk() {
    (sleep 2.5; echo pong; sleep 0.9) | timeout 3.9 ip netns exec pod nc -l -p 8080 >/dev/null &
    sleep 0.3
    sleep 3.3 | timeout 3.3 ip netns exec client nc 10.96.0.10 80 || true
    wait || true
}
talk
sleep 0.4
ip netns exec node iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP
talk
n=$(ip netns exec node iptables -nvxL FORWARD | awk 'NR > 2 { print $1; exit }')
if [ "$n" -gt 0 ]; then echo "dropped as INVALID: some"; fi
