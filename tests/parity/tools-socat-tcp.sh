# socat: an echo server for any number of clients, one client from a port it chose, and a one-way transfer.
# expect: status 0
# expect: output ^first$
# expect: output ^second$
# expect: output ^one way$
# expect: server.eth0 tx tcp 9000>p1 PA seq 1 ack 7 .* data 6 = 1
# expect: client.eth0 tx tcp 4000>9000 S = 1
# expect: server.eth0 tx tcp 9001>p\d PA = 0
# expect: output ended by the signal: 143
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
ip netns exec server socat TCP-LISTEN:9000,fork,reuseaddr EXEC:cat &
echo_server=$!
ip netns exec server socat -u TCP-LISTEN:9001,reuseaddr STDOUT &
sleep 0.4
(echo first; sleep 0.3) | ip netns exec client socat - TCP:10.0.0.2:9000
sleep 0.2
(echo second; sleep 0.3) | ip netns exec client socat STDIO TCP4:10.0.0.2:9000,bind=10.0.0.1,sourceport=4000
sleep 0.2
(echo one way; sleep 0.2) | ip netns exec client socat -u - TCP:10.0.0.2:9001
sleep 0.3
kill $echo_server
wait $echo_server || echo "ended by the signal: $?"
