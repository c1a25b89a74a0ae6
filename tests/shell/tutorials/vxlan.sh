#!/usr/bin/env bash
# VXLAN between two hosts, looked at from outside. The trace of sh -x goes to standard error.
# expect: status 0
# expect: output VXLAN, flags \[I\] \(0x08\), vni 100
# expect: output 2 received
# expect: error ^\+ ip netns exec h1 ping
# expect: error ^(\+|tcpdump:|listening|4 packets|0 packets)
# VXLAN between two "hosts"
set -ex
for h in h1 h2; do ip netns add $h; done
ip link add e1 type veth peer name e2
ip link set e1 netns h1
ip link set e2 netns h2
ip netns exec h1 ip addr add 192.168.1.1/24 dev e1
ip netns exec h2 ip addr add 192.168.1.2/24 dev e2
ip netns exec h1 ip link set e1 up
ip netns exec h2 ip link set e2 up
ip netns exec h1 ip link add vxlan100 type vxlan id 100 remote 192.168.1.2 local 192.168.1.1 dstport 4789 dev e1
ip netns exec h2 ip link add vxlan100 type vxlan id 100 remote 192.168.1.1 local 192.168.1.2 dstport 4789 dev e2
ip netns exec h1 ip addr add 10.0.0.1/24 dev vxlan100
ip netns exec h2 ip addr add 10.0.0.2/24 dev vxlan100
ip netns exec h1 ip link set vxlan100 up
ip netns exec h2 ip link set vxlan100 up
ip netns exec h1 ping -c 2 10.0.0.2
ip netns exec h1 bridge fdb show dev vxlan100
ip netns exec h1 ip -d link show vxlan100
ip netns exec h2 tcpdump -nn -i e2 -c 4 udp port 4789 &
sleep 0.5
ip netns exec h1 ping -c 2 10.0.0.2 >/dev/null
wait
