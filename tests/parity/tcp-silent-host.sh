# A host that answers nothing: the first segment goes out again every second, until the client gives up.
# expect: status 0
# expect: output curl: \(28\)
# expect: output timeout: 124
# expect: output nc: 1
# expect: client.eth0 tx tcp p1>80 S = 4
# expect: client.eth0 tx tcp p2>81 S = 3
# expect: server.eth0 tx tcp = 0
# needs: nc curl iptables
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
ip netns exec server iptables -A INPUT -p tcp -j DROP
ip netns exec client curl -s -S --connect-timeout 3.5 http://10.0.0.2/ 2>&1 | sed 's/after.*//' || true
timeout 2.5 ip netns exec client nc 10.0.0.2 81 || echo "timeout: $?"
ip netns exec client nc -w 2 10.0.0.2 82 || echo "nc: $?"
