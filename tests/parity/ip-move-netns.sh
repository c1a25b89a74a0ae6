# A device that is up and has addresses is moved to another namespace in the middle of a ping: it arrives down and bare, its peer loses the carrier, and
# after a new set-up the neighbour finds the same MAC under the old address.
# expect: status 0
# expect: output 3 packets transmitted, 1 received
# expect: output ^left behind: 0 addresses, 0 routes
# expect: output ^arrived: DOWN 0
# expect: output ^LOWERLAYERDOWN|^peer: DOWN
# expect: output 1 packets transmitted, 1 received
# expect: green.eth0 rx icmp echo request = 1
# expect: blue.eth0 rx icmp echo request = 1
set -u
for ns in red blue green; do ip netns add $ns; done
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0
ip -n blue addr add 10.0.0.2/24 dev eth0
ip -n blue addr add 10.0.0.3/24 dev eth0
for ns in red blue; do ip -n $ns link set eth0 up; done
ip -n blue route add 10.9.0.0/16 via 10.0.0.1
sleep 0.3
ip netns exec red ping -c 3 -i 1 -W 1 10.0.0.2 &
sleep 0.5
ip -n blue link set eth0 netns green
sleep 0.2
echo "left behind: $(ip -n blue -o addr show | grep -c eth0) addresses, $(ip -n blue route | wc -l) routes"
echo "arrived: $(ip -n green -br link show eth0 | awk '{print $2}') $(ip -n green -4 -o addr show dev eth0 | wc -l)"
echo "peer: $(ip -n red -br link show eth0 | awk '{print $2}')"
ip -n red route
wait
sleep 2                                        # until red has given up asking
ip -n green addr add 10.0.0.2/24 dev eth0
ip -n green link set eth0 up
sleep 0.3
ip netns exec red ping -c 1 -W 1 10.0.0.2
ip -n red -br link
ip -n green -br link
ip netns list
exit 0
