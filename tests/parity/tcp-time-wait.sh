# Who ends first keeps the connection for a minute: nobody can bind its port, not even to go elsewhere; another port may connect.
# expect: status 0
# expect: output TIME-WAIT +0 +0 +10.0.0.1:40000 +10.0.0.2:9000
# expect: output again: 1
# expect: output elsewhere: 1
# expect: output another: 0
# expect: server.eth0 rx tcp 40000>9000 S = 1
# expect: server.eth0 rx tcp 40001>9000 S = 1
# needs: nc ss
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
for port in 9000 9001; do ip netns exec server nc -l -k $port > /dev/null & done
sleep 0.3
ip netns exec client nc -N -p 40000 10.0.0.2 9000 < /dev/null
sleep 0.2
ip netns exec client ss -tan
status=0; ip netns exec client nc -N -w 1 -p 40000 10.0.0.2 9000 < /dev/null || status=$?; echo "again: $status"
status=0; ip netns exec client nc -N -w 1 -p 40000 10.0.0.2 9001 < /dev/null || status=$?; echo "elsewhere: $status"
ip netns exec client nc -N -w 1 -p 40001 10.0.0.2 9000 < /dev/null; echo "another: $?"
kill %1 %2
