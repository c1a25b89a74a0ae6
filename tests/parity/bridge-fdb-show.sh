# The table as people read it: by bridge, by port, by state, with ages; entries that stick, and flushing.
# expect: status 0
# expect: output ^02:00:00:00:00:02 dev vb master br0 static
# expect: output ^sticky stays: 02:00:00:00:00:05 dev va sticky master br0 static
# expect: output ^flushed: 0
# expect: output ^static left: 1
# expect: c.eth0 rx icmp echo request
set -u
ip link add br0 address 02:00:00:00:00:fe type bridge
ip link set br0 up
i=0
for ns in a b c; do
    i=$((i + 1))
    ip netns add $ns
    ip link add v$ns address 02:00:00:00:01:0$i type veth peer name eth0 address 02:00:00:00:00:0$i netns $ns
    ip link set v$ns master br0 up
    ip -n $ns addr add 10.0.0.$i/24 dev eth0
    ip -n $ns link set eth0 up
    for j in 1 2 3; do [ $i = $j ] || ip -n $ns neigh add 10.0.0.$j lladdr 02:00:00:00:00:0$j dev eth0; done
done
sleep 0.3
bridge fdb add 02:00:00:00:00:02 dev vb master static
bridge fdb add 02:00:00:00:00:05 dev va master static sticky
bridge fdb add 02:00:00:00:00:06 dev vc master dynamic
bridge fdb show br br0 state static
bridge fdb show br br0 | grep master | grep -v permanent
bridge fdb show dev vc | grep -v permanent
bridge fdb get 02:00:00:00:00:02 br br0
ip -n c link set eth0 address 02:00:00:00:00:05
ip netns exec c ping -c 1 -W 0.2 10.0.0.1 | grep received
echo "sticky stays: $(bridge fdb show br br0 | grep 00:05)"
ip -n c link set eth0 address 02:00:00:00:00:03
for ns in a b c; do ip netns exec $ns ping -q -c 1 -W 0.2 10.0.0.$([ $ns = a ] && echo 3 || echo 1) | grep received; done
ip link set br0 type bridge fdb_flush
echo "flushed: $(bridge fdb show br br0 | grep master | grep -vc 'permanent\|static')"
echo "static left: $(bridge fdb show br br0 | grep -c 'dev vb master br0 static')"
exit 0
