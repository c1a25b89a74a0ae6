# A client asks a Service before it has endpoints. Without a REJECT the first packet makes a connection that is not translated, and all later ones
# follow it past the rules that come. With kube-proxy's REJECT nothing is remembered, and the Service is reached as soon as it is there.
# gotcha: 19
# expect: status 0
# expect: output ^no rule at first: 0 reached the pod$
# expect: output ^entry deleted: 1 reached the pod$
# expect: output ^REJECT at first: 1 reached the pod$
# expect: client.eth0 rx icmp 3/3 port unreachable = 1
set -e
ip netns add client; ip netns add node; ip netns add pod; ip netns add world
ip link add eth0 netns client type veth peer name c0 netns node
ip link add eth0 netns pod type veth peer name p0 netns node
ip link add eth0 netns node type veth peer name eth0 netns world
ip -n node addr add 10.244.1.1/32 dev c0; ip -n node addr add 10.244.2.1/24 dev p0; ip -n node addr add 192.168.0.2/24 dev eth0
ip -n client addr add 10.244.1.2/24 dev eth0; ip -n pod addr add 10.244.2.2/24 dev eth0; ip -n world addr add 192.168.0.1/24 dev eth0
for l in client:eth0 pod:eth0 world:eth0 node:c0 node:p0 node:eth0; do ip -n ${l%:*} link set ${l#*:} up; done
ip -n node route add 10.244.1.2 dev c0; ip -n node route add default via 192.168.0.1
ip -n client route add default via 10.244.1.1; ip -n pod route add default via 10.244.2.1
ip netns exec node sysctl -qw net.ipv4.ip_forward=1
ip netns exec world iptables -A INPUT -j DROP
ip netns exec world iptables -A FORWARD -j DROP
ip netns exec pod iptables -A INPUT -p udp -j DROP
n() { ip netns exec node iptables "$@"; }
n -t nat -A POSTROUTING -s 10.244.9.0/24 -j MASQUERADE
say() { echo query | ip netns exec client nc -u -w 1 -p $1 10.96.0.53 53 || true; }
reached() { ip netns exec pod iptables -nvxL INPUT | awk 'NR > 2 { print $1; exit }'; ip netns exec pod iptables -Z; }
service="-m comment --comment default/dns -m udp -p udp -d 10.96.0.53 --dport 53"

say 40001
n -t nat -A PREROUTING $service -j DNAT --to-destination 10.244.2.2:5353
say 40001
echo "no rule at first: $(reached) reached the pod"
ip netns exec node conntrack -D -p udp -d 10.96.0.53 >/dev/null 2>&1
say 40001
echo "entry deleted: $(reached) reached the pod"

n -t nat -F PREROUTING
n -A FORWARD -m conntrack --ctstate NEW $service -j REJECT
say 40002
n -F FORWARD
n -t nat -A PREROUTING $service -j DNAT --to-destination 10.244.2.2:5353
say 40002
echo "REJECT at first: $(reached) reached the pod"
