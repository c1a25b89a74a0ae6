#!/usr/bin/env bash
# Two LANs behind routers that translate, a forwarded port, counters.
# expect: status 0
# expect: output ^SSH-2.0-test
# expect: output 3 packets transmitted, 3 received
# expect: output dport=2222
# expect: output no tc here
# expect: error emu: not emulated: tc
set -e
# two LANs behind NAT routers, iperf and nc across
ip netns add lan1; ip netns add r1; ip netns add r2; ip netns add lan2
ip link add name l1 type veth peer name r1l && ip link set l1 netns lan1 && ip link set r1l netns r1
ip link add name l2 type veth peer name r2l && ip link set l2 netns lan2 && ip link set r2l netns r2
ip link add name r1w type veth peer name r2w && ip link set r1w netns r1 && ip link set r2w netns r2
ip -n lan1 addr add 192.168.1.2/24 dev l1;  ip -n r1 addr add 192.168.1.1/24 dev r1l
ip -n lan2 addr add 192.168.2.2/24 dev l2;  ip -n r2 addr add 192.168.2.1/24 dev r2l
ip -n r1 addr add 100.64.0.1/30 dev r1w; ip -n r2 addr add 100.64.0.2/30 dev r2w
for x in "lan1 l1" "r1 r1l" "r1 r1w" "r2 r2w" "r2 r2l" "lan2 l2"; do set -- $x; ip -n $1 link set $2 up; done
ip -n lan1 route add default via 192.168.1.1; ip -n lan2 route add default via 192.168.2.1
for r in r1 r2; do ip netns exec $r sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'; done
ip netns exec r1 iptables -t nat -A POSTROUTING -o r1w -j MASQUERADE
ip netns exec r2 iptables -t nat -A POSTROUTING -o r2w -j SNAT --to-source 100.64.0.2
ip netns exec r2 iptables -t nat -A PREROUTING -i r2w -p tcp --dport 2222 -j DNAT --to 192.168.2.2:22
ip netns exec lan2 nc -l -p 22 > got &
sleep 0.5
echo "SSH-2.0-test" | ip netns exec lan1 nc -q 1 100.64.0.2 2222
wait; cat got
sleep 1
ip netns exec r1 conntrack -L 2>/dev/null | grep -o 'dport=2222' | head -1
ip netns exec lan1 ping -c 3 -i 0.2 100.64.0.2 | grep -E 'transmitted|rtt'
ip netns exec r1 iptables -t nat -vnL POSTROUTING | sed 1,2d
ip netns exec lan1 ip -s link show l1 | grep -A1 RX
ss -tln; ip netns exec lan2 ss -tlnp | head -3
ip netns exec lan1 ethtool -K l1 tx off > /dev/null; ethtool -i nosuch 2>/dev/null || true
ip -n r1 -s -s neigh | wc -l
ip netns exec r1 tc qdisc add dev r1w root netem delay 100ms || echo "no tc here"
