# A socket bound to a device: routes by other devices do not count for it; where the tables have none by that device, the destination is on link there.
# An address to send from decides nothing about the device.
# expect: status 0
# expect: two.eth0 rx arp who-has 192.0.2.1 tell 10.0.2.1 = 1
# expect: two.eth0 rx ip 10.0.2.1>192.0.2.1 .*echo request = 1
# expect: one.eth0 rx ip 10.0.2.1>192.0.2.1 .*echo request = 1
# expect: one.eth0 rx ip 10.0.1.1>192.0.2.1 .*echo request = 1
# expect: output from 10.0.2.1 if2: 56
# expect: output ^192.0.2.1 dev if2 src 10.0.2.1
# quick
set -u
ip netns add pc; ip -n pc link set lo up
for k in one:1 two:2; do
    ns=${k%:*} i=${k#*:}
    ip netns add $ns
    ip link add if$i netns pc type veth peer name eth0 netns $ns
    ip -n pc addr add 10.0.$i.1/24 dev if$i; ip -n pc link set if$i up
    ip -n $ns addr add 10.0.$i.2/24 dev eth0; ip -n $ns link set eth0 up; ip -n $ns link set lo up
    ip -n $ns addr add 192.0.2.1/32 dev lo
    ip -n $ns route add default via 10.0.$i.1
done
ip -n pc route add 192.0.2.0/24 via 10.0.1.2
ip -n pc route get 192.0.2.1
ip -n pc route get 192.0.2.1 oif if2
ip netns exec pc ping -c 1 -W 1 192.0.2.1
ip netns exec pc ping -c 1 -W 1 -I if2 192.0.2.1          # two answers ARP for it: it is on its lo
ip netns exec pc ping -c 1 -W 1 -I 10.0.2.1 192.0.2.1
ip netns exec pc ping -c 1 -W 1 -I 10.9.9.9 192.0.2.1
ip -n pc link set if2 down
ip netns exec pc ping -c 1 -W 1 -I if2 192.0.2.1
exit 0
