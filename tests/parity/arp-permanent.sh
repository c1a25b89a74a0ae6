# A permanent entry is never asked for and never overwritten by what others say, even if it is wrong; `replace` and `del` change it.
# expect: status 0
# expect: output ^wrong: 0 received
# expect: output ^gratuitous: 10.0.0.2 dev eth0 lladdr 02:00:00:00:00:99 PERMANENT
# expect: output ^right: 1 received
# expect: output File exists
# expect: output ^noarp: 10.0.0.3 dev eth0 lladdr 02:00:00:00:00:33 NOARP
# expect: output ^deleted: 1 received
# expect: red.eth0 tx arp who-has 10.0.0.2 = 1
# expect: red.eth0 tx 02:00:00:00:00:99 ip 10.0.0.1>10.0.0.2
# needs: arping
ip netns add red
ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n blue link set eth0 address 02:00:00:00:00:02
ip -n red addr add 10.0.0.1/24 dev eth0
ip -n blue addr add 10.0.0.2/24 dev eth0
ip -n red link set eth0 up
ip -n blue link set eth0 up
sleep 0.2
try() { echo "$1: $(ip netns exec red ping -c 1 -W 0.5 10.0.0.2 | grep -o '[0-9]* received')"; }

ip -n red neigh add 10.0.0.2 lladdr 02:00:00:00:00:99 dev eth0
try wrong
ip netns exec blue arping -q -U -c 1 -I eth0 10.0.0.2
echo "gratuitous: $(ip -n red neigh show 10.0.0.2)"
ip -n red neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent
ip -n red neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent
try right
ip -n red neigh replace 10.0.0.3 lladdr 02:00:00:00:00:33 dev eth0 nud noarp
echo "noarp: $(ip -n red neigh show 10.0.0.3 nud noarp)"
ip -n red neigh flush dev eth0 nud noarp
ip -n red neigh show nud all | grep -v NOARP
ip -n red neigh del 10.0.0.2 dev eth0
sleep 0.1
try deleted
ip -n red neigh change 10.0.0.2 dev eth0 lladdr 02:00:00:00:00:02 nud permanent
ip -n red neigh show
