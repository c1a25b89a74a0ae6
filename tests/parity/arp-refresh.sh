# A neighbour that is in use but not confirmed is asked again, itself alone: REACHABLE, DELAY, PROBE, REACHABLE.
# expect: status 0
# expect: output ^soon: .* REACHABLE
# expect: output ^later: .* STALE
# expect: output ^used: .* DELAY
# expect: output ^answered: .* REACHABLE
# expect: red.eth0 tx arp who-has 10.0.0.2 tell 10.0.0.1 .*>ff = 1
# expect: red.eth0 tx arp who-has 10.0.0.2 tell 10.0.0.1 red.eth0>blue.eth0 = 1
# expect: blue.eth0 tx arp reply 10.0.0.2 = 2
set -e
ip netns add red
ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0
ip -n blue addr add 10.0.0.2/24 dev eth0
for ns in red blue; do
    ip -n $ns link set eth0 up
    ip netns exec $ns sysctl -qw net.ipv4.neigh.eth0.base_reachable_time_ms=2000 net.ipv4.neigh.eth0.delay_first_probe_time=1
done
ip -n blue neigh add 10.0.0.1 lladdr "$(ip -n red -br link show eth0 | awk '{print $3}')" dev eth0    # blue needs not ask
sleep 0.2
state() { echo "$1: $(ip -n red neigh show 10.0.0.2 dev eth0)"; }

ip netns exec red ping -c 1 10.0.0.2
state soon
sleep 4
state later
ip netns exec red ping -c 1 10.0.0.2
state used
sleep 1.5
state answered
sleep 4
state 'at rest'
