# A port is taken out of its bridge: what was known behind it is forgotten, the device works on its own, and an address on it is used only then.
# expect: status 0
# expect: output ^in the bridge: 1 received
# expect: output ^address of a port: 0 received
# expect: output ^out of it: 1 received
# expect: output ^to the bridge: 0 received
# expect: output ^back: 1 received
# expect: host.br0 tx icmp echo reply = 2
# expect: host.veth-a tx 10.0.1.254>10.0.1.1 .*echo reply = 1
set -u
brctl addbr br0
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up
ip netns add a
ip link add veth-a type veth peer name eth0 netns a
brctl addif br0 veth-a
ip link set veth-a up
ip -n a addr add 10.0.0.1/24 dev eth0
ip -n a addr add 10.0.1.1/24 dev eth0
ip -n a link set eth0 up
ip addr add 10.0.1.254/24 dev veth-a
sysctl -qw net.ipv4.conf.all.arp_ignore=1
sleep 0.3
try() { echo "$1: $(ip netns exec a ping -c 1 -W 0.3 $2 | grep -o '. received')"; }
brctl show br0 | tail -1 | awk '{print $3, $4}'
try 'in the bridge' 10.0.0.254
try 'address of a port' 10.0.1.254
sleep 3
brctl delif br0 veth-a
bridge fdb show br br0
ip -n a neigh flush all
try 'out of it' 10.0.1.254
try 'to the bridge' 10.0.0.254
sleep 3
ip addr del 10.0.1.254/24 dev veth-a
ip link set veth-a master br0
sleep 0.3
try back 10.0.0.254
exit 0
