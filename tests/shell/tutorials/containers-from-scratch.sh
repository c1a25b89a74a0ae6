#!/usr/bin/env bash
# Containers' networking from scratch, with sudo and nsenter, published by DNAT.
# expect: status 0
# expect: output 2 received
# expect: output ^200$
# expect: output MASQUERADE .* !br0 +172.18.0.0/16
# expect: output br0.*veth0
set -euo pipefail
# Container networking from scratch (iximiuz style)
if [[ $EUID -ne 0 ]]; then echo "You must be root to run this script"; exit 1; fi
cleanup() { sudo ip netns del netns0 2>/dev/null || true; sudo ip netns del netns1 2>/dev/null || true; sudo ip link del br0 2>/dev/null || true; }
trap cleanup EXIT
sudo ip netns add netns0
sudo ip link add veth0 type veth peer name ceth0
sudo ip link set veth0 up
sudo ip link set ceth0 netns netns0
sudo nsenter --net=/var/run/netns/netns0 <<EOF
ip link set lo up
ip link set ceth0 up
ip addr add 172.18.0.10/16 dev ceth0
EOF
sudo ip netns add netns1
sudo ip link add veth1 type veth peer name ceth1
sudo ip link set veth1 up
sudo ip link set ceth1 netns netns1
sudo nsenter --net=/var/run/netns/netns1 bash -c "
ip link set lo up
ip link set ceth1 up
ip addr add 172.18.0.20/16 dev ceth1
"
sudo ip link add br0 type bridge
sudo ip link set br0 up
sudo ip link set veth0 master br0
sudo ip link set veth1 master br0
sudo nsenter --net=/var/run/netns/netns0 ping -c 2 172.18.0.20
sudo ip addr add 172.18.0.1/16 dev br0
sudo nsenter --net=/var/run/netns/netns0 ip route add default via 172.18.0.1
sudo nsenter --net=/var/run/netns/netns1 ip route add default via 172.18.0.1
sudo bash -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
cat /proc/sys/net/ipv4/ip_forward
sudo iptables -t nat -A POSTROUTING -s 172.18.0.0/16 ! -o br0 -j MASQUERADE
sudo iptables -t nat -A PREROUTING -d 10.0.2.15 -p tcp -m tcp --dport 5000 -j DNAT --to-destination 172.18.0.10:5000
sudo iptables -t nat -A OUTPUT -d 10.0.2.15 -p tcp -m tcp --dport 5000 -j DNAT --to-destination 172.18.0.10:5000
sudo modprobe br_netfilter
sudo nsenter --net=/var/run/netns/netns0 python3 -m http.server --bind 172.18.0.10 5000 > /dev/null 2>&1 &
sleep 1
curl -s -o /dev/null -w '%{http_code}\n' 172.18.0.10:5000
sudo iptables -t nat -L -n -v
ps aux | head -1 > /dev/null
bridge link
brctl show
