# `ip neigh flush`: by address, by state, by device. What is flushed is asked for again; permanent entries stay unless they are named.
# expect: status 0
# expect: output ^asked 10.0.1.2 again: 1
# expect: output ^left: 10.0.9.9 lladdr 02:00:00:00:09:09 PERMANENT
# expect: output ^stale left: 0
# expect: router.eth0 tx arp who-has 10.0.1.2 = 2
# expect: router.eth1 tx arp who-has 10.0.2.2 = 2
set -e
ip netns add router
for i in 1 2; do
    ip netns add host$i
    ip link add eth0 netns host$i type veth peer name eth$((i - 1)) netns router
    ip -n router addr add 10.0.$i.1/24 dev eth$((i - 1))
    ip -n router link set eth$((i - 1)) up
    ip -n host$i addr add 10.0.$i.2/24 dev eth0
    ip -n host$i link set eth0 up
    ip -n host$i route add default via 10.0.$i.1
done
ip netns exec router sysctl -qw net.ipv4.ip_forward=1
ip -n router neigh add 10.0.9.9 lladdr 02:00:00:00:09:09 dev eth0
sleep 0.2
ip netns exec host1 ping -q -c 1 10.0.2.2
ip -n router neigh flush to 10.0.1.2
ip netns exec host1 ping -q -c 1 10.0.2.2
echo "asked 10.0.1.2 again: $(ip -n router neigh show 10.0.1.2 | wc -l)"
ip -n router neigh flush dev eth0
echo "left: $(ip -n router neigh show dev eth0 | head -1)"
ip -n router neigh flush nud stale
echo "stale left: $(ip -n router neigh show nud stale | wc -l)"
ip -n router neigh flush all
ip netns exec host1 ping -q -c 1 10.0.2.2
ip -s -n router neigh flush dev eth1
ip -n router neigh flush nud permanent dev eth0
ip -n router neigh show
