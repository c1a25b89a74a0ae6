# Too many packets wait for one neighbour: the oldest are dropped, silently, and the newest go when it answers.
# expect: status 0
# expect: output ^3 of 9 went
# expect: blue.eth0 rx icmp echo request id \S+ seq [789] = 3
# expect: blue.eth0 rx icmp echo request = 3
set -e
ip netns add red
ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0
ip -n blue addr add 10.0.0.2/24 dev eth0
ip -n blue link set eth0 arp off
ip -n red link set eth0 up
ip -n blue link set eth0 up
ip netns exec red sysctl -w net.ipv4.neigh.eth0.unres_qlen_bytes=2560
sleep 0.2
ip netns exec red ping -q -c 9 -i 0.05 -W 3 10.0.0.2 > text &
sleep 1.5
ip -n blue link set eth0 arp on
wait
echo "$(grep -o '[0-9] received' text | cut -c1) of 9 went"
rm text
