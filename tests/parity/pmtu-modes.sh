# Who sets DF: ping and UDP by default on what fits the path (want), always (do, probe), never (dont); ip_no_pmtu_disc=1 turns the default off and does not
# learn; the DF bit of an answer to an echo is never set.
# expect: status 0
# expect: b.eth0 rx ip 10.0.0.1>10.0.0.2 ttl 64 df id x . icmp echo request id .* data 100
# expect: b.eth0 rx ip 10.0.0.1>10.0.0.2 ttl 64 df id 0 . icmp echo request id .* data 101
# expect: b.eth0 rx ip 10.0.0.1>10.0.0.2 ttl 64 id x . icmp echo request id .* data 102
# expect: b.eth0 rx ip 10.0.0.1>10.0.0.2 ttl 64 df id x . udp
# expect: b.eth0 rx ip 10.0.0.1>10.0.0.2 ttl 64 id x . udp
# expect: b.eth0 tx ip 10.0.0.2>10.0.0.1 ttl 64 (tos c0 )?df = 0
# quick
# needs: nc
ip netns add a && ip netns add b
ip link add eth0 netns a type veth peer name eth0 netns b
ip -n a addr add 10.0.0.1/24 dev eth0
ip -n b addr add 10.0.0.2/24 dev eth0
ip -n a link set eth0 up
ip -n b link set eth0 up
a="ip netns exec a"
$a ping -q -c 1 -W 1 -s 100 10.0.0.2
$a ping -q -c 1 -W 1 -s 101 -M do 10.0.0.2
$a ping -q -c 1 -W 1 -s 102 -M dont 10.0.0.2
$a ping -q -c 1 -W 1 -s 103 -M want 10.0.0.2
echo 1 | $a nc -u -q 0 -w 1 10.0.0.2 9
$a sysctl -w net.ipv4.ip_no_pmtu_disc=1
echo 2 | $a nc -u -q 0 -w 1 10.0.0.2 9
$a ping -q -c 1 -W 1 -s 104 10.0.0.2
$a sysctl -w net.ipv4.ip_no_pmtu_disc=0
echo 3 | $a nc -u -q 0 -w 1 10.0.0.2 9
