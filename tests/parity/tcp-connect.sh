# Three segments open a connection; each side says something, and each ends its own direction.
# expect: status 0
# expect: output ^question$
# expect: output ^answer$
# expect: client.eth0 tx tcp p1>9000 S seq 0 win 64240 \[mss 1460,sackok = 1
# expect: server.eth0 tx tcp 9000>p1 SA seq 0 ack 1 win 65160 = 1
# expect: client.eth0 tx tcp p1>9000 FA = 1
# expect: server.eth0 tx tcp 9000>p1 FA = 1
# needs: nc
# quick
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
(sleep 0.2; echo answer) | ip netns exec server nc -l -N 9000 > got &
sleep 0.3
(sleep 0.2; echo question; sleep 0.2) | ip netns exec client nc -N 10.0.0.2 9000
wait
cat got
rm got
