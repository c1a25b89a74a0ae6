# Marks: set, or'ed, xor'ed, tested with a mask; kept in the connection by CONNMARK and given back to its later packets; a route chosen by mark.
# expect: status 0
# expect: b.eth0 rx icmp echo request = 1
# expect: c.eth0 rx icmp echo request = 2
# expect: c.eth0 rx udp .*>9999
# quick
set -e
for n in a gw b c; do ip netns add $n; done
ip link add eth0 netns a type veth peer name toa netns gw
ip link add eth0 netns b type veth peer name tob netns gw
ip link add eth0 netns c type veth peer name toc netns gw
ip -n gw addr add 10.1.0.1/24 dev toa; ip -n a addr add 10.1.0.2/24 dev eth0
ip -n gw addr add 10.2.0.1/24 dev tob; ip -n b addr add 10.2.0.2/24 dev eth0
ip -n gw addr add 10.3.0.1/24 dev toc; ip -n c addr add 10.3.0.2/24 dev eth0
for d in toa tob toc; do ip -n gw link set $d up; done
for n in a b c; do ip -n $n link set eth0 up; done
for n in b c; do ip -n $n link set lo up; ip -n $n addr add 10.9.0.9/32 dev lo; done
ip -n a route add default via 10.1.0.1; ip -n b route add default via 10.2.0.1; ip -n c route add default via 10.3.0.1
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1
ip -n gw route add 10.9.0.9 via 10.2.0.2
ip -n gw route add 10.9.0.9 via 10.3.0.2 table 100
ip -n gw rule add fwmark 0x7/0xf table 100

gw() { ip netns exec gw iptables -t mangle "$@"; }
gw -A PREROUTING -j CONNMARK --restore-mark
gw -A PREROUTING -m mark ! --mark 0 -j RETURN
gw -A PREROUTING -p icmp -m length --length 184 -j MARK --set-mark 0x3
gw -A PREROUTING -p icmp -m mark --mark 0x3 -j MARK --or-mark 0x14
gw -A PREROUTING -p icmp -m mark --mark 0x17 -j MARK --xor-mark 0x10
gw -A PREROUTING -p udp --dport 9999 -j MARK --set-xmark 0xff7/0xff7
gw -A PREROUTING -p udp --dport 9998 -j CONNMARK --set-xmark 0x7/0xf
gw -A PREROUTING -p udp --dport 9998 -j CONNMARK --restore-mark --mask 0x0f
gw -A PREROUTING -m mark --mark 0x7/0x7 -j CONNMARK --save-mark
gw -A PREROUTING -m mark --mark 0x7 -m comment --comment exactly
gw -A FORWARD -m connmark --mark 0x7/0xf
gw -A FORWARD -m connmark ! --mark 0
gw -A POSTROUTING -m mark --mark 0x7/0x7 -j MARK --and-mark 0xfff0

ip netns exec a ping -q -c 1 10.9.0.9                       # by the main table
ip netns exec a ping -q -c 2 -i 0.2 -s 156 10.9.0.9         # by mark
for port in 9999 9998 9997; do echo x | ip netns exec a nc -u -w 1 -p 5$((port - 9000)) 10.9.0.9 $port; done
gw -L -n -v
gw -S
ip netns exec gw conntrack -L --mark 7 2>/dev/null | wc -l
