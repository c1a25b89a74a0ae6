# What nobody said for ageing_time is forgotten and flooded again. With ageing_time 0 nothing is learned and all is flooded.
# expect: status 0
# expect: output ^known: 1
# expect: output ^aged: 0
# expect: output ^no learning: 0
# expect: c.eth0 rx icmp echo request = 3
# expect: c.eth0 rx icmp echo reply = 1
# expect: b.eth0 rx icmp echo request = 4
set -e
ip link add br0 type bridge ageing_time 200       # 2 s, in 1/100 s
ip link set br0 up
i=1
for ns in a b c; do
    ip netns add $ns
    ip link add v$ns type veth peer name eth0 netns $ns
    ip link set v$ns master br0 up
    ip -n $ns addr add 10.0.0.$((i++))/24 dev eth0
    ip -n $ns link set eth0 up
done
mac() { ip -n $1 -br link show eth0 | awk '{ print $3 }'; }
ip -n a neigh add 10.0.0.2 lladdr $(mac b) dev eth0
ip -n b neigh add 10.0.0.1 lladdr $(mac a) dev eth0
sleep 0.3
ip netns exec a ping -c 2 -i 0.2 10.0.0.2          # the first is flooded
echo "known: $(bridge fdb show brport vb | grep -c $(mac b))"
sleep 4
echo "aged: $(bridge fdb show brport vb | grep -c $(mac b) || true)"
ip netns exec a ping -c 1 10.0.0.2                 # flooded again

sleep 4
ip link set br0 type bridge ageing_time 0
ip netns exec a ping -c 1 10.0.0.2                 # both ways
echo "no learning: $(bridge fdb show brport vb | grep -c $(mac b) || true)"
