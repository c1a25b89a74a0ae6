# Nobody listens: the host resets, and the client is told at once. One that listens on another address only is nobody, too.
# expect: status 0
# expect: output Connection refused
# expect: output curl: \(7\) Failed to connect to 10.0.0.2 port 81
# expect: server.eth0 tx tcp \d+>p\d+ RA seq zero ack 1 win 0 = 3
# needs: nc curl
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
ip -n server link set lo up
ip netns exec server nc -l 127.0.0.1 80 &
sleep 0.2
ip netns exec client nc -v -w 2 10.0.0.2 80 2>&1 || echo "nc: $?"
ip netns exec client nc -z 10.0.0.2 82 || echo "scan: $?"
ip netns exec client curl -sS http://10.0.0.2:81/ 2>&1 | sed 's/after [0-9]* ms//' || true
kill %1
