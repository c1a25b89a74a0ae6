# A UDP client that keeps its port stays with the backend it first had: every packet refreshes the connection, also when that pod is long dead and the
# rules name another. Deleting the entry, as kube-proxy does, makes the next packet choose anew.
# gotcha: 18
# expect: status 0
# expect: output ^rules changed, entry kept: 0 reached the new pod$
# expect: output ^entry deleted: 2 reached the new pod$
# expect: new.eth0 rx 10.244.1.2>10.244.1.4 .*udp 40001>53 = 2
# expect: client.eth0 rx icmp 3/1 host unreachable
set -e
ip netns add node; ip -n node link add cbr0 type bridge; ip -n node addr add 10.244.1.1/24 dev cbr0; ip -n node link set cbr0 up
ip netns exec node sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.cbr0.send_redirects=0 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0
pod() {
    ip netns add $1
    ip link add eth0 netns $1 type veth peer name v$1 netns node
    ip -n node link set v$1 master cbr0; ip -n node link set v$1 up
    ip -n $1 addr add $2/24 dev eth0; ip -n $1 link set eth0 up; ip -n $1 route add default via 10.244.1.1
}
pod client 10.244.1.2; pod old 10.244.1.3; pod new 10.244.1.4
sleep 0.2
for pod in old new; do ip netns exec $pod iptables -A INPUT -p udp -j DROP; done    # they say nothing
rules() {
    ip netns exec node iptables-restore --noflush <<RULES
*nat
:KUBE-SERVICES - [0:0]
:KUBE-SVC-DNS - [0:0]
-A KUBE-SERVICES -m comment --comment "kube-system/kube-dns:dns cluster IP" -m udp -p udp -d 10.96.0.10 --dport 53 -j KUBE-SVC-DNS
-A KUBE-SVC-DNS -m udp -p udp -j DNAT --to-destination $1:53
COMMIT
RULES
}
rules 10.244.1.3
ip netns exec node iptables -t nat -A PREROUTING -j KUBE-SERVICES
say() { for i in 1 2; do echo query | ip netns exec client nc -u -w 1 -p 40001 10.96.0.10 53 || true; done; }
reached() { ip netns exec new iptables -nvxL INPUT | awk 'NR > 2 { print $1; exit }'; }
say
# the old pod dies, kube-proxy writes the new one's address
ip -n node link del vold
ip netns del old
rules 10.244.1.4
ip netns exec node ip neigh flush dev cbr0
say
sleep 3.5
echo "rules changed, entry kept: $(reached) reached the new pod"
ip netns exec node conntrack -L -p udp 2>/dev/null | sed -E 's/ [0-9]+ src/ T src/'
ip netns exec node conntrack -D -p udp --orig-dst 10.96.0.10 --orig-port-dst 53 >/dev/null 2>&1
say
echo "entry deleted: $(reached) reached the new pod"
