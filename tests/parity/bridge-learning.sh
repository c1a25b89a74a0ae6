# A bridge learns who is behind which port: the first frame to a stranger goes to all, an answer already goes to one.
# expect: status 0
# expect: output ^02:00:00:00:00:0a dev va master br0
# expect: output ^02:00:00:00:00:0b dev vb master br0
# expect: output ^0$
# expect: c.eth0 rx arp who-has 10.0.0.2 = 1
# expect: c.eth0 rx . = 1
# expect: b.eth0 rx icmp echo request = 3
# expect: host.br0 rx icmp = 0
# quick
set -e
ip link add br0 type bridge
ip link set br0 up
n=0
for ns in a b c; do
    n=$((n + 1))
    ip netns add $ns
    ip link add v$ns type veth peer name eth0 address 02:00:00:00:00:0$ns netns $ns
    ip link set v$ns master br0
    ip link set v$ns up
    ip netns exec $ns ip addr add 10.0.0.$n/24 dev eth0
    ip netns exec $ns ip link set eth0 up
done
sleep 0.3
bridge fdb show br br0 | grep -c 02:00:00:00:00:0 || true     # nobody spoke yet
ip netns exec a ping -c 3 -i 0.2 10.0.0.2
bridge fdb show br br0 | grep 02:00:00:00:00:0
