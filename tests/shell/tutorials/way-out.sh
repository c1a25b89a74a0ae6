#!/usr/bin/env bash
# A namespace gets a way out: /proc/sys/net by echo, FORWARD closed but for it, masquerading, a resolv.conf of its own.
# expect: status 0
# expect: output 1 received
# expect: output -A POSTROUTING -s 10.200.1.0/24 -o wan0 -j MASQUERADE
# expect: output ^nameserver 8.8.8.8
# give a namespace internet access
NS=vpn; VETH=veth-$NS; PEER=vpeer1; VETH_ADDR=10.200.1.1; PEER_ADDR=10.200.1.2
if [[ $(id -u) -ne 0 ]]; then echo "run as root"; exit 1; fi
ip link add wan0 type dummy; ip addr add 198.51.100.1/24 dev wan0; ip link set wan0 up; ip route add default via 198.51.100.254 dev wan0
IFACE=$(ip route | grep default | awk '{print $5}')
ip netns del $NS &>/dev/null
ip netns add $NS
ip link add ${VETH} type veth peer name ${PEER}
ip link set ${PEER} netns $NS
ip addr add ${VETH_ADDR}/24 dev ${VETH}
ip link set ${VETH} up
ip netns exec $NS ip addr add ${PEER_ADDR}/24 dev ${PEER}
ip netns exec $NS ip link set ${PEER} up
ip netns exec $NS ip link set lo up
ip netns exec $NS ip route add default via ${VETH_ADDR}
echo 1 > /proc/sys/net/ipv4/ip_forward
iptables -P FORWARD DROP
iptables -F FORWARD
iptables -t nat -F
iptables -t nat -A POSTROUTING -s ${PEER_ADDR}/24 -o ${IFACE} -j MASQUERADE
iptables -A FORWARD -i ${IFACE} -o ${VETH} -j ACCEPT
iptables -A FORWARD -o ${IFACE} -i ${VETH} -j ACCEPT
mkdir -p /etc/netns/$NS 2>/dev/null; echo "nameserver 8.8.8.8" > /etc/netns/$NS/resolv.conf 2>/dev/null
ip netns exec ${NS} ping -c1 ${VETH_ADDR}
iptables-save | grep -v '^#'
iptables -L FORWARD -n -v --line-numbers
cat /etc/netns/$NS/resolv.conf
