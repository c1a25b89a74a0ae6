# Three questions, a second apart, and no answer: what waited is told "host unreachable" over lo, and the entry is FAILED. The next packet asks anew.
# expect: status 0
# expect: output From 10.0.0.1 icmp_seq=1 Destination Host Unreachable
# expect: output \+3 errors, 100% packet loss
# expect: output ^10.0.0.9 dev eth0\s+FAILED
# expect: output status 1
# expect: output 1 packets transmitted, 0 received
# expect: red.eth0 tx arp who-has 10.0.0.9 tell 10.0.0.1 = 6
# expect: red.lo tx icmp 3/1 host unreachable
# expect: blue.eth0 rx icmp = 0
ip netns add red
ip netns add blue
ip link add veth-red type veth peer name veth-blue
ip link set veth-red netns red name eth0
ip link set veth-blue netns blue name eth0
for ns in red blue; do
    ip netns exec $ns ip link set lo up
    ip netns exec $ns ip link set dev eth0 up
done
ip netns exec red ip addr add 10.0.0.1/24 dev eth0
ip netns exec blue ip addr add 10.0.0.2/24 dev eth0
sleep 0.2
ip netns exec red ping -c 3 -i 0.3 -W 6 10.0.0.9
echo "status $?"
ip netns exec red ip neigh
ip netns exec red ping -c 1 -W 2.5 10.0.0.9
sleep 1
ip netns exec red ip neigh
exit 0
