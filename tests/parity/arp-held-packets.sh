# Packets wait while their neighbour is asked for; when it answers at last, all of them go, in the order they were sent.
# expect: status 0
# expect: output 4 received, 0% packet loss
# expect: output INCOMPLETE
# expect: red.eth0 tx arp who-has 10.0.0.2 = 3
# expect: blue.eth0 rx icmp echo request = 4
# expect: blue.eth0 tx icmp echo reply = 4
set -euo pipefail

cleanup() {
    ip netns del red 2>/dev/null || true
    ip netns del blue 2>/dev/null || true
}
cleanup

ip netns add red
ip netns add blue
ip -n red link add eth0 type veth peer name eth0 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0
ip -n red link set eth0 up
ip -n blue link set eth0 arp off
ip -n blue addr add 10.0.0.2/24 dev eth0
ip -n blue link set eth0 up
sleep 0.2
ip netns exec red ping -c 4 -i 0.2 -W 5 10.0.0.2 &
sleep 1.5
ip -n red neigh show 10.0.0.2
ip -n blue link set eth0 arp on      # from now on it answers
wait %1
ip -n red neigh show 10.0.0.2
