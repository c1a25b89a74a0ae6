# Two hosts behind one port cannot talk through the bridge, which sends nothing back where it came from, until the port's hairpin mode is on.
# expect: status 0
# expect: output ^off: 0 received
# expect: output ^on: 1 received
# expect: host.down0 rx arp who-has 10.0.0.2 tell 10.0.0.1
# expect: host.down0 tx arp who-has 10.0.0.2 tell 10.0.0.1 = 1
# expect: host.down0 rx arp who-has 10.0.0.2 tell 10.0.0.1 = 4
# expect: host.down0 tx icmp echo request = 1
# expect: second.eth0 rx icmp echo request = 1
set -e
# a virtual Ethernet port aggregator: its two hosts only see the uplink
ip netns add aggregator
ip link add br0 type bridge
ip link set br0 up
ip link add down0 type veth peer name uplink netns aggregator
ip link set down0 master br0 up
ip -n aggregator link add agg type bridge
ip -n aggregator link set agg up
ip -n aggregator link set uplink master agg up
ip netns exec aggregator bridge link set dev uplink learning off
i=0
for ns in first second; do
    i=$((i + 1))
    ip netns add $ns
    ip link add $ns netns aggregator type veth peer name eth0 netns $ns
    ip -n aggregator link set $ns master agg up
    ip netns exec aggregator bridge link set dev $ns isolated on learning off
    ip -n $ns addr add 10.0.0.$i/24 dev eth0
    ip -n $ns link set eth0 up
done
sleep 0.5
try() { echo "$1: $(ip netns exec first ping -c 1 -W 0.5 10.0.0.2 | grep -o '. received')"; }
try off
sleep 3.2                                     # until it has given up
bridge link set dev down0 hairpin on
bridge -d link show dev down0 | grep -o 'hairpin on'
try on
