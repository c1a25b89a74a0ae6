#!/usr/bin/env bash
# A client, a router and a server: forwarding off and on, traceroute, a REJECT, tcpdump.
# expect: status 0
# expect: output no forwarding yet
# expect: output ^ 2  192.168.20.2
# expect: output Destination Host Prohibited
# expect: output ^netns: server
# expect: error ^(tcpdump:|listening|2 packets|0 packets)
# Three namespaces: client - router - server
NS="client router server"
for n in $NS; do ip netns add $n; ip netns exec $n ip link set dev lo up; done
ip link add c-r type veth peer name r-c
ip link add r-s type veth peer name s-r
ip link set c-r netns client; ip link set r-c netns router
ip link set r-s netns router; ip link set s-r netns server
ip netns exec client ip a a 192.168.10.2/24 dev c-r
ip netns exec router ip a a 192.168.10.1/24 dev r-c
ip netns exec router ip a a 192.168.20.1/24 dev r-s
ip netns exec server ip a a 192.168.20.2/24 dev s-r
ip netns exec client ip l s c-r up; ip netns exec router ip l s r-c up; ip netns exec router ip l s r-s up; ip netns exec server ip l s s-r up
ip netns exec client ip r add default via 192.168.10.1
ip netns exec server ip r add default via 192.168.20.1
ip netns exec client ping -c1 -W1 192.168.20.2 && echo "unexpected" || echo "no forwarding yet"
ip netns exec router sysctl net.ipv4.ip_forward=1
ip netns exec client ping -c1 -W1 192.168.20.2
ip netns exec client traceroute -n 192.168.20.2
ip netns exec client tracepath -n 192.168.20.2
ip netns exec router iptables -A FORWARD -p icmp -j REJECT --reject-with icmp-host-prohibited
ip netns exec client ping -c1 -W1 192.168.20.2
ip netns exec router iptables -F
ip netns exec router ip route show; ip netns exec client ip neigh; ip netns exec client ip route get 192.168.20.2
ip netns exec router tcpdump -i r-s -n -c 2 icmp & sleep 1; ip netns exec client ping -c1 192.168.20.2 > /dev/null; wait
ip -all netns exec ip -br addr
ip netns del client; ip -all netns delete; ip netns list
