# NAT of what the host itself sends and receives: DNAT in OUTPUT, also to itself, SNAT of what comes in (INPUT), a port of 127.0.0.1.
# expect: status 0
# expect: output ^to another host: pong$
# expect: output ^to itself: pong$
# expect: output ^localhost: pong$
# expect: host.eth0 tx 10.0.0.1>10.0.0.2 .*udp
# expect: host.lo rx udp
set -e
ip netns add blue
ip link add eth0 type veth peer name eth0 netns blue
ip addr add 10.0.0.1/24 dev eth0; ip link set eth0 up; ip link set lo up
ip -n blue addr add 10.0.0.2/24 dev eth0; ip -n blue link set eth0 up
ip route add 10.99.0.0/16 via 10.0.0.2
iptables -t nat -A OUTPUT -d 10.99.0.1 -p udp --dport 53 -j DNAT --to-destination 10.0.0.2:5353
iptables -t nat -A OUTPUT -d 10.99.0.2 -p udp --dport 53 -j DNAT --to-destination 10.0.0.1:5354
iptables -t nat -A OUTPUT -d 127.0.0.1 -p udp --dport 53 -j DNAT --to-destination 127.0.0.1:5355
iptables -t nat -A INPUT -p udp --dport 5356 -j SNAT --to-source 10.0.0.77
iptables -t nat -A INPUT -p udp --dport 5354
serve() { echo pong | "${@:2}" nc -u -l -p $1 -w 2 >/dev/null & sleep 0.3; }
serve 5353 ip netns exec blue; echo "to another host: $(echo q | nc -u -w 1 -p 4001 10.99.0.1 53)"; wait
serve 5354 env;                echo "to itself: $(echo q | nc -u -w 1 -p 4002 10.99.0.2 53)"; wait
serve 5355 env;                echo "localhost: $(echo q | nc -u -w 1 -p 4003 127.0.0.1 53)"; wait
serve 5356 env; echo q | ip netns exec blue nc -u -w 1 -p 4004 10.0.0.1 5356 || true; wait
iptables -t nat -nvL
conntrack -L 2>/dev/null | wc -l
