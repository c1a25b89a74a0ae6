# arp_notify: a host announces its addresses when its link comes up and when its MAC changes. Its bridge port does not forward yet at link up.
# expect: status 0
# expect: pod.eth0 tx arp who-has 10.1.0.5 tell 10.1.0.5 = 2
# expect: pod.eth0 tx arp who-has 10.1.0.6 tell 10.1.0.6 = 2
# expect: host.veth-pod rx arp who-has 10.1.0.5 tell 10.1.0.5 = 2
# expect: other.eth0 rx arp who-has 10.1.0.5 tell 10.1.0.5 = 1
# expect: other.eth0 tx . = 0
# quick
set -e
ip link add br0 type bridge
ip link set br0 up
for ns in other pod; do
    ip netns add $ns
    ip link add veth-$ns type veth peer name eth0 netns $ns
    ip link set veth-$ns master br0 up
done
ip -n other link set eth0 up
ip -n other addr add 10.1.0.1/24 dev eth0
sleep 0.2

ip netns exec pod sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n pod addr add 10.1.0.5/24 dev eth0
ip -n pod addr add 10.1.0.6/24 dev eth0       # a second address: nobody is told
ip -n pod link set eth0 up
sleep 0.3
ip -n pod link set eth0 address 02:00:00:00:05:05
sleep 0.2
ip -n pod addr add 10.1.0.7/24 dev eth0
sleep 0.1
