# Neighbour states set by hand: a packet is sent at once where a MAC is known (STALE begins to doubt it), and only a FAILED or missing entry asks.
# expect: status 0
# expect: output ^reachable REACHABLE$
# expect: output ^stale DELAY$
# expect: output ^delay DELAY$
# expect: output ^permanent PERMANENT$
# expect: output ^failed REACHABLE$
# expect: output ^none REACHABLE$
# expect: red.eth0 tx arp who-has 10.0.0.2 tell 10.0.0.1 .*>ff = 2
# expect: blue.eth0 rx udp .*>7 = 6
# needs: nc
set -euo pipefail
ip netns add red
ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
for side in red:10.0.0.1 blue:10.0.0.2; do
    IFS=: read -r ns address <<< "$side"
    ip -n "$ns" addr add "$address/24" dev eth0
    ip -n "$ns" link set lo up
    ip -n "$ns" link set eth0 up
done
mac=$(ip -n blue -o link show eth0 | sed 's/.*ether \([^ ]*\).*/\1/')
sleep 0.2
for state in reachable stale delay permanent failed none; do
    case $state in
        none) ip -n red neigh del 10.0.0.2 dev eth0 ;;
        failed) ip -n red neigh replace 10.0.0.2 dev eth0 nud failed ;;
        *) ip -n red neigh replace 10.0.0.2 lladdr "$mac" dev eth0 nud $state ;;
    esac
    echo hello | ip netns exec red nc -u -w 1 -q 0 10.0.0.2 7 || true
    sleep 0.2
    echo "$state $(ip -n red neigh show 10.0.0.2 | awk '{print $NF}')"
done
