# Martians: sources that nobody can have (multicast, 255.255.255.255, 127/8, the receiver's own address) and destinations that must not be on a wire.
# The sender makes them by source NAT.
# Each arrives at the device and is dropped without an answer; only a broadcast address as source is believed, and the error is broadcast to it.
# expect: status 0
# expect: b.eth0 rx ip 224.1.2.3>10.0.0.2 = 1
# expect: b.eth0 rx ip 127.0.0.9>10.0.0.2 = 1
# expect: b.eth0 rx ip 255.255.255.255>10.0.0.2 = 1
# expect: b.eth0 rx ip 10.0.0.2>10.0.0.2 = 1
# expect: b.eth0 rx ip 10.0.0.255>10.0.0.2 = 1
# expect: b.eth0 rx ip 10.0.0.1>127.0.0.1 = 1
# expect: b.eth0 tx icmp echo reply = 1
# expect: b.eth0 tx icmp 3/3 = 1
# expect: b.eth0 tx b.eth0>ff ip 10.0.0.2>10.0.0.255 .*icmp 3/3
# needs: nc
set -u
ip netns add a && ip netns add b
ip -n a link add eth0 type veth peer name eth0 netns b
for n in a b; do ip -n $n link set lo up; ip -n $n link set eth0 up; done
ip -n a addr add 10.0.0.1/24 brd + dev eth0
ip -n b addr add 10.0.0.2/24 brd + dev eth0
ip netns exec b sysctl -w net.ipv4.conf.all.log_martians=1
ip netns exec a ping -c 1 -W 1 10.0.0.2                  # an honest one, and ARP is done

port=1000
for source in 224.1.2.3 127.0.0.9 255.255.255.255 10.0.0.2 10.0.0.255; do
    port=$((port + 1))
    ip netns exec a iptables -t nat -A POSTROUTING -p udp --dport $port -j SNAT --to-source $source
    echo x | ip netns exec a nc -u -q 0 -w 1 10.0.0.2 $port
    sleep 0.1
done
ip netns exec a iptables -t nat -S
# a loopback destination: routed out on purpose
ip netns exec a iptables -t nat -A OUTPUT -p udp --dport 1009 -j DNAT --to-destination 127.0.0.1
ip netns exec a sysctl -qw net.ipv4.conf.all.route_localnet=1
ip -n a route del local 127.0.0.0/8 dev lo table local
ip -n a route del local 127.0.0.1 dev lo table local
ip -n a route add 127.0.0.1 via 10.0.0.2
echo x | ip netns exec a nc -u -q 0 -w 1 10.0.0.9 1009
sleep 0.2
exit 0
