#!/usr/bin/env bash
# A first network namespace: a veth pair, an address on each end, ping, and a tool that is not there.
# expect: status 0
# expect: output 10.1.1.0/24 dev veth1 proto kernel scope link src 10.1.1.1
# expect: output 3 received
# expect: error emu: not emulated: ifconfig
# Introducing Linux network namespaces
ip netns add blue
ip netns list
ip link add veth0 type veth peer name veth1
ip link list
ip link set veth1 netns blue
ip netns exec blue ip link list
ip netns exec blue ip addr add 10.1.1.1/24 dev veth1
ip netns exec blue ip link set dev veth1 up
ip addr add 10.1.1.2/24 dev veth0
ip link set dev veth0 up
ip netns exec blue ip addr list
ip netns exec blue ip route list
ping -c 3 10.1.1.1
ip netns exec blue ifconfig veth1 || true
ip netns exec blue iptables -L -n -v
