# A host that knows no neighbour asks everybody, the owner answers the asker alone, and both know each other then.
# expect: status 0
# expect: output 2 received
# expect: output ^10.0.0.2 dev eth0 lladdr 02:00:00:00:00:02 REACHABLE
# expect: output ^10.0.0.1 dev eth0 lladdr 02:00:00:00:00:01 (STALE|DELAY)
# expect: red.eth0 tx arp who-has 10.0.0.2 tell 10.0.0.1 .*>ff = 1
# expect: blue.eth0 tx arp reply 10.0.0.2 is-at = 1
# expect: blue.eth0 tx arp who-has = 0
# expect: blue.eth0 rx icmp echo request = 2
# quick
set -e
ip netns add red
ip netns add blue
ip link add eth0 netns red address 02:00:00:00:00:01 type veth peer name eth0 address 02:00:00:00:00:02 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0
ip -n blue addr add 10.0.0.2/24 dev eth0
ip -n red link set eth0 up
ip -n blue link set eth0 up
sleep 0.2
ip netns exec red ip neigh show      # nobody yet
ip netns exec red ping -c 2 -i 0.2 10.0.0.2
ip -n red neigh
ip -n blue neigh
