# A Service's target port changes. Clients that keep sending stay with the old port, where nobody listens any more, and each packet keeps it so, even
# though every one is refused; left alone until its time-out, or deleted, the connection is made anew.
# gotcha: 20
# expect: status 0
# expect: output ^old port: refused, entry still to 5353$
# expect: output ^after its time-out: answer pong$
# expect: client.eth0 rx 10.96.0.53>10.244.1.2 .*icmp 3/3 port unreachable
# expect: client.eth0 rx 10.96.0.53>10.244.1.2 .*udp 53>40001 data 5 = 1
set -e
ip netns add client; ip netns add node; ip netns add pod
ip link add eth0 netns client type veth peer name c0 netns node
ip link add eth0 netns pod type veth peer name p0 netns node
ip -n node addr add 10.244.1.1/24 dev c0; ip -n node addr add 10.244.2.1/24 dev p0
ip -n client addr add 10.244.1.2/24 dev eth0; ip -n pod addr add 10.244.2.2/24 dev eth0
for l in client:eth0 pod:eth0 node:c0 node:p0; do ip -n ${l%:*} link set ${l#*:} up; done
ip -n client route add default via 10.244.1.1; ip -n pod route add default via 10.244.2.1
ip netns exec node sysctl -qw net.ipv4.ip_forward=1 net.netfilter.nf_conntrack_udp_timeout=4
service() { ip netns exec node iptables -t nat "$1" PREROUTING ${3:-} -p udp -d 10.96.0.53 --dport 53 -j DNAT --to-destination 10.244.2.2:$2; }
ask() { echo ping | ip netns exec client nc -u -w 1 -p 40001 10.96.0.53 53 || true; }
service -A 5353
ask >/dev/null
service -R 5300 1
(echo pong; sleep 12) | timeout 12 ip netns exec pod nc -u -l -p 5300 >/dev/null &
sleep 0.5
for i in 1 2 3; do ask; done
to=$(ip netns exec node conntrack -L -p udp 2>/dev/null | grep -o 'src=10.244.2.2 dst=10.244.1.2 sport=[0-9]*' | sed 's/.*=//')
echo "old port: refused, entry still to $to"
sleep 5
echo "after its time-out: answer $(ask)"
wait || true
