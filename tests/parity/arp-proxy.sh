# proxy_arp: a router answers for hosts behind it. A pod with a /32 and a gateway that exists nowhere reaches the world through it.
# expect: status 0
# expect: output ^gateway.*169.254.1.1 dev eth0 lladdr ee:ee:ee:ee:ee:ee
# expect: output ^off: 0 received
# expect: output ^on: 1 received
# expect: output ^same side: 0 received
# expect: pod.eth0 rx arp reply 169.254.1.1 is-at = 1
# expect: pod.eth0 rx arp reply 10.5.0.9 is-at = 0
# expect: lan.eth0 rx icmp echo request = 1
# expect: pod.eth0 rx icmp echo request = 1
set -euo pipefail
for ns in node pod lan; do ip netns add $ns; done
ip link add cali0 netns node address ee:ee:ee:ee:ee:ee type veth peer name eth0 netns pod
ip link add eth0 netns node type veth peer name eth0 netns lan
ip netns exec node sysctl -qw net.ipv4.ip_forward=1 net.ipv4.neigh.cali0.proxy_delay=0 net.ipv4.neigh.eth0.proxy_delay=0

ip -n node link set cali0 up
ip -n node link set eth0 up
ip -n node addr add 192.168.5.1/24 dev eth0
ip -n node route add 10.5.0.7 dev cali0 scope link
ip -n node route add default via 192.168.5.2

ip -n pod addr add 10.5.0.7/32 dev eth0
ip -n pod link set eth0 up
ip -n pod route add 169.254.1.1 dev eth0 scope link
ip -n pod route add default via 169.254.1.1 dev eth0

ip -n lan addr add 192.168.5.2/24 dev eth0
ip -n lan link set eth0 up
ip -n lan route add 10.5.0.0/24 dev eth0          # the pods are on the wire, as far as it knows
sleep 0.2

count() { echo "$1: $(ip netns exec "$2" ping -c 1 -W 1 "$3" | grep -o '[0-9]* received')"; }
count off pod 192.168.5.2
sleep 3                                            # the question has failed by now
ip netns exec node sysctl -w net.ipv4.conf.cali0.proxy_arp=1
ip netns exec node sysctl -w net.ipv4.conf.eth0.proxy_arp=1
count on pod 192.168.5.2
echo "gateway: $(ip -n pod neigh show 169.254.1.1)"
count 'from outside' lan 10.5.0.7
count 'same side' lan 192.168.5.9                  # on the asker's own side: nobody stands in
sleep 2.5                                          # until it has given up
