# ping says by its exit status whether anybody answered, and a host that has nobody to ask answers itself.
# expect: status 0
# expect: output 3 packets transmitted, 3 received, 0% packet loss
# expect: output Destination Host Unreachable
# expect: output nobody: 1
# expect: output no route: 2
# expect: b.eth0 rx icmp echo request .* data 100 = 3
# expect: a.lo tx icmp 3/1 host unreachable
set -u
ip netns add a
ip netns add b
ip link add a-eth0 type veth peer name b-eth0
ip link set a-eth0 netns a name eth0
ip link set b-eth0 netns b name eth0
ip -n a link set lo up
ip netns exec a bash -c '
    ip addr add 192.168.7.1/24 dev eth0
    ip link set eth0 up
'
ip netns exec b ip addr add 192.168.7.2/24 dev eth0
ip netns exec b ip link set eth0 up
sleep 0.2
ip netns exec a ping -c 3 -i 0.2 -s 100 192.168.7.2
status=0
ip netns exec a ping -c 1 -W 4 192.168.7.3 || status=$?
echo "nobody: $status"
ip netns exec a ping -c 1 -W 1 172.16.0.1 || echo "no route: $?"
