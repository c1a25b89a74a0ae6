#!/usr/bin/env bash
# Two uplinks, rules by source and by mark.
# expect: status 0
# expect: output 1000:.from 10.1.0.2 lookup 100
# expect: output 1 received
# expect: output 1.1.1.1 from 10.2.0.2 via 10.2.0.1 dev eth1 table 200
ip netns add gw1; ip netns add gw2; ip netns add box; ip netns add srv
mk() { ip link add $2 netns $1 type veth peer name $4 netns $3; ip -n $1 addr add $5 dev $2; ip -n $3 addr add $6 dev $4; ip -n $1 link set $2 up; ip -n $3 link set $4 up; }
mk box eth0 gw1 lan 10.1.0.2/24 10.1.0.1/24
mk box eth1 gw2 lan 10.2.0.2/24 10.2.0.1/24
mk gw1 wan srv eth0 10.9.1.1/24 10.9.1.2/24
mk gw2 wan srv eth1 10.9.2.1/24 10.9.2.2/24
for g in gw1 gw2; do ip netns exec $g sysctl -qw net.ipv4.ip_forward=1; done
echo "100 isp1" >> /etc/iproute2/rt_tables 2>/dev/null
ip -n box route add default via 10.1.0.1 table 100
ip -n box route add default via 10.2.0.1 table 200
ip -n box rule add from 10.1.0.2 lookup 100 prio 1000
ip -n box rule add from 10.2.0.2 lookup 200 prio 1001
ip -n box rule add fwmark 0x2 table 200
ip -n box route add default via 10.1.0.1
ip -n srv addr add 1.1.1.1/32 dev lo; ip -n srv link set lo up
ip -n gw1 route add 1.1.1.1 via 10.9.1.2; ip -n gw2 route add 1.1.1.1 via 10.9.2.2
ip -n srv route add 10.1.0.0/24 via 10.9.1.1; ip -n srv route add 10.2.0.0/24 via 10.9.2.1
ip -n box rule show
ip -n box route show table 100; ip -n box route show table all | head -5
ip netns exec box ping -c1 -I 10.1.0.2 1.1.1.1 | tail -2
ip netns exec box ping -c1 -I 10.2.0.2 1.1.1.1 | tail -2
ip netns exec box iptables -t mangle -A OUTPUT -p icmp -j MARK --set-mark 2
ip -n box route get 1.1.1.1 from 10.2.0.2
ip -n box route get 1.1.1.1 mark 2
