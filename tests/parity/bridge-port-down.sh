# A port goes down, by itself or because its other end does: it is disabled and forgets whom it knew; the last port takes the bridge's carrier with it.
# expect: status 0
# expect: output ^up: 1 received
# expect: output ^port down: 0 received
# expect: output ^other end down: 0 received
# expect: output ^up again: 1 received
# expect: output ^bridge down: 0 received
# expect: output ^learned while down: 0
# expect: output ^br0 +DOWN
# expect: host.vb tx icmp echo request = 2
set -u
ip link add br0 type bridge
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up
i=0
for ns in a b; do
    i=$((i + 1))
    ip netns add $ns
    ip link add v$ns type veth peer name eth0 address 02:00:00:00:00:0$i netns $ns
    ip link set v$ns master br0 up
    ip -n $ns addr add 10.0.0.$i/24 dev eth0
    ip -n $ns link set eth0 up
done
ip -n a neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0
ip -n b neigh add 10.0.0.1 lladdr 02:00:00:00:00:01 dev eth0
sleep 0.3
try() { echo "$1: $(ip netns exec a ping -c 1 -W 0.3 10.0.0.2 | grep -o '. received')"; }
try up
ip link set vb down
sleep 0.2
bridge link show dev vb
echo "learned while down: $(bridge fdb show dev vb | grep -c 02:00:00:00:00:02)"
try 'port down'
ip link set vb up
ip -n b link set eth0 down
sleep 0.2
bridge link show dev vb
try 'other end down'
ip -n b link set eth0 up
ip -n b neigh add 10.0.0.1 lladdr 02:00:00:00:00:01 dev eth0
sleep 0.2
try 'up again'
ip link set br0 down
try 'bridge down'
ip link set br0 up
ip -n a link set eth0 down
ip -n b link set eth0 down
sleep 0.3
ip -br link show br0
ip route
exit 0
