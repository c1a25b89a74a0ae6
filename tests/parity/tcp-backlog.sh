# A queue for one (nc -l): two connections fit beside the one being served, and of who comes then not even the first segment is answered.
# expect: status 0
# expect: output fourth: 1
# expect: server.eth0 tx SA = 3
# expect: server.eth0 rx tcp p4>9000 S
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
ip netns exec server nc -l -k 9000 > /dev/null &
server=$!
sleep 0.3
for i in 1 2 3; do
    ip netns exec client nc -d 10.0.0.2 9000 &
    sleep 0.3
done
ip netns exec client nc -w 2 10.0.0.2 9000 < /dev/null || echo "fourth: $?"
kill $server
sleep 0.3
