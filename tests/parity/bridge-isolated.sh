# Isolated ports reach the others and the bridge, but not each other.
# expect: status 0
# expect: output ^a to b: 0 received
# expect: output ^a to c: 1 received
# expect: output ^a to the bridge: 1 received
# expect: output ^a to b, not isolated: 1 received
# expect: b.eth0 rx arp who-has 10.0.0.2 tell 10.0.0.1 = 1
# expect: c.eth0 rx arp who-has 10.0.0.2 tell 10.0.0.1
set -e
ip link add br0 address 02:00:00:00:00:fe type bridge
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up
i=0
for ns in a b c; do
    i=$((i + 1))
    ip netns add $ns
    ip link add v$ns type veth peer name eth0 netns $ns
    ip link set v$ns master br0 up
    ip -n $ns addr add 10.0.0.$i/24 dev eth0
    ip -n $ns link set eth0 up
done
ip link set va type bridge_slave isolated on
ip link set vb type bridge_slave isolated on
sleep 0.3
try() { echo "$1: $(ip netns exec a ping -c 1 -W 0.3 $2 | grep -o '. received')"; }
try 'a to c' 10.0.0.3
try 'a to the bridge' 10.0.0.254
try 'a to b' 10.0.0.2
sleep 3
ip link set vb type bridge_slave isolated off
try 'a to b, not isolated' 10.0.0.2
