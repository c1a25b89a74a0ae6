# What is said while the cable is out is said again, later and later, and arrives once it is back.
# expect: status 0
# expect: output ^one$
# expect: output ^two$
# expect: client.eth0 tx PA seq 1 ack 1 .* data 4 = 1
# expect: server.eth0 rx PA seq 5 ack 1 .* data 4 = 1
# needs: nc
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
(echo one; sleep 1; echo two; sleep 4) | ip netns exec client nc -N 10.0.0.2 9000 &
sleep 0.7
ip -n server link set eth0 down
sleep 1.2
ip -n server link set eth0 up
sleep 4.5
wait
cat got
rm got
