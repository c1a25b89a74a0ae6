# A static entry sends frames to its port without having heard anybody there, also if it is the wrong one; only `local` ones go up to the bridge.
# expect: status 0
# expect: output ^right: 1 received
# expect: output ^wrong: 0 received
# expect: output File exists
# expect: output ^moved away by its owner: 1 received
# expect: c.eth0 rx icmp echo request = 1
# expect: b.eth0 rx icmp echo request = 2
# expect: host.br0 rx 10.0.0.1>10.0.0.2 = 1
set -u
ip link add br0 type bridge
ip link set br0 up
i=0
for ns in a b c; do
    i=$((i + 1))
    ip netns add $ns
    ip link add v$ns type veth peer name eth0 address 02:00:00:00:00:0$i netns $ns
    ip link set v$ns master br0 up
    ip -n $ns addr add 10.0.0.$i/24 dev eth0
    ip -n $ns link set eth0 up
done
ip -n a neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0
ip -n b neigh add 10.0.0.1 lladdr 02:00:00:00:00:01 dev eth0
sleep 0.3
try() { echo "$1: $(ip netns exec a ping -c 1 -W 0.3 10.0.0.2 | grep -o '. received')"; }

bridge fdb add 02:00:00:00:00:02 dev vb master static
bridge fdb add 02:00:00:00:00:01 dev va master static
try right
bridge fdb add 02:00:00:00:00:02 dev vc master static
bridge fdb replace 02:00:00:00:00:02 dev vc master static
try wrong                                    # c takes it for somebody else's
ip netns exec b ping -c 1 -W 0.3 10.0.0.1    # its owner speaks
bridge fdb show br br0 | grep 02:00:00:00:00:02
try 'moved away by its owner'
bridge fdb replace 02:00:00:00:00:02 dev vb master permanent
try local
bridge fdb del 02:00:00:00:00:02 dev vb master
bridge fdb show br br0 | grep 02:00:00:00:00:0
exit 0
