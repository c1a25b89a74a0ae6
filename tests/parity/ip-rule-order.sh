# Rules are asked by priority, and what is added without one goes before the others: the last one wins. A rule that finds no route passes on to the next,
# `throw` too; `flush` leaves only the rule of the local table.
# expect: status 0
# expect: output ^one way: a
# expect: output ^newer first: b
# expect: output ^explicit: a
# expect: output ^thrown back: b
# expect: output ^main: 0 received
# expect: output Network is unreachable
# expect: a.eth0 rx icmp echo request = 2
# expect: b.eth0 rx icmp echo request = 2
set -u
for ns in host-a a b; do ip netns add $ns; ip -n $ns link set lo up; done
for to in a b; do
    ip link add to-$to netns host-a type veth peer name eth0 netns $to
    ip -n host-a link set to-$to up
    ip -n $to link set eth0 up
    ip -n $to addr add 192.0.2.1/32 dev lo
done
ip -n host-a addr add 10.1.0.1/24 dev to-a
ip -n host-a addr add 10.2.0.1/24 dev to-b
ip -n a addr add 10.1.0.2/24 dev eth0
ip -n b addr add 10.2.0.2/24 dev eth0
ip -n a route add default via 10.1.0.1
ip -n b route add default via 10.2.0.1
ip -n host-a route add 192.0.2.1 via 10.1.0.2 table 101
ip -n host-a route add 192.0.2.1 via 10.2.0.2 table 102
sleep 0.3
way() {
    ip netns exec host-a ping -q -c 1 -W 0.5 192.0.2.1 > /dev/null || true
    ip -n host-a route get 192.0.2.1 | sed -n 's/.* dev to-\([ab]\) .*/\1/p'
}
ip -n host-a rule add to 192.0.2.0/24 table 101
echo "one way: $(way)"
ip -n host-a rule add to 192.0.2.0/24 table 102
echo "newer first: $(way)"
ip -n host-a rule add to 192.0.2.1 lookup 101 pref 10
echo "explicit: $(way)"
ip -n host-a route replace throw 192.0.2.1 table 101
ip -n host-a rule
echo "thrown back: $(way)"
ip -n host-a rule flush
ip -n host-a rule
ip netns exec host-a ping -c 1 -W 0.5 10.1.0.2 || echo "main: 0 received"
exit 0
