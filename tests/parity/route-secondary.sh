# Several addresses of one subnet: the first is primary, the others secondary, and they go with it unless promote_secondaries is set; another prefix
# length makes another primary. All are answered; the primary is the source.
# expect: status 0
# expect: output inet 10.0.0.2/24 scope global secondary eth0
# expect: output inet 10.0.0.3/24 .*scope global eth0
# expect: peer.eth0 rx ip 10.0.0.1>10.0.0.9 .*echo request = 1
# expect: peer.eth0 rx ip 10.0.0.3>10.0.0.9 .*echo request = 1
# expect: peer.eth0 rx ip 10.0.0.2>10.0.0.9 .*echo reply = 1
# quick
set -e
ip netns add box
ip netns add peer
ip link add eth0 netns box type veth peer name eth0 netns peer
ip -n peer addr add 10.0.0.9/24 dev eth0
ip -n peer link set eth0 up
ip -n box link set eth0 up
for k in 1 2 3; do ip -n box addr add 10.0.0.$k/24 dev eth0; done
ip -n box addr add 10.0.0.4/32 dev eth0
ip -n box addr add 10.0.0.5/16 dev eth0 label eth0:wide
ip -n box addr
ip -n box route
ip -n box route show table local
ip netns exec box ping -c 1 -W 1 10.0.0.9
ip netns exec peer ping -c 1 -W 1 10.0.0.2
ip netns exec box sysctl -w net.ipv4.conf.eth0.promote_secondaries=1
ip -n box addr del 10.0.0.1/24 dev eth0
ip -n box addr del 10.0.0.2/24 dev eth0
ip -n box addr
ip -n box route
ip netns exec box ping -c 1 -W 1 10.0.0.9
# without promotion the rest of the subnet dies with its primary
ip -n box addr add 10.0.0.6/24 dev eth0
ip netns exec box sysctl -w net.ipv4.conf.eth0.promote_secondaries=0
ip -n box addr del 10.0.0.3/24 dev eth0
ip -n box -br addr
ip -n box route
ip -n box addr add 10.0.0.4/32 dev eth0 || echo "status $?"
ip -n box addr flush dev eth0 label eth0:wide
ip -n box addr
