# Fragments that never come: a receiver that has the first one tells the sender after 30 s (ipfrag_time, here 3) that reassembly took too long; without the
# first it says nothing. A router in between loses them.
# expect: status 0
# expect: a.eth0 rx ip 10.2.0.2>10.1.0.2 ttl 63 tos c0 id x . icmp 11/1 reassembly time exceeded quote 548 = 1
# expect: b.eth0 rx frag 0\+ = 1
# expect: b.eth0 rx frag 2960 = 1
# expect: b.eth0 rx frag 1480 = 1
# expect: b.eth0 tx echo reply = 0
ip netns add a
ip netns add r
ip netns add b
ip link add eth0 netns a type veth peer name left netns r
ip link add eth0 netns b type veth peer name right netns r
ip -n a addr add 10.1.0.2/24 dev eth0
ip -n r addr add 10.1.0.1/24 dev left
ip -n r addr add 10.2.0.1/24 dev right
ip -n b addr add 10.2.0.2/24 dev eth0
ip -n a link set eth0 up
ip -n b link set eth0 up
ip -n r link set left up
ip -n r link set right up
ip -n a route add default via 10.1.0.1
ip -n b route add default via 10.2.0.1
ip netns exec r sysctl -qw net.ipv4.ip_forward=1
ip netns exec b sysctl -w net.ipv4.ipfrag_time=2
# three fragments; the middle one is lost on the way
ip netns exec r iptables -A FORWARD -f -m length --length 1500 -j DROP
ip netns exec a ping -c 1 -W 3 -s 3000 10.2.0.2
ip netns exec r iptables -vnL FORWARD
# two fragments, the first is lost
ip netns exec r iptables -F FORWARD
ip netns exec r iptables -A FORWARD ! -f -d 10.2.0.2 -j DROP
ip netns exec a ping -c 1 -W 3 -s 2000 10.2.0.2
ip netns exec r iptables -vnL FORWARD
exit 0
