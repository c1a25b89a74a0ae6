# The MTU changes in mid-flow. Lowered at one end, its packets are cut from then on, but the whole answer to them does not fit in: lost without a word. At
# both ends, all is cut and arrives; with DF it is refused on the spot; raised again at one end only, the sender hears that there is no buffer space.
# expect: status 0
# expect: output ^whole: 1 received
# expect: output ^lowered at one end: 0 received
# expect: output ^lowered at both: 1 received
# expect: output message too long, mtu=1000
# expect: output No buffer space available
# expect: output ^raised at one end: 0 received
# expect: output ^small enough: 1 received
# expect: output mtu less than device minimum
# expect: output ^addresses below 68: 0
# expect: blue.eth0 tx echo reply = 4
set -u
received() { grep -o '[0-9]* received'; }
ip netns add red
ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0
ip -n blue addr add 10.0.0.2/24 dev eth0
for ns in red blue; do ip -n $ns link set lo up; ip -n $ns link set eth0 up; done
sleep 0.3
big() { ip netns exec red ping -c 1 -s 1400 -W 0.5 "$@" 10.0.0.2; }
echo "whole: $(big | received)"
ip -n red link set eth0 mtu 1000
echo "lowered at one end: $(big | received)"
ip -n blue link set eth0 mtu 1000
echo "lowered at both: $(big | received)"
big -M do
ip -n red link set eth0 mtu 1500
echo "raised at one end: $(big | received)"
echo "small enough: $(ip netns exec red ping -c 1 -s 900 -W 1 10.0.0.2 | received)"
ip -n red link set eth0 mtu 60
ip -n red route get 10.0.0.2 | head -1
ip -n red link set lo mtu 60
echo "addresses below 68: $(ip -n red -4 -o addr show dev lo | wc -l)"
exit 0
