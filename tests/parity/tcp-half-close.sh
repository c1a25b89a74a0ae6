# The server has no more to say (nc -N) and still listens: what the client says after that arrives, until it ends, too.
# expect: status 0
# expect: output ^late word$
# expect: server.eth0 tx FA seq 1 ack 1 = 1
# expect: client.eth0 tx PA seq 1 ack 2 .* data 10 = 1
# expect: client.eth0 tx FA seq 11 ack 2 = 1
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
ip netns exec server nc -l -N 9000 < /dev/null &
sleep 0.3
(sleep 1; echo late word) | ip netns exec client nc -N 10.0.0.2 9000
wait
