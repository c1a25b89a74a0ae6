# Entries as ip neigh makes, changes and shows them, and what becomes of packets that wait when their entry is deleted.
# expect: status 0
# expect: output ^get: 10.0.0.9 dev eth0 lladdr 02:00:00:00:00:09 PERMANENT
# expect: output No such file or directory
# expect: output ^probe: .* REACHABLE
# expect: output Destination Host Unreachable
# expect: red.eth0 tx arp who-has 10.0.0.2 tell 10.0.0.1 .*>ff = 0
# expect: red.eth0 tx arp who-has 10.0.0.2 tell 10.0.0.1 = 1
# expect: red.lo tx host unreachable
set -u
ip netns add red
ip netns add blue
ip link add eth0 netns red address 02:00:00:00:00:01 type veth peer name eth0 address 02:00:00:00:00:02 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0
ip -n blue addr add 10.0.0.2/24 dev eth0
ip -n red link set lo up
ip -n red link set eth0 up
ip -n blue link set eth0 up
sleep 0.2
ip -n red neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev eth0
echo "get: $(ip -n red neigh get 10.0.0.9 dev eth0)"
ip -n red neigh change 10.0.0.8 lladdr 02:00:00:00:00:08 dev eth0
ip -n red neigh del 10.0.0.8 dev eth0
ip -n red neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud probe
sleep 0.5
echo "probe: $(ip -n red neigh show 10.0.0.2)"
ip netns exec red ping -c 1 -W 2 10.0.0.7 &
sleep 0.5
ip -n red neigh show 10.0.0.7
ip -n red neigh del 10.0.0.7 dev eth0
wait
ip -n red -s neigh show 10.0.0.9 > /dev/null
ip -n red neigh add 10.0.0.256 lladdr 02:00:00:00:00:09 dev eth0
exit 0
