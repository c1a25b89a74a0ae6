# Gratuitous ARP changes an entry that is there, at once; it makes a new one only with arp_accept.
# expect: status 0
# expect: output ^before: 10.0.0.2 dev eth0 lladdr 02:00:00:00:00:02
# expect: output ^request: 10.0.0.2 dev eth0 lladdr 02:00:00:00:00:22 STALE
# expect: output ^reply: 10.0.0.2 dev eth0 lladdr 02:00:00:00:00:23 STALE
# expect: output ^unknown: $
# expect: output ^accepted: 10.0.0.77 dev eth0 lladdr 02:00:00:00:00:23 STALE
# expect: red.eth0 rx arp who-has 10.0.0.2 tell 10.0.0.2 .*>ff
# expect: red.eth0 rx arp reply 10.0.0.2 is-at .* to 10.0.0.2 .*>ff = 1
# expect: red.eth0 tx arp reply = 0
# needs: arping
set -e
ip netns add red
ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n blue link set eth0 address 02:00:00:00:00:02
ip -n red addr add 10.0.0.1/24 dev eth0
ip -n blue addr add 10.0.0.2/24 dev eth0
ip -n red link set eth0 up
ip -n blue link set eth0 up
sleep 0.2
neighbour() { echo "$1: $(ip -n red neigh show $2)"; }

ip netns exec red ping -c 1 10.0.0.2 >/dev/null
neighbour before 10.0.0.2

ip -n blue link set eth0 address 02:00:00:00:00:22
ip netns exec blue arping -U -c 1 -w 1 -I eth0 10.0.0.2 || true
neighbour request 10.0.0.2

ip -n blue link set eth0 address 02:00:00:00:00:23
ip netns exec blue arping -A -c 1 -w 1 -I eth0 10.0.0.2 || true
neighbour reply 10.0.0.2

ip -n blue addr add 10.0.0.77/24 dev eth0
ip netns exec blue arping -U -c 1 -w 1 -I eth0 10.0.0.77 || true
neighbour unknown 10.0.0.77
ip netns exec red sysctl -w net.ipv4.conf.eth0.arp_accept=1
ip netns exec blue arping -U -c 1 -w 1 -I eth0 10.0.0.77 || true
neighbour accepted 10.0.0.77
