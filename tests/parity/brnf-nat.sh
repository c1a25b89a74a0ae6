# NAT on bridged packets: a DNAT to a host on the same bridge sends the frame on there, TTL untouched, and the answer is translated as it is bridged
# back; MASQUERADE takes the bridge's address.
# expect: status 0
# expect: output ^DNAT: 1 received$
# expect: b.eth0 rx 10.0.0.1>10.0.0.2 ttl 64 .*echo request
# expect: a.eth0 rx 10.0.0.77>10.0.0.1 ttl 64 .*echo reply
# expect: b.eth0 rx 10.0.0.254>10.0.0.2 .*echo request
set -e
ip netns add br
ip -n br link add br0 type bridge
ip -n br addr add 10.0.0.254/24 dev br0
ip -n br link set br0 up
i=1
for n in a b; do
    ip netns add $n
    ip link add eth0 netns $n type veth peer name p$n netns br
    ip -n br link set p$n master br0; ip -n br link set p$n up
    ip -n $n addr add 10.0.0.$i/24 dev eth0; ip -n $n link set eth0 up
    i=$((i + 1))
done
ip -n a route add 10.0.0.77 via 10.0.0.254
sleep 0.2
ip netns exec br sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.br0.send_redirects=0
ip netns exec br iptables -t nat -A PREROUTING -d 10.0.0.77 -p icmp -j DNAT --to-destination 10.0.0.2
echo "DNAT: $(ip netns exec a ping -c 1 -W 1 10.0.0.77 | grep -o '1 received')"
ip netns exec br iptables -t nat -A POSTROUTING -d 10.0.0.2 -p icmp -j MASQUERADE
ip netns exec a ping -q -c 2 -i 0.2 -W 1 10.0.0.77
ip netns exec a ping -q -c 1 -W 1 10.0.0.2
ip netns exec br iptables -t nat -nvL
ip netns exec br conntrack -C
