# A bridge takes the smallest MTU of its ports, and what is too big for a port is dropped there without a word: no router, no ICMP.
# expect: status 0
# expect: output ^bridge: 1400
# expect: output ^small: 1 received
# expect: output ^big: 0 received
# expect: output ^big from the bridge: local error: message too long, mtu=1400
# expect: output ^set by hand: 1500
# expect: output ^port gone: 1500
# expect: host.va rx icmp echo request .*1472 = 1
# expect: host.vb tx 1472 = 0
# expect: a.eth0 rx frag needed = 0
set -u
ip link add br0 address 02:00:00:00:00:fe type bridge
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up
i=0
for ns in a b; do
    i=$((i + 1))
    ip netns add $ns
    ip link add v$ns type veth peer name eth0 netns $ns
    ip link set v$ns master br0 up
    ip -n $ns addr add 10.0.0.$i/24 dev eth0
    ip -n $ns link set eth0 up
done
sleep 0.3
mtu() { ip link show "$1" | sed -n 's/.*mtu \([0-9]*\).*/\1/p'; }
try() { echo "$1: $(ip netns exec a ping -c 1 -W 0.5 -M do -s "$2" 10.0.0.2 2>&1 | grep -o '. received')"; }
ip link set vb mtu 1400
ip -n b link set eth0 mtu 1400
echo "bridge: $(mtu br0)"
try small 1372
try big 1472
echo "big from the bridge: $(ping -c 1 -W 0.5 -M do -s 1472 10.0.0.2 2>&1 | grep -o 'local error.*')"
ip link set br0 mtu 1500
echo "set by hand: $(mtu br0)"
ip link del vb
echo "port gone: $(mtu br0)"
exit 0
