# A device with `arp off` neither asks nor answers: what it sends goes out with its own MAC as destination, and nobody takes it; with the MAC by hand on
# both sides packets pass, and `arp on` brings the questions back.
# expect: status 0
# expect: output ^silent: 0 received
# expect: output ^by hand: 1 received
# expect: output ^asking again: 1 received
# expect: output ^<BROADCAST,MULTICAST,NOARP,UP,LOWER_UP>
# expect: red.eth0 rx arp who-has 10.0.0.1 = 0
# expect: red.eth0 tx arp reply = 0
# expect: blue.eth0 rx icmp echo request = 3
set -eu
received() { grep -o '. received'; }
ip netns add red
ip netns add blue
ip link add eth0 netns red address 02:00:00:00:00:01 type veth peer name eth0 netns blue address 02:00:00:00:00:02
ip -n red addr add 10.0.0.1/24 dev eth0
ip -n blue addr add 10.0.0.2/24 dev eth0
ip -n red link set eth0 arp off
ip -n red link set eth0 up
ip -n blue link set eth0 up
sleep 0.3
ip -n red -br link show eth0 | awk '{print $4}'
echo "silent: $(ip netns exec red ping -c 1 -W 0.5 10.0.0.2 | received)"
ip -n red neigh show nud all | grep -c '10.0.0.2 .*NOARP'

ip -n red neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent
ip -n blue neigh replace 10.0.0.1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent
echo "by hand: $(ip netns exec red ping -c 1 -W 0.5 10.0.0.2 | received)"

ip -n red link set eth0 arp on
sleep 0.1
ip -n red neigh show nud all
echo "asking again: $(ip netns exec red ping -c 1 -W 0.5 10.0.0.2 | received)"
