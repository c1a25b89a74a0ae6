# Frames for the bridge's own MAC, or a port's, go up to the bridge; a frame that comes with the bridge's own MAC as its source is bridged, but never learned.
# expect: status 0
# expect: output ^to the bridge: 1 received
# expect: output ^to its port: 1 received
# expect: output ^to another port: 0 received
# expect: output ^with the MAC of the bridge, to b: 0 received
# expect: host.br0 rx icmp echo request = 3
# expect: host.br0 tx icmp echo reply = 2
# expect: b.eth0 rx 10.0.0.1>10.0.0.2 = 1
# expect: host.va tx 10.0.0.2>10.0.0.1 = 0
set -u
ip link add br0 address 02:00:00:00:00:01 type bridge
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up
i=0
for ns in a b; do
    i=$((i + 1))
    ip netns add $ns
    ip link add v$ns address 02:00:00:00:01:0$i type veth peer name eth0 address 02:00:00:00:02:0$i netns $ns
    ip link set v$ns master br0 up
    ip -n $ns addr add 10.0.0.$i/24 dev eth0
    ip -n $ns link set eth0 up
done
sleep 0.3
try() { echo "$1: $(ip netns exec a ping -c 1 -W 0.3 $2 | grep -o '. received')"; }
try 'to the bridge' 10.0.0.254
ip -n a neigh replace 10.0.0.254 lladdr 02:00:00:00:01:01 dev eth0      # of the port that a is at
try 'to its port' 10.0.0.254
ip -n a neigh replace 10.0.0.254 lladdr 02:00:00:00:01:02 dev eth0      # of b's port: up too, but it is for another host
try 'to another port' 10.0.0.254

ip -n a link set eth0 address 02:00:00:00:00:01                        # the bridge's
ip -n a neigh replace 10.0.0.2 lladdr 02:00:00:00:02:02 dev eth0
ip -n b neigh replace 10.0.0.1 lladdr 02:00:00:00:00:01 dev eth0
try 'with the MAC of the bridge, to b' 10.0.0.2
bridge fdb show br br0 | grep 02:00:00:00:00:01
exit 0
