# A Service without endpoints refuses at once (REJECT); one with endpoints, but none here under a Local policy, says nothing (DROP); a port that no
# Service has is not touched at all.
# gotcha: 32
# expect: status 0
# expect: output ^no endpoints: Connection refused$
# expect: output ^no local endpoints: timed out$
# expect: output ^no such port: timed out$
# expect: client.eth0 rx 10.244.1.1>10.244.1.2 .*icmp 3/3 port unreachable quote 60 .*10.244.1.2>10.96.0.10 .*tcp p1>80 = 1
# expect: world.eth0 rx 10.244.1.2>10.96.0.10 .*tcp .*>81 S
set -e
ip netns add client; ip netns add node; ip netns add world
ip link add eth0 netns client type veth peer name c0 netns node
ip link add eth0 netns node type veth peer name eth0 netns world
ip -n node addr add 10.244.1.1/24 dev c0; ip -n node addr add 192.168.0.2/24 dev eth0
ip -n client addr add 10.244.1.2/24 dev eth0; ip -n world addr add 192.168.0.1/24 dev eth0
for l in client:eth0 world:eth0 node:c0 node:eth0; do ip -n ${l%:*} link set ${l#*:} up; done
# nobody is asked again in the middle of it
for l in client:eth0 world:eth0 node:c0 node:eth0; do ip netns exec ${l%:*} sysctl -qw net.ipv4.neigh.${l#*:}.delay_first_probe_time=60; done
ip -n client route add default via 10.244.1.1; ip -n node route add default via 192.168.0.1
ip netns exec node sysctl -qw net.ipv4.ip_forward=1
ip netns exec node iptables-restore <<'RULES'
*filter
:KUBE-SERVICES - [0:0]
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-SERVICES -m comment --comment "default/none has no endpoints" -m tcp -p tcp -d 10.96.0.10 --dport 80 -j REJECT
-A KUBE-SERVICES -m comment --comment "default/none:dns has no endpoints" -m udp -p udp -d 10.96.0.10 --dport 53 -j REJECT
-A KUBE-SERVICES -m comment --comment "default/local has no local endpoints" -m tcp -p tcp -d 10.96.0.20 --dport 80 -j DROP
COMMIT
RULES
dial() {
    local said
    said=$(timeout 1.6 ip netns exec client nc -z -v $2 $3 2>&1) && status=0 || status=$?
    case "$status $said" in *refused*) echo "$1: Connection refused" ;; 124*) echo "$1: timed out" ;; *) echo "$1: $status $said" ;; esac
}
dial "no endpoints" 10.96.0.10 80
dial "no local endpoints" 10.96.0.20 80
dial "no such port" 10.96.0.10 81
echo q | ip netns exec client nc -u -w 1 -p 4001 10.96.0.10 53 || echo "UDP: status $?"
ip netns exec node nc -z -v -w 1 10.96.0.10 80 || echo "from the node: status $?"
ip netns exec node iptables -nvL KUBE-SERVICES
ip netns exec node conntrack -L 2>/dev/null | wc -l
