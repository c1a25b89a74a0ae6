# A ClusterIP does not answer a ping: the rules are about TCP and UDP ports. The echo request goes where the default route leads, untranslated.
# gotcha: 33
# expect: status 0
# expect: output ^ping: no answer$
# expect: output ^the Service's port: pong$
# expect: world.eth0 rx 10.244.1.2>10.96.0.10 .*icmp echo request = 2
# expect: web.eth0 rx icmp echo request = 0
# quick
set -e
ip netns add client; ip netns add node; ip netns add web; ip netns add world
ip link add eth0 netns client type veth peer name c0 netns node
ip link add eth0 netns web type veth peer name w0 netns node
ip link add eth0 netns node type veth peer name eth0 netns world
ip -n node addr add 10.244.1.1/24 dev c0; ip -n node addr add 10.244.2.1/24 dev w0; ip -n node addr add 192.168.0.2/24 dev eth0
ip -n client addr add 10.244.1.2/24 dev eth0; ip -n web addr add 10.244.2.2/24 dev eth0; ip -n world addr add 192.168.0.1/24 dev eth0
for l in client:eth0 web:eth0 world:eth0 node:c0 node:w0 node:eth0; do ip -n ${l%:*} link set ${l#*:} up; done
ip -n client route add default via 10.244.1.1; ip -n web route add default via 10.244.2.1; ip -n node route add default via 192.168.0.1
ip netns exec node sysctl -qw net.ipv4.ip_forward=1
ip netns exec world iptables -P INPUT DROP
ip netns exec node iptables -t nat -N KUBE-SERVICES
ip netns exec node iptables -t nat -A PREROUTING -j KUBE-SERVICES
ip netns exec node iptables -t nat -A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m udp -p udp -d 10.96.0.10 --dport 53 -j DNAT --to-destination 10.244.2.2:5353
if ip netns exec client ping -q -c 2 -i 0.2 -W 0.3 10.96.0.10; then echo "ping: an answer"; else echo "ping: no answer"; fi
(echo pong; sleep 1.6) | timeout 1.6 ip netns exec web nc -u -l -p 5353 >/dev/null &
sleep 0.3
echo "the Service's port: $(echo x | ip netns exec client nc -u -w 1 -p 4001 10.96.0.10 53)"
wait || true
ip netns exec node iptables -t nat -nvL
