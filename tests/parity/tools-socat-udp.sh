# socat over UDP: a server that answers each datagram, a receiver, a sender to a broadcast address.
# expect: status 0
# expect: output ^hello$
# expect: output ^pong$
# expect: output ^to all$
# expect: server.eth0 rx udp p\d>5001 .*data 6 = 1
# expect: client.eth0 tx ip 10.0.0.1>10.0.0.255 .*udp p\d>5000 = 1
# needs: socat
set -e
ip netns add client
ip netns add server
ip link add eth0 netns client type veth peer name eth0 netns server
ip -n client addr add 10.0.0.1/24 dev eth0
ip -n server addr add 10.0.0.2/24 dev eth0
ip -n client link set eth0 up
ip -n server link set eth0 up
sleep 0.2
ip netns exec server socat UDP-LISTEN:5001,fork EXEC:cat &
ip netns exec server socat UDP-RECVFROM:5002,fork EXEC:'echo pong' &
ip netns exec server socat -u UDP-RECV:5000 - &
sleep 0.4
(echo hello; sleep 0.3) | ip netns exec client socat - UDP:10.0.0.2:5001
sleep 0.2
(echo ping; sleep 0.3) | ip netns exec client socat - UDP:10.0.0.2:5002
sleep 0.2
echo to all | ip netns exec client socat - UDP-SENDTO:10.0.0.255:5000,broadcast
sleep 0.3
