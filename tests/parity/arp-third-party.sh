# A question that everybody hears teaches bystanders nothing new; who has an entry of the asker takes its new MAC once the lock of a second is over.
# expect: status 0
# expect: output ^bystander without entry: $
# expect: output ^bystander, locked: 10.9.0.1 dev eth0 lladdr 02:00:00:00:00:99
# expect: output ^bystander, later: 10.9.0.1 dev eth0 lladdr 02:00:00:00:00:01 STALE
# expect: output ^asked one: 10.9.0.1 dev eth0 lladdr 02:00:00:00:00:01
# expect: bystander.eth0 rx arp who-has 10.9.0.2 tell 10.9.0.1 = 3
# expect: bystander.eth0 tx arp = 0
set -e
ip link add name br0 type bridge
ip link set dev br0 up
i=0
for ns in asker asked bystander; do
    i=$((i + 1))
    ip netns add $ns
    ip link add $ns type veth peer name eth0 netns $ns address 02:00:00:00:00:0$i
    ip link set dev $ns master br0
    ip link set dev $ns up
    ip -n $ns addr add 10.9.0.$i/24 dev eth0
    ip -n $ns link set eth0 up
done
sleep 0.3
ask() { ip -n asker neigh flush all; ip netns exec asker ping -q -c 1 10.9.0.2 > /dev/null; sleep 0.1; }

ask
echo "asked one: $(ip -n asked neigh show 10.9.0.1)"
echo "bystander without entry: $(ip -n bystander neigh show)"
ip -n bystander neigh replace 10.9.0.1 lladdr 02:00:00:00:00:99 dev eth0 nud stale
ask
echo "bystander, locked: $(ip -n bystander neigh show 10.9.0.1)"
sleep 1.5
ask
echo "bystander, later: $(ip -n bystander neigh show 10.9.0.1)"
