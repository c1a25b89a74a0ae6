#!/usr/bin/env bash
# A CNI plugin in bash, and kube-proxy's chains by hand.
# expect: status 0
# expect: output "mac": 17, "address": "10.240.0.5"
# expect: output statistic mode random probability 0.5
# expect: output default via 10.240.0.1 dev eth0
# expect: error ^pod answers
# CNI plugin in bash (kubernetes networking from scratch)
set -e
exec 3>&1
log() { echo "$@" >&2; }
CNI_COMMAND=ADD; CNI_IFNAME=eth0; CNI_CONTAINERID=abc123; CNI_NETNS=/var/run/netns/pod1
config='{"cniVersion":"0.3.1","name":"mynet","type":"bash-cni","network":"10.240.0.0/16","subnet":"10.240.0.0/24"}'
subnet=$(echo "$config" | sed -n 's/.*"subnet":"\([^"]*\)".*/\1/p')
gw=$(echo $subnet | sed 's:0/24:1:'); ip=$(echo $subnet | sed 's:0/24:5:')
mkdir -p /var/run/netns/
ip netns add pod1
brctl addbr cni0; ip link set cni0 up; ip addr add "$gw/24" dev cni0
rand=$(tr -dc 'A-F0-9' < /dev/urandom | head -c4)
host_ifname="veth$rand"
ip link add $CNI_IFNAME type veth peer name $host_ifname
ip link set $host_ifname up
ip link set $host_ifname master cni0
ip link set $CNI_IFNAME netns $(basename $CNI_NETNS)
ip netns exec pod1 ip link set $CNI_IFNAME up
ip netns exec pod1 ip addr add $ip/24 dev $CNI_IFNAME
ip netns exec pod1 ip route add default via $gw dev $CNI_IFNAME
mac=$(ip netns exec pod1 ip link show eth0 | awk '/ether/ {print $2}')
address=$(ip netns exec pod1 ip -j addr show eth0 | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["addr_info"][0]["local"])')
echo "{ \"mac\": ${#mac}, \"address\": \"$address\" }" >&3
arping -c 1 -I cni0 $ip > /dev/null && log "pod answers"
iptables -t filter -A FORWARD -s 10.240.0.0/16 -j ACCEPT
iptables -t filter -A FORWARD -d 10.240.0.0/16 -j ACCEPT
iptables -t nat -A POSTROUTING -s $subnet ! -o cni0 -j MASQUERADE
iptables -t nat -N KUBE-SERVICES; iptables -t nat -A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
iptables -t nat -N KUBE-SVC-1; iptables -t nat -A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m comment --comment "default/web" -m tcp --dport 80 -j KUBE-SVC-1
iptables -t nat -A KUBE-SVC-1 -p tcp -m statistic --mode random --probability 0.5 -j DNAT --to-destination $ip:8080
iptables -t nat -A KUBE-SVC-1 -p tcp -j DNAT --to-destination $ip:8080
iptables -t nat -L KUBE-SVC-1 -n --line-numbers
ip link show type bridge; ip link show type veth | grep -c veth
nsenter --net=$CNI_NETNS ip route
