# DNAT on a router: an address and port of its own stand for a server behind it. Only the first packet asks the rules; the answers come back
# under the address the client knows. A range of ports goes to one, a whole address to another.
# expect: status 0
# expect: output ^answer: pong$
# expect: red.eth0 rx 10.1.0.1>10.1.0.2 .*udp 
# expect: red.eth0 rx 10.2.0.2> = 0
# expect: blue.eth0 rx 10.1.0.2>10.2.0.2 .*udp 
# quick
set -e
ip netns add red; ip netns add gw; ip netns add blue
ip link add eth0 netns red type veth peer name r0 netns gw
ip link add eth0 netns blue type veth peer name b0 netns gw
ip -n gw addr add 10.1.0.1/24 dev r0; ip -n gw addr add 10.2.0.1/24 dev b0
ip -n gw addr add 10.1.0.99/24 dev r0
ip -n red addr add 10.1.0.2/24 dev eth0; ip -n blue addr add 10.2.0.2/24 dev eth0
ip -n gw link set r0 up; ip -n gw link set b0 up; ip -n red link set eth0 up; ip -n blue link set eth0 up
ip -n red route add default via 10.1.0.1; ip -n blue route add default via 10.2.0.1
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1

ip netns exec gw iptables -t nat -A PREROUTING -p udp -d 10.1.0.1 --dport 5000 -j DNAT --to-destination 10.2.0.2:5353
ip netns exec gw iptables -t nat -A PREROUTING -p tcp -i r0 --dport 8000:8010 -j DNAT --to-destination 10.2.0.2:80
ip netns exec gw iptables -t nat -A PREROUTING -d 10.1.0.99 -j DNAT --to-destination 10.2.0.2
ip netns exec gw iptables -t nat -A PREROUTING -p udp --dport 6000 -j DNAT --to :5353 || echo "status $?"
ip netns exec gw iptables -A FORWARD -m conntrack --ctstate DNAT
ip netns exec gw iptables -A FORWARD -m conntrack --ctstatus SEEN_REPLY,ASSURED

echo pong | ip netns exec blue nc -u -l -p 5353 -w 2 >/dev/null &
sleep 0.3
echo "answer: $(echo ping | ip netns exec red nc -u -w 1 -p 40001 10.1.0.1 5000)"
wait
ip netns exec red nc -z -v -w 1 10.1.0.1 8005 || echo "refused by the server"
ip netns exec red ping -c 2 -i 0.2 10.1.0.99
ip netns exec gw iptables -t nat -L -n -v
ip netns exec gw iptables -L FORWARD -n -v
ip netns exec gw iptables -t nat -S
