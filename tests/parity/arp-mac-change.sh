# A peer gets another MAC and says nothing: packets go astray until three questions to the old MAC stayed unanswered; then everybody is asked.
# expect: status 0
# expect: output ^known: 1 received
# expect: output ^astray: 0 received
# expect: output ^found: 1 received
# expect: red.eth0 tx arp who-has 10.0.0.2 tell 10.0.0.1 .*>ff = 2
# expect: red.eth0 tx arp who-has 10.0.0.2 tell 10.0.0.1 red.eth0>blue.eth0 = 3
# expect: blue.eth0 tx arp reply = 2
set -eu
ip netns add red
ip netns add blue
ip link add br0 type bridge
ip link set br0 up
for ns in red blue; do
    ip link add "$ns" type veth peer name eth0 netns "$ns"
    ip link set "$ns" master br0 up
    ip -n "$ns" link set eth0 up
done
ip -n red addr add 10.0.0.1/24 dev eth0
ip -n blue addr add 10.0.0.2/24 dev eth0
ip netns exec red sysctl -qw net.ipv4.neigh.eth0.delay_first_probe_time=1
sleep 0.3
try() { echo "$1: $(ip netns exec red ping -c 1 -W 0.3 10.0.0.2 | grep -o '[0-9]* received')"; }
try known
ip -n red neigh replace 10.0.0.2 lladdr "$(ip -n blue -br link show eth0 | awk '{print $3}')" dev eth0 nud stale

ip -n blue link set eth0 down
ip -n blue link set eth0 address 02:00:00:00:00:22
ip -n blue link set eth0 up
sleep 0.3
try astray
sleep 5                       # DELAY 1 s, three unicast questions, FAILED
ip -n red neigh show 10.0.0.2
try found
ip -n red neigh show 10.0.0.2
