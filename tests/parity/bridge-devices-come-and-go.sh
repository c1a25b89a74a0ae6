# Devices are renamed, moved and deleted under a running bridge: a port that moves to another namespace leaves, one end of a veth takes the other along.
# expect: status 0
# expect: output ^renamed: 1 received
# expect: output ^moved away: 0 received
# expect: output ^back: 1 received
# expect: output ^left: port-a$
# expect: output ^after the bridge: $
# expect: host.port-a tx icmp echo request = 2
set -u
ip link add br0 address 02:00:00:00:00:fe type bridge
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up
ip netns add attic
for ns in a b; do
    ip netns add $ns
    ip link add v$ns type veth peer name eth0 netns $ns
    ip link set v$ns master br0 up
    ip -n $ns addr add 10.0.0.$([ $ns = a ] && echo 1 || echo 2)/24 dev eth0
    ip -n $ns link set eth0 up
done
sleep 0.3
try() { echo "$1: $(ping -c 1 -W 0.3 10.0.0.1 | grep -o '. received')"; }
ip link set va down
ip link set va name port-a
ip link set port-a up
sleep 0.2
try renamed
ip link set port-a netns attic
sleep 0.2
bridge link show | awk '{print $2}'
try 'moved away'
ip -n attic link set port-a netns 1
ip link set port-a master br0 up
sleep 0.3
try back
ip -n b link del eth0
echo "left: $(bridge link show | sed 's/^[0-9]*: \([^:@]*\).*/\1/')"
ip link del br0
echo "after the bridge: $(bridge link show)"
ip -br link show port-a | awk '{print $1, $2}'
exit 0
