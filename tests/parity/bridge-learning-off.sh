# A port with `learning off` and `flood off`: all is sent by the table that somebody programs, and a stranger behind it is out of reach.
# expect: status 0
# expect: output ^not programmed: 0 received
# expect: output ^programmed: 1 received
# expect: output ^learned: 0
# expect: c.eth0 rx icmp echo reply = 1
# expect: b.eth0 rx icmp echo request = 1
set -eu
ip link add br0 type bridge
ip link set br0 up
n=0
for ns in a b c; do
    n=$((n + 1))
    ip netns add $ns
    ip link add veth-$ns type veth peer name eth0 address 02:00:00:00:00:0$n netns $ns
    ip link set veth-$ns up master br0
    ip -n $ns addr add 10.0.0.$n/24 dev eth0
    ip -n $ns link set eth0 up
done
ip link set veth-a type bridge_slave learning off
bridge link set dev veth-b learning off flood off
ip -n a neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0
ip -n b neigh add 10.0.0.1 lladdr 02:00:00:00:00:01 dev eth0
sleep 0.3
try() { echo "$1: $(ip netns exec a ping -c 1 -W 0.3 10.0.0.2 | grep -o '. received')"; }
try 'not programmed'
bridge fdb append 02:00:00:00:00:02 dev veth-b master static
try programmed
echo "learned: $(bridge fdb show br br0 | grep -vc 'permanent\|static' || true)"
