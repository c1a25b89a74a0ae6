# Forwarding belongs to the device that a packet comes in by: on for one and off for the other lets requests through and loses the answers.
# Changing ip_forward sets them all (writing the value it has does nothing), and new devices begin with `default`.
# expect: status 0
# expect: right.eth0 rx icmp echo request = 3
# expect: left.eth0 rx icmp echo reply = 2
# expect: output ^net.ipv4.conf.late.forwarding = 1
# quick
set -e
for n in left mid right; do ip netns add $n; done
ip link add eth0 netns left type veth peer name lan netns mid
ip link add eth0 netns right type veth peer name wan netns mid
ip -n left addr add 10.1.0.2/24 dev eth0; ip -n mid addr add 10.1.0.1/24 dev lan
ip -n right addr add 10.2.0.2/24 dev eth0; ip -n mid addr add 10.2.0.1/24 dev wan
for d in "left eth0" "mid lan" "mid wan" "right eth0"; do ip -n ${d% *} link set ${d#* } up; done
ip -n left route add default via 10.1.0.1
ip -n right route add default via 10.2.0.1
ip netns exec mid sysctl -w net.ipv4.conf.lan.forwarding=1
ip netns exec mid sysctl net.ipv4.ip_forward net.ipv4.conf.all.forwarding net.ipv4.conf.wan.forwarding
ip netns exec left ping -c 1 -W 0.4 10.2.0.2 || echo "status $?"
ip netns exec mid sysctl -w net.ipv4.conf.wan.forwarding=1
ip netns exec left ping -c 1 -W 0.4 10.2.0.2
ip netns exec mid sysctl -w net.ipv4.ip_forward=0
ip netns exec mid sysctl net.ipv4.conf.lan.forwarding net.ipv4.conf.wan.forwarding net.ipv4.conf.default.forwarding
ip netns exec left ping -c 1 -W 0.4 10.2.0.2 || echo "status $?"
ip netns exec mid sysctl -w net.ipv4.ip_forward=1
ip -n mid link add late type veth peer name latep
ip netns exec mid sysctl net.ipv4.conf.late.forwarding net.ipv4.conf.all.accept_redirects
