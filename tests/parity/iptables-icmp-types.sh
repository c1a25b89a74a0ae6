# ICMP by type and code, by number and by name: echo is told from its reply, one kind of unreachable from another.
# expect: status 0
# expect: output ^1 packets transmitted, 1 received
# expect: output From 10.1.0.1 icmp_seq=1 Destination Net Unreachable
# expect: output From 10.1.0.1 icmp_seq=1 Time to live exceeded
# expect: red.eth0 rx icmp echo reply = 1
# expect: red.eth0 rx icmp 3/1 = 0
# quick
ip netns add red; ip netns add gw; ip netns add blue
ip link add eth0 netns red type veth peer name r0 netns gw
ip link add eth0 netns blue type veth peer name b0 netns gw
ip -n gw addr add 10.1.0.1/24 dev r0; ip -n gw addr add 10.2.0.1/24 dev b0
ip -n red addr add 10.1.0.2/24 dev eth0; ip -n blue addr add 10.2.0.2/24 dev eth0
ip -n gw link set r0 up; ip -n gw link set b0 up
ip -n red link set eth0 up; ip -n blue link set eth0 up
ip -n red route add default via 10.1.0.1; ip -n blue route add default via 10.2.0.1
ip netns exec gw sysctl -w net.ipv4.ip_forward=1
ip -n gw route add unreachable 10.9.9.0/24

ip netns exec gw bash <<'END'
iptables -A FORWARD -p icmp --icmp-type echo-request -j ACCEPT
iptables -A FORWARD -p icmp -m icmp --icmp-type 0 -j ACCEPT
iptables -A FORWARD -p icmp --icmp-type any -j DROP
iptables -A OUTPUT -p icmp --icmp-type host-unreachable -j DROP
iptables -A OUTPUT -p icmp --icmp-type 3/0
iptables -A OUTPUT -p icmp --icmp-type destination-unreachable
iptables -A OUTPUT -p icmp --icmp-type ttl-exceeded
iptables -A OUTPUT -p icmp ! --icmp-type time-exceeded -m comment --comment "all others"
iptables -A INPUT -p icmp --icmp-type ping -j DROP
END
ping_from_red() { ip netns exec red ping -c 1 -W 1 "$@"; echo "status $?"; }
ping_from_red 10.2.0.2
ping_from_red 10.8.8.8
ping_from_red 10.9.9.9
ping_from_red -t 1 10.2.0.2
ping_from_red 10.1.0.1
ip netns exec gw iptables -vL
ip netns exec gw iptables -vnL OUTPUT
ip netns exec gw iptables -S
ip netns exec gw iptables -A INPUT -p icmp --icmp-type nonsense -j DROP; echo $?
exit 0
