# NAT is decided once for each connection. A client that keeps its connection open stays with its backend, whatever endpoints come; only a new
# connection is shared out. Draining a backend does not end what runs on it.
# gotcha: 34
# expect: status 0
# expect: a.eth0 rx 10.244.1.2>10.244.2.2 .*tcp p1>8080 .*data 4 = 3
# expect: b.eth0 rx 10.244.1.2>10.244.3.2 .*tcp p1>8080 = 0
# expect: b.eth0 rx 10.244.1.2>10.244.3.2 .*tcp p2>8080 .*data 4 = 1
set -e
for n in client node a b; do ip netns add $n; done
i=1
for n in client a b; do
    ip link add eth0 netns $n type veth peer name to-$n netns node
    ip -n node addr add 10.244.$i.1/24 dev to-$n; ip -n node link set to-$n up
    ip -n $n addr add 10.244.$i.2/24 dev eth0; ip -n $n link set eth0 up
    ip -n $n route add default via 10.244.$i.1
    ip netns exec node sysctl -qw net.ipv4.neigh.to-$n.delay_first_probe_time=60
    ip netns exec $n sysctl -qw net.ipv4.neigh.eth0.delay_first_probe_time=60
    i=$((i + 1))
done
ip netns exec node sysctl -qw net.ipv4.ip_forward=1
endpoints() {
    ip netns exec node iptables-restore --noflush <<RULES
*nat
:KUBE-SVC-WEB - [0:0]
-A KUBE-SVC-WEB -m tcp -p tcp -j DNAT --to-destination $1:8080
COMMIT
RULES
}
endpoints 10.244.2.2
ip netns exec node iptables -t nat -A PREROUTING -m tcp -p tcp -d 10.96.0.10 --dport 80 -j KUBE-SVC-WEB
for n in a b; do sleep 4.5 | timeout 4.5 ip netns exec $n nc -l -p 8080 & done
sleep 0.3
(for i in 1 2 3; do echo "no$i"; sleep 0.7; done; sleep 1) | timeout 3 ip netns exec client nc 10.96.0.10 80 &
sleep 0.4
endpoints 10.244.3.2
sleep 1
(echo new; sleep 1) | timeout 0.8 ip netns exec client nc 10.96.0.10 80 || true
wait || true
ip netns exec node iptables -t nat -nvL KUBE-SVC-WEB
