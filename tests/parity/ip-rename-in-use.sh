# A device that is up can be renamed in the middle of a connection: addresses, routes and neighbours stay, labels follow; rules that name the device as it
# was called do not match any more.
# expect: status 0
# expect: output ^before: 1 received
# expect: output ^renamed: 1 received
# expect: output ^old name: 2, new name: 1
# expect: output inet 10.0.0.1/24 scope global uplink
# expect: output inet 10.0.0.3/24 scope global secondary uplink:web
# expect: output ^default via 10.0.0.2 dev uplink
# expect: output Cannot find device "eth0"
# expect: output ^taken: 2
# expect: red.uplink tx icmp echo request = 1
set -eu
received() { grep -o '. received'; }
ip netns add red
ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0
ip -n red addr add 10.0.0.3/24 dev eth0 label eth0:web
ip -n blue addr add 10.0.0.2/24 dev eth0
for ns in red blue; do ip -n $ns link set dev eth0 up; done
ip -n red route add default via 10.0.0.2
sleep 0.3
ip netns exec red iptables -A OUTPUT -o eth0 -p icmp -j ACCEPT
ip netns exec red iptables -A OUTPUT -o uplink -p icmp -j ACCEPT
echo "before: $(ip netns exec red ping -c 1 -W 1 10.0.0.2 | received)"
ip netns exec red ping -q -c 1 -W 1 10.0.0.2 > /dev/null
ip -n red link set eth0 name uplink
sleep 0.1
echo "renamed: $(ip netns exec red ping -c 1 -W 1 10.0.0.2 | received)"
count() { ip netns exec red iptables -nvxL OUTPUT | awk -v dev="$1" '$7 == dev {print $1}'; }
echo "old name: $(count eth0), new name: $(count uplink)"
ip -n red -4 addr show uplink | grep inet
ip -n red route
ip -n red neigh | awk '{print $1, $2, $3}'
ip -n red link set eth0 up || true
ip -n red link add eth0 type bridge
ip -n red link set uplink name eth0 || echo "taken: $?"
