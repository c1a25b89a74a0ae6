# A router with a smaller MTU cuts what may be cut, also fragments, each on its own; DF is refused. It never puts together what it only passes on.
# expect: status 0
# expect: output 1408 bytes from 10.2.0.2
# expect: output Frag needed and DF set \(mtu = 1000\)
# expect: r.left rx ip 10.1.0.2>10.2.0.2 ttl 64 id x . icmp echo request id .* data 1400 = 1
# expect: r.right tx ip 10.1.0.2>10.2.0.2 ttl 63 id f.* frag 0\+ = 3
# expect: r.right tx ip 10.1.0.2>10.2.0.2 ttl 63 id f.* frag 976 . proto 1 data 432
# expect: r.right tx ip 10.1.0.2>10.2.0.2 ttl 63 id f.* frag 2456\+
# quick
set -e
ip netns add a; ip netns add r; ip netns add b
ip link add eth0 netns a type veth peer name left netns r
ip link add right netns r type veth peer name eth0 netns b
for x in "a eth0 10.1.0.2" "r left 10.1.0.1" "r right 10.2.0.1" "b eth0 10.2.0.2"; do
    set -- $x
    ip -n $1 addr add $3/24 dev $2
    ip -n $1 link set $2 up
done
ip -n r link set right mtu 1000
ip -n b link set eth0 mtu 1000
ip -n a route add default via 10.1.0.1
ip -n b route add default via 10.2.0.1
ip netns exec r sysctl -qw net.ipv4.ip_forward=1
ip netns exec a ping -c 1 -W 1 -M dont -s 1400 10.2.0.2
ip netns exec a ping -c 1 -W 1 -M dont -s 3000 10.2.0.2
ip netns exec a ping -c 1 -W 1 -M do -s 1400 10.2.0.2 || echo "status $?"
ip -n a route get 10.2.0.2 | sed 's/expires [0-9]*sec/expires/'
ip netns exec a ping -c 1 -W 1 -s 1400 10.2.0.2           # a knows now, and cuts itself
