# Addresses are flushed in mid-flow. A sender without an address has no route any more and is told so at once; a receiver without one lets packets for it
# pass by, and after the address is back the conversation goes on.
# expect: status 0
# expect: output ^receiver flushed: 1 received
# expect: output ^receiver back: 1 received
# expect: output Network is unreachable
# expect: output ^routes: 0
# expect: output ^sender back: 1 received
# expect: blue.eth0 rx icmp echo request = 5
# expect: blue.eth0 tx icmp echo reply = 3
# expect: red.eth0 tx icmp echo request = 5
set -u
ip netns add red
ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0
ip -n blue addr add 10.0.0.2/24 dev eth0
for ns in red blue; do ip -n $ns link set lo up; ip -n $ns link set eth0 up; done
sleep 0.3
received() { grep -o '[0-9]* received'; }
echo "receiver flushed: $(
    ip netns exec red ping -c 3 -i 0.4 -W 0.4 10.0.0.2 > /tmp/ip-flush-$$ &
    sleep 0.2
    ip -n blue addr flush dev eth0
    wait
    received < /tmp/ip-flush-$$
    rm -f /tmp/ip-flush-$$
)"
ip -n blue route
ip -n blue addr add 10.0.0.2/24 dev eth0
echo "receiver back: $(ip netns exec red ping -c 1 -W 1 10.0.0.2 | received)"
ip -n red route add 10.5.0.0/16 via 10.0.0.2
ip -n red addr flush to 10.0.0.0/8
echo "routes: $(ip -n red route show table all | grep -c eth0)"
ip netns exec red ping -c 1 -W 1 10.0.0.2 || echo "status $?"
ip -n red addr add 10.0.0.1/24 dev eth0
echo "sender back: $(ip netns exec red ping -c 1 -W 1 10.0.0.2 | received)"
exit 0
