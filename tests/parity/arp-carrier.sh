# A cable is pulled: neighbours are forgotten but the permanent ones (arp_evict_nocarrier), the route stays as `linkdown`, and all is asked for again afterwards.
# expect: status 0
# expect: output ^kept: 1
# expect: output ^forgotten: 0
# expect: output ^not forgotten: 1
# expect: output linkdown
# expect: output ^back: 1 received
# expect: red.eth0 tx arp who-has 10.0.0.2 = 2
set -u
ip netns add red
ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0
ip -n blue addr add 10.0.0.2/24 dev eth0
ip -n red link set eth0 up
ip -n blue link set eth0 up
ip -n red neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev eth0
sleep 1.2
try() { echo "$1: $(ip netns exec red ping -c 1 -W 0.5 10.0.0.2 | grep -o '. received')"; }
try first
ip -n blue link set eth0 down
sleep 1.2
ip -n red route
echo "kept: $(ip -n red neigh show 10.0.0.9 | grep -c PERMANENT)"
echo "forgotten: $(ip -n red neigh show 10.0.0.2 | grep -c lladdr)"
try 'without cable'
ip -n blue link set eth0 up
sleep 1.2
ip -n red neigh
try back
ip netns exec red sysctl -qw net.ipv4.conf.eth0.arp_evict_nocarrier=0
ip -n blue link set eth0 down
sleep 1.2
echo "not forgotten: $(ip -n red neigh show 10.0.0.2 | grep -c lladdr)"
