# A firewall swallows the client's data for a while: it goes out again, each time after twice as long, and the server has it once.
# expect: status 0
# expect: output ^hello$
# expect: client.eth0 tx PA seq 1 ack 1 .* data 6 = 4
# expect: server.eth0 rx PA seq 1 ack 1 .* data 6 = 4
# expect: server.eth0 tx tcp 9000>p1 A seq 1 ack 7 = 1
# needs: nc iptables
set -e
ip netns add client
ip netns add server
ip link add eth0 netns client type veth peer name eth0 netns server
ip -n client addr add 10.0.0.1/24 dev eth0
ip -n server addr add 10.0.0.2/24 dev eth0
ip -n client link set eth0 up
ip -n server link set eth0 up
sleep 0.2
ip netns exec client ping -c 1 10.0.0.2 > /dev/null # they know each other
sleep 0.1
ip netns exec server nc -l 9000 > got &
sleep 0.3
(sleep 0.5; echo hello; sleep 2) | ip netns exec client nc -N 10.0.0.2 9000 &
sleep 0.2
ip netns exec server iptables -A INPUT -p tcp --dport 9000 -j DROP
sleep 1
ip netns exec server iptables -F INPUT
wait
cat got
rm got
